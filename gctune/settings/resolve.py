"""Turns settings into a plan: the exact values for one host, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gctune.errors import ConfigError, problem
from gctune.host import Host
from gctune.host.interpreter import Collector
from gctune.runtime.knob import LEAST_MEMORY
from gctune.runtime.knobs import KNOBS, NEVER
from gctune.runtime.plan import Plan, Status, Step, is_own
from gctune.settings import limits
from gctune.settings.kept import KEPT, kept
from gctune.settings.layers import dotted, leaves
from gctune.settings.paced import PACED, paced
from gctune.settings.quantities import Ratio, Size, about, plain
from gctune.settings.sources import Loaded
from gctune.settings.watched import WATCHED, watched

_Outcome = tuple[Any, str, str]  # value, status, reason


def resolve(loaded: Loaded, host: Host) -> Plan:
    """Turn settings into the exact values this host will run with.

    A ratio becomes bytes of the container's memory limit; with no limit to take
    a share of, the plan leaves that setting alone and says so. Reads and
    changes nothing. Raises ConfigError for what this host's limits rule out.
    """
    problems = list(_problems(loaded, host))
    if problems:
        raise ConfigError(problems)
    settings = [(dotted(path), value) for path, value in leaves(loaded.settings)]
    return Plan(
        environment=loaded.environment,
        interpreter=host.interpreter.tag,
        steps=tuple(_step(setting, value, loaded, host) for setting, value in settings),
        warnings=tuple(_warnings(loaded, host)),
    )


def _step(setting: str, wish: Any, loaded: Loaded, host: Host) -> Step:
    if setting in KNOBS:
        outcome = _knob(setting, wish, host)
    elif setting == "gc.when":
        outcome = _when(wish, host)
    elif setting in KEPT:
        outcome = kept(setting, loaded, host)
    elif setting in PACED:
        outcome = paced(setting, wish, loaded.settings, host)
    elif setting.startswith(WATCHED):
        outcome = watched(setting, wish, loaded.settings, host)
    else:
        outcome = plain(wish), Status.APPLIED, "for gctune.pool, where the call gives no size"
    return Step(setting, *outcome, loaded.origins[setting])


def _knob(setting: str, wish: Any, host: Host) -> _Outcome:
    if wish is None or wish == NEVER:
        return None, Status.LEFT_ALONE, _unset(setting, host)
    objection = KNOBS[setting].objection(host.interpreter)
    if objection:
        return plain(wish), Status.UNSUPPORTED, objection
    if not isinstance(wish, Size | Ratio):
        return wish, Status.APPLIED, host.interpreter.meaning(setting.split(".")[1]) or "as set"
    size, how = limits.of_container(wish, host.container.limit)
    return size, Status.LEFT_ALONE if size is None else Status.APPLIED, how


def _when(wish: str, host: Host) -> _Outcome:
    if wish == "any":
        return wish, Status.LEFT_ALONE, "whenever the counts say so"
    objection = host.interpreter.objection("threshold2")
    if objection:
        return wish, Status.UNSUPPORTED, f"full collections cannot wait: {objection}"
    return wish, Status.APPLIED, "full collections wait for a quiet, once requests are told of"


def _unset(setting: str, host: Host) -> str:
    if setting.startswith("gc.threshold"):
        return f"CPython's own {KNOBS[setting].default(host.interpreter)}"
    return "as the program has it" if setting == "gc.enabled" else "not asked for"


def _problems(loaded: Loaded, host: Host) -> Iterator[str]:
    memory, limit = loaded.settings.memory, host.container.limit
    if limit is None:
        return
    above = isinstance(memory.limit, Size) and memory.limit > limit.bytes
    if above and is_own(loaded.origins["memory.limit"]):
        wrong, remedy = f"above {limits.told(limit)}", "lower it, or use '90%'"
        yield problem(loaded.typed["memory.limit"], memory.limit, wrong, remedy)
    if isinstance(memory.headroom, Size) and memory.headroom >= limit.bytes:
        wrong, remedy = f"all of {limits.told(limit)}", "lower it, or use '10%'"
        yield problem(loaded.typed["memory.headroom"], memory.headroom, wrong, remedy)
    share = memory.hard_limit
    if isinstance(share, Ratio) and limit.bytes * share < LEAST_MEMORY:
        wrong, remedy = f"less than {about(LEAST_MEMORY)} of {limits.told(limit)}", "raise it"
        yield problem(loaded.typed["memory.hard_limit"], share, wrong, remedy)


def _warnings(loaded: Loaded, host: Host) -> Iterator[str]:
    if host.interpreter.collector == Collector.INCREMENTAL:
        yield (
            "CPython 3.14.0 to 3.14.4 may take up to five times the memory"
            " with their incremental collector; 3.14.5 or later does not"
        )
    if host.interpreter.collector == Collector.FREE_THREADED and _memory_is_bounded(loaded, host):
        yield (
            "without the GIL what is freed stays with the allocator: a memory limit has"
            " collections come sooner, and gives little back"
        )
    if _collects_less(loaded, host) and not _memory_is_bounded(loaded, host):
        yield (
            "collecting less often with no memory limit known: memory may grow;"
            " set memory.limit or memory.hard_limit, or run under a container limit"
        )


def _collects_less(loaded: Loaded, host: Host) -> bool:
    gc = loaded.settings.gc
    wishes = (gc.threshold0, gc.threshold1, gc.threshold2)
    raised = (
        wish is not None and wish > own for wish, own in zip(wishes, host.interpreter.thresholds)
    )
    return gc.enabled is False or any(raised)


def _memory_is_bounded(loaded: Loaded, host: Host) -> bool:
    memory = loaded.settings.memory
    own = is_own(loaded.origins["memory.limit"]) and isinstance(memory.limit, Size)
    return host.container.limit is not None or own or isinstance(memory.hard_limit, Size)
