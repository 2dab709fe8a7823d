"""Collections as they happen, recorded by a callback without a Python frame.

A gc callback written in Python swallows what signal handlers raise (gunicorn's
SystemExit, a KeyboardInterrupt): the handler runs at the callback's first
bytecode and its exception is lost as unraisable. So this one is a composition
of C iterators: looking up the attribute `start` or `stop` of `_tick` takes one
step of an iterator, and that step packs integers and appends them to a ring.
Only bytes are kept: a tuple or a dict would count as a container allocation
and bring the next collection forward. A thread empties the ring with
`Recorder.drain`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque, namedtuple
from functools import partial
from itertools import accumulate, cycle, islice, pairwise, repeat, starmap
from operator import concat, itemgetter, mul, sub
from struct import Struct

from gctune.host.interpreter import FREE_THREADED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

# count0, count1, count2, blocks, perf_counter_ns, thread_time_ns
_START = Struct("<3i3q")
# thread_time_ns, perf_counter_ns, blocks, generation, collected, uncollectable
_STOP = Struct("<3qb2q")
_BOTH = Struct(_START.format + _STOP.format[1:])
RECORD_BYTES = _BOTH.size
GENERATION = _START.size + 3 * 8  # where the one byte of it stands in a record
_BRIEF = Struct("<i16xq16xq8xb16x")  # of a record: count0, start, stop, generation
_CLOCKS = Struct("<20x4q25x")  # of a record: the clocks as it starts, and as it stops
# Where the sign of each number is; count0 may be negative, where threads share no count.
_SIGNS = [size - 1 for size in accumulate((4, 4, 4, 8, 8, 8, 8, 8, 8, 1, 8, 8))][1:]
CAPACITY = 32768  # collections held for a starved thread: 6 MiB at most
# Without the GIL a callback that is the first may be added amid another thread's collection,
# which calls it with no info made, and crashes. One that does nothing stays for good, so that
# there is a first once and not each time.
_INERT: Callable[..., Any] = {}.get


class Collection(
    namedtuple(
        "Collection",
        "generation start_ns wall_ns cpu_ns count0 count1 count2 collected uncollectable"
        " blocks_before blocks_after",
    )
):
    """One collection.

    `start_ns` is on the clock of time.perf_counter_ns, `wall_ns` how long it
    took. `count0` to `count2` are gc.get_count() just before, 0 where that is
    negative, as it can be without the GIL. `cpu_ns` is by the
    clock of the collecting thread, 0 where that was not read. `blocks_before` and
    `blocks_after`, by sys.getallocatedblocks(), are dear to read: they are 0 where
    the collection was not among those sampled.
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

    @property
    def sampled(self) -> bool:
        """Whether `blocks_before` and `blocks_after` were read."""
        return self.blocks_after > 0


class Recorder:
    """Records every collection of this process between `start` and `stop`.

    The ring holds the newest 32768 collections; `drain` it more often than it
    fills. A collection costs 2 us, and 2 us more with its CPU time; one that is
    sampled two walks of the allocator's arenas (each 1 us at 0.2 million blocks,
    300 us at 6 million).
    """

    def __init__(self) -> None:
        self._ring: deque[bytes] = deque(maxlen=2 * CAPACITY)
        self._info: dict[str, dict[str, int]] = {}
        self._starts: list[Iterator[Any]] = [repeat(0)] * 3
        self._stops: list[Iterator[Any]] = [repeat(0)] * 3
        self.sample(1, 1, 1)
        # Two callbacks: the first keeps the info that the second reads.
        self._callbacks: tuple[Callable[..., Any], ...] = (
            self._info.__setitem__,
            partial(getattr, self._tick()),
        )

    def sample(self, *every: int) -> None:
        """Read the blocks at one in so many collections of generation 0, 1 and 2.

        CPU time is read at each: those that come first after a pause of the reader's, or
        of the program's, meet cold caches and take several times what the others do, so
        that no sample of them tells what all take. 0 reads neither.
        """
        now, cpu, blocks = map(
            _each, (time.perf_counter_ns, time.thread_time_ns, sys.getallocatedblocks)
        )
        nothing = repeat(0)
        # The clock of the thread is read last at the start and first at the
        # stop, so that recording is not charged to the collection.
        starts = zip(blocks, now, cpu), zip(nothing, now, cpu)
        stops = zip(cpu, now, blocks), zip(cpu, now, nothing)
        bare = zip(nothing, now, nothing)
        self._starts[:] = [_one_in(number, *starts) if number else bare for number in every]
        self._stops[:] = [_one_in(number, *stops) if number else bare for number in every]

    def start(self) -> None:
        """Begin to record; a second call changes nothing."""
        self.stop()
        if FREE_THREADED and _INERT not in gc.callbacks:
            gc.callbacks.append(_INERT)
        gc.callbacks.extend(self._callbacks)

    def stop(self) -> None:
        """Stop recording; what the ring holds can still be drained."""
        for callback in reversed(self._callbacks):  # a collection may come in between
            try:  # noqa: SIM105 - contextlib costs 1 ms
                gc.callbacks.remove(callback)  # one step: the program may add its own meanwhile
            except ValueError:  # noqa: PERF203 - it does not record
                pass

    def drain(self) -> bytes:
        """Take out what was recorded, in the form that `decode` reads.

        A collection that is under way stays in the ring until it has stopped.
        One without its start or its stop (recording began or ended within it,
        or the ring overflowed) is left out.
        """
        ready = len(self._ring)
        if ready and len(self._ring[ready - 1]) == _START.size:
            ready -= 1
        pieces = list(islice(iter(self._ring.popleft, None), ready))
        starts, stops = set(map(len, pieces[::2])), set(map(len, pieces[1::2]))
        if starts <= {_START.size} and stops <= {_STOP.size} and len(pieces) % 2 == 0:
            return b"".join(pieces)
        return b"".join(_pairs(pieces))

    def _tick(self) -> object:
        """Make the object whose attribute look-ups record.

        Each map takes one step of its iterators, from left to right.
        """
        starts = map(next, map(self._starts.__getitem__, self._seen("start", "generation")))
        stops = map(next, map(self._stops.__getitem__, self._seen("stop", "generation")))
        found = self._seen("stop", "generation", "collected", "uncollectable")
        start = starmap(_START.pack, map(concat, _each(gc.get_count), starts))
        stop = starmap(_STOP.pack, map(concat, stops, found))
        properties = {
            "start": property(partial(next, map(self._ring.append, start))),
            "stop": property(partial(next, map(self._ring.append, stop))),
        }
        return type("_Tick", (), {"__slots__": (), **properties})()

    def _seen(self, phase: str, *fields: str) -> Iterator[Any]:
        return map(itemgetter(*fields), map(self._info.__getitem__, repeat(phase)))


