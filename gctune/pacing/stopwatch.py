"""What each collection takes, in CPU time, by a callback without a Python frame.

As in `recorder`, which tells more and imports more: attribute look-ups step C
iterators, so that no exception of a signal handler's is lost in a callback.
"""

from __future__ import annotations

import gc
import time
from _collections import deque  # type: ignore[import-not-found] # collections costs 2 ms
from _functools import partial  # type: ignore[import-not-found]
from _operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HELD = 1024  # collections kept for a starved thread


class Stopwatch:
    """Times each collection from now until `stop`.

    Costs two readings of the clock of the thread: 1 to 5 us a collection, by the machine.
    """

    def __init__(self) -> None:
        self._counts: deque[int] = deque(maxlen=_HELD)
        self._starts: deque[int] = deque(maxlen=_HELD)
        self._stops: deque[int] = deque(maxlen=_HELD)
        count = map(self._counts.append, map(itemgetter(0), iter(gc.get_count, None)))
        start, stop = (_noted(clock) for clock in (self._starts, self._stops))
        steps = {"start": _step(zip(count, start)), "stop": _step(stop)}
        self._callback = partial(getattr, type("_Steps", (), {"__slots__": (), **steps})())
        gc.callbacks.insert(0, self._callback)  # before any that lets other threads run

    def stop(self) -> None:
        """Time no more."""
        try:  # noqa: SIM105 - contextlib costs 1 ms
            gc.callbacks.remove(self._callback)  # one step: the program may add its own meanwhile
        except ValueError:  # it has stopped already
            pass

    def taken(self) -> tuple[tuple[int, ...], int]:
        """Nanoseconds that each collection took since this was last asked, and what was young.

        That is the containers of generation 0 as they began, in all: an
        allocation in bulk may have brought many times its threshold.
        """
        pairs = list(self._pairs())
        return tuple(taken for taken, _ in pairs), sum(count for _, count in pairs)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        while self._starts and self._stops:
            taken = self._stops.popleft() - self._starts[0]
            if taken >= 0:  # else it is a stop whose start was before this began
                self._starts.popleft()
                yield taken, self._counts.popleft()


def _noted(clock: deque[int]) -> Iterator[None]:
    """Each step notes the time."""
    return map(clock.append, iter(time.thread_time_ns, None))


def _step(notes: Iterator[object]) -> property:
    """An attribute that takes a step when it is looked up."""
    return property(partial(next, notes))
