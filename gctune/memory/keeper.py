"""Keeps the process under its soft limit: does what the policy of `limit` decides."""

from __future__ import annotations

import sys
import time
from _random import Random  # the random module imports hashlib

from gctune.host.container import find_container
from gctune.host.files import keep_the_lock
from gctune.host.interpreter import FREE_THREADED
from gctune.memory import pressure
from gctune.memory.bounds import bounds_of
from gctune.memory.gauge import Gauge
from gctune.memory.limit import decide, did, initial
from gctune.memory.relief import Act
from gctune.memory.standing import Standing, publish
from gctune.runtime import knobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gctune.memory.relief import Reading, State
    from gctune.runtime.plan import Plan

    Warn = Callable[[str], object]

_RETRY_SECONDS = 0.1
_HURRY_NS = 60_000_000  # a pause below this is one that matters
_COLLECTS_BY_AGE = not FREE_THREADED


class Keeper:
    """A duty of the monitor's thread: looks at the memory, and relieves it where that is due."""

    def __init__(self, gauge: Gauge, acts: dict[str, Callable[[], object]]) -> None:
        self._gauge = gauge
        self._acts = acts
        self._state: State | None = None

    def __call__(self, now_ns: int) -> float:
        """Look once, do what is due, and return the seconds until the next look."""
        try:
            return self._look(now_ns)
        except MemoryError:  # not a moment to look away for long
            return _RETRY_SECONDS

    def _look(self, now_ns: int) -> float:
        reading = self._gauge.read()
        decision = decide(self._state or initial(reading), reading)
        while decision.act is not None:
            self._state = self._do(decision.act, decision.state)
            reading = self._gauge.read()
            decision = decide(self._state, reading)
        self._state = decision.state
        _publish(decision.state, reading)
        if decision.pause_ns < _HURRY_NS:
            keep_the_lock()
        return (reading.at_ns + decision.pause_ns - now_ns) / 1e9

    def close(self) -> None:
        """Keep no limit any more."""
        publish(None)

    def _do(self, act: str, state: State) -> State:
        begun_ns = time.thread_time_ns()  # a busy machine's time is not for relief to pay
        self._acts[act]()
        return did(state, act, time.thread_time_ns() - begun_ns)


def keeper_of(plan: Plan, warn: Warn) -> Keeper:
    """Make the duty that keeps the limit of `plan`; what goes wrong in callbacks `warn` tells.

    Raises ValueError where the plan has no limit in force.
    """
    files = find_container()
    limit = files.counted().limit
    bounds = bounds_of(plan, limit and limit.bytes)
    if bounds is None:
        raise ValueError("the plan puts no memory.limit in force")
    gauge = Gauge(files, bounds, time.perf_counter_ns, time.thread_time_ns, Random().random)
    return Keeper(gauge, _acts(warn))


def _acts(warn: Warn) -> dict[str, Callable[[], object]]:
    return {
        Act.SHRINK: lambda: _shrink(warn),
        Act.YOUNG: _collect_young,
        Act.FULL: knobs.collect,
        Act.TRIM: knobs.release_free_memory,
    }


def _shrink(warn: Warn) -> None:
    pools = sys.modules.get("gctune.memory.pools")
    if pools is not None:
        pools.shrink()
    pressure.ask(warn)


def _collect_young() -> None:
    if _COLLECTS_BY_AGE:  # else this would be a full collection, which comes next
        knobs.collect(1)


def _publish(state: State, reading: Reading) -> None:
    publish(Standing(state.mood, reading.used, reading.limit, reading.enforced))