def _each(function: Callable[[], Any]) -> Iterator[Any]:
    return iter(function, None)


def _one_in(number: int, sampled: Iterator[Any], timed: Iterator[Any]) -> Iterator[Any]:
    return map(next, cycle([sampled, *repeat(timed, number - 1)]))


def _pairs(pieces: list[bytes]) -> Iterator[bytes]:
    for start, stop in pairwise(pieces):
        if (len(start), len(stop)) == (_START.size, _STOP.size):
            yield start + stop


def brief(packed: bytes) -> Iterator[tuple[int, int, int]]:
    """Turn what `drain` took out into generation, pause in nanoseconds and count0 of each.

    A twentieth of the cost of `decode`. Raises struct.error as that does.
    """
    for count0, started, stopped, generation in _BRIEF.iter_unpack(packed):
        yield generation, stopped - started, max(0, count0)


def decode(packed: bytes) -> Iterator[Collection]:
    """Turn what `drain` took out into collections, oldest first. Raises as `columns` does."""
    return map(Collection, *columns(packed))


def columns(packed: bytes) -> tuple[Sequence[int], ...]:
    """The same, as a column for each field of `Collection`; takes half as long.

    What was read at the start or at the stop alone, as where the sampling changed
    within the collection, counts as not read. Raises struct.error where the length
    is not that of whole records.
    """
    if not packed:
        return ((),) * len(Collection._fields)
    count0, count1, count2, before, started, cpu_started, *stop = zip(*_BOTH.iter_unpack(packed))
    cpu_stopped, stopped, after, generation, collected, uncollectable = stop
    if min(count0) < 0:
        count0 = tuple(map(max, count0, repeat(0)))
    timed = [bool(start and stop) for start, stop in zip(cpu_started, cpu_stopped)]
    sampled = [bool(first and last) for first, last in zip(before, after)]
    return (
        generation,
        started,
        tuple(map(sub, stopped, started)),
        tuple(map(mul, map(sub, cpu_stopped, cpu_started), timed)),
        count0,
        count1,
        count2,
        collected,
        uncollectable,
        tuple(map(mul, before, sampled)),
        tuple(map(mul, after, sampled)),
    )


def sound(packed: bytes) -> bool:
    """Whether these are whole records, of what can have been.

    No number but count0 is negative, by the byte that has its sign; nothing stops before it
    starts.
    """
    if len(packed) % RECORD_BYTES or max(packed[GENERATION::RECORD_BYTES], default=0) > 2:  # noqa: PLR2004
        return False
    positive = b"".join([packed[place::RECORD_BYTES] for place in _SIGNS]).isascii()
    return positive and all(
        started <= stopped and (cpu_started <= cpu_stopped or not cpu_stopped)
        for started, cpu_started, cpu_stopped, stopped in _CLOCKS.iter_unpack(packed)
    )
