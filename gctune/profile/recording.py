"""The recording of one process, in one profile; what drives it is in capture."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from operator import add, sub

from gctune.monitor import counting
from gctune.monitor.changes import changes
from gctune.monitor.recorder import RECORD_BYTES, Recorder
from gctune.profile import process
from gctune.profile.exploring import Exploration
from gctune.profile.records import Batch, Count, Header, Three
from gctune.profile.writer import Lines

_BATCH_BYTES = 4096 * RECORD_BYTES
_LETTERS = 100  # of the name of what is counted, that are kept
_BUDGET = 0.002  # of the process's CPU time, for sampling the blocks of one generation
# How many collections to a sampled one: coprime to the usual thresholds 1 and
# 2, so that no place in their rhythm is left out.
_RATES = (1, 3, 7, 13, 31, 61, 127, 251, 509, 1021)


class Recording:
    """Collections and readings of this process, on their way into a profile.

    `create` makes the file, or what else the lines go to; `explore` says to try
    other thresholds meanwhile. Only one thread at a
    time may call the methods; each raises ProfileError where the file takes no more.
    """

    def __init__(self, create: Callable[[], Lines], *, forked: bool, explore: bool = False) -> None:
        self.ended = False
        self._create = create
        self._forked = forked
        self._explore = explore
        self._exploration: Exploration | None = None
        self._header: Header | None = None
        self._writer: Lines | None = None
        self._recorder = Recorder()
        self._reader = process.Reader()
        self._recorded = [0, 0, 0]
        counting.start()
        self._counted_before = counting.totals()
        self._counted: dict[str, int] = {}
        self._before = self._start_recorder()
        self._cpu_ns = time.process_time_ns()

    def describe(self) -> Header:
        """Take what the header tells of the process, the first time this is called."""
        if self._header is None:
            self._header = process.header(forked=self._forked)
        return self._header

    def open(self) -> Lines:
        """Make the file with its header, if that has not been done."""
        if self._writer is None:
            header = self.describe()
            self._writer = self._create()
            self._writer.append(header)
            if self._explore:
                self._exploration = Exploration(header, self._writer.append)
        return self._writer

    def flush(self) -> int:
        """Write the collections since the last time, and a reading; return how many there were."""
        writer = self.open()
        counts = [0, 0, 0]
        for batch in _batches(self._recorder.drain()):
            writer.append(batch)
            counts = _sum(counts, batch.by_generation())
        self._recorded = _sum(self._recorded, counts)
        reading = self._reader.reading()
        writer.append(reading)
        for count in self._counts(reading.time_ns):
            writer.append(count)
        for change in self._reader.paced():
            writer.append(change)
        self._sample(counts, reading.cpu_ns)
        if self._exploration and not changes():
            self._exploration.step(reading)
        return sum(counts)

    def rest(self, reason: str) -> None:
        """Explore no further for now: the program's own thresholds are in force again."""
        if self._exploration:
            self._exploration.rest(reason)

    @property
    def exploring(self) -> bool:
        """Whether other thresholds are being tried: memory is to be looked at often."""
        return self._exploration is not None and self._exploration.under_way

    @property
    def full(self) -> bool:
        """Whether the profile is as long as a reader will take."""
        return self._writer is not None and self._writer.full

    def finish(self, reason: str) -> None:
        """Write what is left, and the closing."""
        totals = self._stop_recorder()
        try:
            self.rest(reason)
            self._stop_exploring()
            self.flush()
            self.open().append(self._reader.closing(reason, self._missed(totals)))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Record no more, and let go of the file as it is."""
        self.ended = True
        self._stop_exploring()
        self._recorder.stop()
        if self._writer:
            self._writer.close()

    def _stop_exploring(self) -> None:
        if self._exploration:
            self._exploration.end()

    def _counts(self, time_ns: int) -> Iterator[Count]:
        """What the program has counted, where that is more than the last time."""
        for name, total in counting.totals().items():
            own = total - self._counted_before.get(name, 0)
            if own > self._counted.get(name, 0):
                self._counted[name] = own
                yield Count(time_ns, name[:_LETTERS], int(own))

    def _missed(self, totals: Three) -> Three:
        first, second, third = map(sub, map(sub, totals, self._before), self._recorded)
        return first, second, third

    def _start_recorder(self) -> Three:
        """Start to record; return how many collections there were before the first recorded."""
        while True:
            self._recorder.start()
            before = process.collections_so_far()
            if not self._recorder.drain():
                return before

    def _stop_recorder(self) -> Three:
        """Stop to record; return how many collections there had been by then."""
        while True:
            totals = process.collections_so_far()
            self._recorder.stop()
            if process.collections_so_far() == totals:
                return totals
            self._recorder.start()

    def _sample(self, counts: list[int], cpu_ns: int) -> None:
        """Sample as many of the next collections as the time since the last flush bears."""
        budget_ns, self._cpu_ns = _BUDGET * (cpu_ns - self._cpu_ns), cpu_ns
        cost_ns = _cost_of_a_sample()
        self._recorder.sample(*(_rate(count * cost_ns, budget_ns) for count in counts))


def _batches(packed: bytes) -> Iterator[Batch]:
    return (
        Batch(packed[start : start + _BATCH_BYTES]) for start in range(0, len(packed), _BATCH_BYTES)
    )


def _sum(first: Iterable[int], second: Iterable[int]) -> list[int]:
    return list(map(add, first, second))


def _rate(cost_ns: float, budget_ns: float) -> int:
    return next((rate for rate in _RATES if cost_ns <= rate * budget_ns), _RATES[-1])


def _cost_of_a_sample() -> int:
    """Measure what a sampled collection costs more than another: two walks of the arenas."""
    before = time.thread_time_ns()
    sys.getallocatedblocks()
    return 2 * (time.thread_time_ns() - before)
