"""Collections seen one by one, and what they add up to."""

from __future__ import annotations

from _thread import RLock

from gctune.monitor.histogram import EMPTY, Histogram
from gctune.monitor.recorder import Recorder, brief
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


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

    def add(self, collections: Iterable[tuple[int, int, int]]) -> None:
        """Add collections: the generation, the pause in nanoseconds, and count0 of each."""
        pauses: tuple[list[int], list[int], list[int]] = ([], [], [])
        for generation, pause_ns, count0 in collections:
            pauses[generation].append(pause_ns)
            self._allocated += count0
            self._last_ns = pause_ns
        young, middle, old = map(Histogram.with_durations, self._pauses, pauses)
        self._pauses = young, middle, old
        longest = [*map(max, filter(None, pauses))]
        self._longest_ns = max([self._longest_ns or 0, *longest]) if longest else self._longest_ns

    def begin_interval(self) -> None:
        """Have `longest_ns` tell of those collections alone that are added from now on."""
        self._longest_ns = None


class Collections:
    """The collections of this process, seen one by one from now on until `close`."""

    def __init__(self) -> None:
        self._lock = RLock()  # for readings besides those of the thread
        self._adding = False
        self._tally = Tally()
        self._recorder = Recorder()
        self._recorder.sample(0, 0, 0)
        self._recorder.start()

    def seen(self, *, ends_interval: bool = False) -> Seen:
        """What those until now add up to.

        If that `ends_interval`, `longest_ns` tells of later ones alone from now on.
        Amid another reading, in the handler of a signal, it is what was seen before.
        """
        with self._lock:
            if not self._adding:
                self._add()
            seen = self._tally.seen
            if ends_interval:
                self._tally.begin_interval()
        return seen

    def _add(self) -> None:
        self._adding = True
        try:
            self._tally.add(brief(self._recorder.drain()))
        finally:
            self._adding = False

    def close(self) -> None:
        """See no more."""
        self._recorder.stop()
