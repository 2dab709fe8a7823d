"""What adaptive mode did in this process, for whoever tells of it: the ring that it leaves behind.

It stands apart from the mode itself, which most processes never import.
"""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found] # collections costs 2 ms

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.generations import Three

_KEPT = 64  # changes that can be shown


class Change(Record):
    """Something that adaptive mode did: when, by time.perf_counter_ns, why, and to what."""

    at_ns: int
    reason: str
    acts: tuple[str, ...]
    thresholds: Three
    rss: int


class Changes:
    """The last changes, the newest last, and how often each was made, by its reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.last: deque[Change] = deque(maxlen=_KEPT)

    def add(self, change: Change) -> None:
        """Tell of another."""
        self.counts[change.reason] = self.counts.get(change.reason, 0) + 1
        self.last.append(change)


_latest = Changes()


def begin() -> Changes:
    """Have none in this process; what is added to those returned is what is told from now on."""
    global _latest  # noqa: PLW0603 - whoever paces last is who is told of
    _latest = Changes()
    return _latest


def changes() -> list[Change]:
    """The last things that adaptive mode did here, the newest last; nothing where it is off."""
    return list(_latest.last)


def counts() -> dict[str, int]:
    """How often adaptive mode has done something here, by its reason."""
    return dict(_latest.counts)
