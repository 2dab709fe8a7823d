"""How this process stands to its soft limit, as the one who keeps it last saw."""

from __future__ import annotations

from gctune.record import Record

_NEAR = 0.85  # of the memory limit: from there on it rules, and nothing else is waited for


class Standing(Record):
    """How this process stands to its soft limit.

    `state` is "ok", "relieving" or "thrashing"; `used_bytes` counts what the
    limit is held against, `limit_bytes` is what to stay under, and `enforced`
    is false where the limit is advisory.
    """

    state: str
    used_bytes: int
    limit_bytes: int
    enforced: bool


class _Latest:
    """What the last look found."""

    standing: Standing | None = None


def publish(standing: Standing | None) -> None:
    """Tell what a look found; None once no limit is kept."""
    _Latest.standing = standing


def last_standing() -> Standing | None:
    """How this process stood to its soft limit at the last look; None where none is kept."""
    return _Latest.standing


def near_the_limit() -> bool:
    """Whether memory is near its limit, where one is kept."""
    standing = _Latest.standing
    return standing is not None and standing.used_bytes >= standing.limit_bytes * _NEAR
