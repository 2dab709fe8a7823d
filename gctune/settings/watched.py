"""What of the settings the monitor acts on, as a plan carries it: seconds, bytes, plain numbers."""

from __future__ import annotations

import os
from typing import Any

from gctune.host import Host
from gctune.metrics.folder import PRIVATE
from gctune.runtime.plan import Status
from gctune.settings import limits
from gctune.settings.model import Settings
from gctune.settings.quantities import Size, plain

_WORKERS = "monitor.workers"
_SERVED = ("monitor.http", "monitor.token")  # whatever the level
WATCHED = ("monitor.level", "monitor.interval", "monitor.trace", _WORKERS, *_SERVED, "alerts.")

_TIMES_COLLECTIONS = (3, 15)  # the version from which on the collector does so by itself
_NOT_ASKED_FOR = "not asked for"
_SET = "as set"

_Outcome = tuple[Any, str, str]  # value, status, reason


def watched(setting: str, wish: Any, settings: Settings, host: Host) -> _Outcome:
    """What becomes of one setting of the monitor or its alerts: value, status and reason."""
    if setting == _WORKERS:
        return _workers(wish, settings.monitor.http)
    value, objection = _value(setting, wish, host)
    objection = objection or _objection(setting, wish, settings, host)
    return value, Status.LEFT_ALONE if objection else Status.APPLIED, objection or _SET


def _workers(folder: str | None, address: str | None) -> _Outcome:
    """The folder that is set, else one for all who share an address, of which one can listen."""
    shares = address is not None and not address.endswith(":0") and "{pid}" not in address
    if not (folder or shares):
        return None, Status.LEFT_ALONE, _NOT_ASKED_FOR
    if not hasattr(os, "geteuid"):
        return folder, Status.UNSUPPORTED, "this system cannot say whose a folder is"
    if folder:
        return folder, Status.APPLIED, _SET
    return PRIVATE, Status.APPLIED, "a folder of this user's, for those that share monitor.http"


def _value(setting: str, wish: Any, host: Host) -> tuple[Any, str]:
    if setting == "alerts.heap.threshold" and wish is not None:
        size, how = limits.of_container(wish, host.container.limit)
        return size, how if size is None else ""
    return float(wish) if isinstance(wish, float) else plain(wish), ""


def _objection(setting: str, wish: Any, settings: Settings, host: Host) -> str:
    level = settings.monitor.level
    if setting in _SERVED:
        return _NOT_ASKED_FOR if wish is None else ""
    if setting == "monitor.level":
        return _NOT_ASKED_FOR if level == "off" else ""
    if level == "off":
        return "monitor.level is off"
    if setting == "monitor.trace":
        return _objection_to_tracing(wish, level)
    return _objection_to_alert(setting, settings, host) if setting.startswith("alerts.") else ""


def _objection_to_tracing(wish: bool, level: str) -> str:
    if not wish:
        return _NOT_ASKED_FOR
    return "" if level == "debug" else f"level {level} traces no allocations; debug does"


def _objection_to_alert(setting: str, settings: Settings, host: Host) -> str:
    _, rule, _ = setting.split(".")
    if getattr(settings.alerts, rule).threshold is None:
        return _NOT_ASKED_FOR
    if settings.monitor.level != "basic":
        return ""
    if rule == "gc_pause":
        return "level basic sees no single pause; detailed does"
    if rule == "thrashing" and not _shows_thrashing(settings, host):
        return "level basic sees no time in collections before Python 3.15; detailed does"
    return ""


def _shows_thrashing(settings: Settings, host: Host) -> bool:
    """Whether level basic can tell it: by the time in collections, or by a limit that is kept."""
    limit = settings.memory.limit
    kept = isinstance(limit, Size) or (limit is not None and host.container.limit is not None)
    return kept or host.interpreter.version >= _TIMES_COLLECTIONS
