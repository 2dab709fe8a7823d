"""What each collection takes, in CPU time, by a callback without a Python frame.

As in `recorder`, which tells more and imports more: attribute look-ups step C
iterators, so that no exception of a signal handler's is lost in a callback.
"""

from __future__ import annotations

import gc
import time
from _collections import deque  # type: ignore[import-not-found] # collections costs 2 ms
from _functools import partial  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HELD = 1024  # collections kept for a starved thread


class Stopwatch:
    """Times each collection from now until `stop`; costs 1 us a collection."""

    def __init__(self) -> None:
        self._starts: deque[int] = deque(maxlen=_HELD)
        self._stops: deque[int] = deque(maxlen=_HELD)
        steps = {"start": _step(self._starts), "stop": _step(self._stops)}
        self._callback = partial(getattr, type("_Steps", (), {"__slots__": (), **steps})())
        gc.callbacks.append(self._callback)

    def stop(self) -> None:
        """Time no more."""
        own = self._callback
        gc.callbacks[:] = [callback for callback in gc.callbacks if callback is not own]

    def taken(self) -> tuple[int, ...]:
        """Nanoseconds that each collection took since this was last asked."""
        return tuple(self._pairs())

    def _pairs(self) -> Iterator[int]:
        while self._starts and self._stops:
            taken = self._stops.popleft() - self._starts[0]
            if taken >= 0:  # else it is a stop whose start was before this began
                self._starts.popleft()
                yield taken


def _step(clock: deque[int]) -> property:
    """An attribute that notes the time when it is looked up."""
    return property(partial(next, map(clock.append, iter(time.thread_time_ns, None))))
