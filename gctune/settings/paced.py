"""What of the settings adaptive mode acts on, as a plan carries it: seconds, bytes or a share."""

from __future__ import annotations

from typing import Any

from gctune.defaults import PAUSE_TARGET
from gctune.host import Host
from gctune.host.interpreter import Collector
from gctune.runtime.plan import Status
from gctune.settings.model import Settings
from gctune.settings.quantities import Ratio, plain

_MODE, _TARGET, _BUDGET = "gc.mode", "gc.pause_target", "memory.garbage_budget"
PACED = (_MODE, _TARGET, _BUDGET)

_OBJECTIONS = {
    Collector.INCREMENTAL: "the incremental collector of 3.14.0 to 3.14.4 sets its own pace,"
    " and frees no sooner for what is frozen",
    Collector.FREE_THREADED: "the free-threaded collector has no generations to promote to,"
    " and sets its threshold by the live heap itself",
}

_Outcome = tuple[Any, str, str]  # value, status, reason


def paced(setting: str, wish: Any, settings: Settings, host: Host) -> _Outcome:
    """What becomes of one setting of adaptive mode: value, status and reason."""
    value, how = _value(setting, wish)
    if settings.gc.mode == "static":
        why = "thresholds stay as they are set" if setting == _MODE else "gc.mode is static"
        return value, Status.LEFT_ALONE, why
    collector = host.interpreter.collector
    if collector != Collector.GENERATIONAL:
        why = _OBJECTIONS.get(collector) or host.interpreter.objection("mode")
        return value, Status.UNSUPPORTED, why
    if settings.gc.enabled is False:
        return value, Status.LEFT_ALONE, "gc.enabled is false: there is no pace to find"
    return value, Status.APPLIED, how


def _value(setting: str, wish: Any) -> tuple[Any, str]:
    if setting == _MODE:
        return wish, "thresholds move, and what holds no garbage is frozen, as the program goes on"
    if setting == _TARGET:
        return (PAUSE_TARGET, "as nothing is set") if wish is None else (float(wish), "as set")
    if isinstance(wish, Ratio):
        return float(wish), f"{wish} of the memory in use"
    return plain(wish), "as set"
