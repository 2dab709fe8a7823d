"""What of the settings the soft limit acts on, as a plan carries it: bytes."""

from __future__ import annotations

from typing import Any

from gctune.host import Host
from gctune.runtime.plan import Status, is_own
from gctune.settings import limits
from gctune.settings.quantities import Ratio, about, plain
from gctune.settings.sources import Loaded

KEPT = ("memory.limit", "memory.headroom", "memory.recycle")

_Outcome = tuple[Any, str, str]  # value, status, reason


def kept(setting: str, loaded: Loaded, host: Host) -> _Outcome:
    """What becomes of one setting of the soft limit: value, status and reason."""
    outcomes = {"memory.limit": _limit, "memory.headroom": _headroom, "memory.recycle": _recycle}
    return outcomes[setting](loaded, host)


def _limit(loaded: Loaded, host: Host) -> _Outcome:
    size, how, enforced = _soft_limit(loaded, host)
    if size is None:
        return None, Status.LEFT_ALONE, how
    if enforced:
        return size, Status.APPLIED, f"enforced: {how}"
    if loaded.settings.monitor.level == "off":
        return size, Status.LEFT_ALONE, f"advisory, {how} by the preset, and monitor.level is off"
    return size, Status.APPLIED, f"advisory, {how} by the preset: relief takes at most 2% of CPU"


def _headroom(loaded: Loaded, host: Host) -> _Outcome:
    wish, limit = loaded.settings.memory.headroom, host.container.limit
    if limit is None:
        return plain(wish), Status.LEFT_ALONE, "no container limit is known to keep it below"
    room = limits.headroom(wish, limit)
    return room, Status.APPLIED, f"kept free below {limits.told(limit)}"


def _recycle(loaded: Loaded, host: Host) -> _Outcome:
    wish = loaded.settings.memory.recycle
    if wish is None:
        return None, Status.LEFT_ALONE, "not asked for"
    if not isinstance(wish, Ratio):
        return int(wish), Status.APPLIED, "as set"
    size, how, _ = _soft_limit(loaded, host)
    if size is None:
        return None, Status.LEFT_ALONE, f"no memory.limit to take {wish} of: {how}"
    return int(size * wish), Status.APPLIED, f"{wish} of memory.limit, {about(size)}"


def _soft_limit(loaded: Loaded, host: Host) -> tuple[int | None, str, bool]:
    memory, preset = loaded.settings.memory, not is_own(loaded.origins["memory.limit"])
    return limits.soft_limit(memory.limit, memory.headroom, host.container.limit, preset)
