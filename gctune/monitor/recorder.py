"""Collections as they happen, recorded by a callback without a Python frame.

A gc callback written in Python swallows what signal handlers raise (gunicorn's
SystemExit, a KeyboardInterrupt): the handler runs at the callback's first
bytecode and its exception is lost as unraisable. So this one is a composition
of C iterators: looking up the attribute `start` or `stop` of `_Tick` takes one
step of an iterator, and that step appends integers to a ring. Only integers
are kept: a tuple or a dict would count as a container allocation and bring the
next collection forward. A thread empties the ring with `Recorder.drain`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque, namedtuple
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice, repeat
from operator import itemgetter
from typing import Any

# A record: START, perf_counter_ns, count0, count1, count2, blocks, thread_time_ns,
# thread_time_ns, perf_counter_ns, generation, collected, uncollectable, blocks, STOP.
START, STOP = -1, -2  # no value between them is negative
RECORD_LENGTH = 14
_CAPACITY = 8192  # collections held for a starved thread: 5 MiB at most


class Collection(
    namedtuple(
        "Collection",
        "generation start_ns wall_ns cpu_ns count0 count1 count2 collected uncollectable"
        " blocks_before blocks_after",
    )
):
    """One collection.

    `start_ns` is on the clock of time.perf_counter_ns; `wall_ns` and `cpu_ns`
    (of the collecting thread) are durations. `count0` to `count2` are
    gc.get_count() just before. `blocks_before` and `blocks_after` are
    sys.getallocatedblocks(), 0 where they were not sampled.
    """

    __slots__ = ()
    generation: int
    start_ns: int
    wall_ns: int
    cpu_ns: int
    count0: int
    count1: int
    count2: int
    collected: int
    uncollectable: int
    blocks_before: int
    blocks_after: int


class Recorder:
    """Records every collection of this process between `start` and `stop`.

    The ring holds the newest 8192 collections; `drain` it more often than it
    fills. Reading the number of allocated blocks walks the allocator's arenas
    (5 us at 0.2 million blocks, 150 us at 6 million), so it is done for each
    collection of generation 1 and 2, and for one in `sample_young` of
    generation 0; `sample` changes how often while recording.
    """

    def __init__(self, sample_young: int = 16) -> None:
        self._ring: deque[int] = deque(maxlen=_CAPACITY * RECORD_LENGTH)
        self._info: dict[str, dict[str, int]] = {}
        self._sources: list[Iterator[int]] = [repeat(0)] * 3
        self.sample(sample_young, 1, 1)
        # Two callbacks: the first keeps the info that the second reads.
        self._callbacks: tuple[Callable[..., Any], ...] = (
            self._info.__setitem__,
            partial(getattr, _tick(self._ring, self._info, self._sources)),
        )

    def sample(self, young: int, middle: int, full: int) -> None:
        """Read the allocated blocks at one in so many collections of each generation."""
        for generation, every in enumerate((young, middle, full)):
            self._sources[generation] = _one_in(every)

    def start(self) -> None:
        """Begin to record; a second call changes nothing."""
        self.stop()
        gc.callbacks.extend(self._callbacks)

    def stop(self) -> None:
        """Stop recording; what the ring holds can still be drained."""
        own = {id(callback) for callback in self._callbacks}
        gc.callbacks[:] = [callback for callback in gc.callbacks if id(callback) not in own]

    def drain(self) -> list[int]:
        """Take out what was recorded, as flat integers that `decode` reads.

        Runs in C throughout, so that draining a thousand collections takes
        less than a millisecond. A collection that is under way stays in the
        ring until it has stopped.
        """
        ready = len(self._ring)
        while ready and self._ring[ready - 1] != STOP:
            ready -= 1
        return list(islice(iter(self._ring.popleft, None), ready))


class _Tick:
    """Base of a class whose attributes `start` and `stop` each record one event."""

    __slots__ = ()


def _each(function: Callable[[], Any]) -> Iterator[Any]:
    return iter(function, None)


def _one_in(every: int) -> Iterator[int]:
    """Yield the allocated blocks once, then 0 for the rest of each `every` steps."""
    blocks = _each(sys.getallocatedblocks)
    return map(next, cycle([blocks, *repeat(repeat(0), every - 1)]))


def _tick(ring: deque[int], info: dict[str, dict[str, int]], sources: list[Iterator[int]]) -> _Tick:
    """Make the object whose attribute look-ups record.

    zip takes one step of each of its iterators, in order, and reuses its tuple;
    the clock of the collecting thread is read last at the start and first at
    the stop, so that recording is not charged to the collection.
    """

    def seen(phase: str, *fields: str) -> Iterator[Any]:
        return map(itemgetter(*fields), map(itemgetter(phase), repeat(info)))

    def blocks(phase: str) -> Iterator[int]:
        return map(next, map(sources.__getitem__, seen(phase, "generation")))

    def append(values: Iterator[int]) -> Iterator[None]:
        return map(ring.append, values)

    def extend(values: Iterator[Any]) -> Iterator[None]:
        return map(ring.extend, values)

    start = zip(
        append(repeat(START)),
        append(_each(time.perf_counter_ns)),
        extend(_each(gc.get_count)),
        append(blocks("start")),
        append(_each(time.thread_time_ns)),
    )
    stop = zip(
        append(_each(time.thread_time_ns)),
        append(_each(time.perf_counter_ns)),
        extend(seen("stop", "generation", "collected", "uncollectable")),
        append(blocks("stop")),
        append(repeat(STOP)),
    )
    properties = {"start": property(partial(next, start)), "stop": property(partial(next, stop))}
    tick: _Tick = type("_Tick", (_Tick,), {"__slots__": (), **properties})()
    return tick


def decode(values: Sequence[int]) -> Iterator[Collection]:
    """Turn what `drain` took out into collections.

    A record without its start or its stop (recording began or ended within it,
    or the ring overflowed) is passed over.
    """
    position = 0
    while position + RECORD_LENGTH <= len(values):
        record = values[position : position + RECORD_LENGTH]
        if record[0] == START and record[-1] == STOP:
            yield _collection(record)
            position += RECORD_LENGTH
        else:
            position += 1


def _collection(record: Sequence[int]) -> Collection:
    _, started, count0, count1, count2, before, cpu_started = record[:7]
    cpu_stopped, stopped, generation, collected, uncollectable, after, _ = record[7:]
    return Collection(
        generation,
        started,
        stopped - started,
        cpu_stopped - cpu_started,
        count0,
        count1,
        count2,
        collected,
        uncollectable,
        before,
        after,
    )
