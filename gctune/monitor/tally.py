"""What collections, seen one by one, add up to."""

from __future__ import annotations

from gctune.monitor.histogram import EMPTY
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gctune.monitor.histogram import Histogram
    from gctune.monitor.recorder import Collection


class Seen(Record):
    """What is known of collections that were seen one by one; None where they were not.

    `last_ns` is the pause of the newest, `longest_ns` the longest pause of
    those added last. `allocated` is how many containers the program had
    allocated when the newest began, less those that it freed again before any
    collection.
    """

    pauses: tuple[Histogram, Histogram, Histogram] | None
    last_ns: int | None
    longest_ns: int | None
    allocated: int | None


UNSEEN = Seen(None, None, None, None)


class Tally:
    """Adds collections up."""

    def __init__(self) -> None:
        self._pauses: tuple[Histogram, Histogram, Histogram] = (EMPTY, EMPTY, EMPTY)
        self._last_ns: int | None = None
        self._longest_ns: int | None = None
        self._allocated = 0

    @property
    def seen(self) -> Seen:
        """What they add up to."""
        return Seen(self._pauses, self._last_ns, self._longest_ns, self._allocated)

    def add(self, collections: Iterable[Collection]) -> None:
        """Add the collections of one interval."""
        pauses: tuple[list[int], list[int], list[int]] = ([], [], [])
        for collection in collections:
            pauses[collection.generation].append(collection.wall_ns)
            self._allocated += collection.count0
            self._last_ns = collection.wall_ns
        young, middle, old = map(_with, self._pauses, pauses)
        self._pauses = young, middle, old
        self._longest_ns = max(map(max, filter(None, pauses)), default=None)


def _with(histogram: Histogram, pauses: list[int]) -> Histogram:
    return histogram.with_durations(pauses)
