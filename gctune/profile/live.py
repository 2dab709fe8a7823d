"""The heap and the collections of this process while it runs, for whoever asks from outside.

`pause` waits for so many seconds and says whether the answer is still wanted.
One request at a time traces allocations, and one records collections: they cost
the program something.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from contextlib import contextmanager
from itertools import chain

from gctune.errors import ProfileError
from gctune.profile import tracing
from gctune.profile.recording import Recording
from gctune.profile.sites import Heap, difference
from gctune.profile.writer import Lines
from gctune.runtime import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FLUSH = 0.5  # seconds between two parts of a profile


class BusyError(ProfileError):
    """Another request is doing the same."""


class _Turn:
    """Whose turn it is, and what is to be undone at its end, or should the process fork."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = allocate_lock()
        self._undo: Callable[[], object] = _nothing

    @contextmanager
    def take(self) -> Iterator[Callable[[Callable[[], object]], None]]:
        """Have the turn, or raise BusyError; gives a function to say what is to be undone by."""
        if not self._lock.acquire(blocking=False):
            raise BusyError(f"another request {self._what} here; try again when it is done")
        try:
            yield self._remember
        finally:
            try:
                self._end()
            finally:
                self._lock.release()

    def after_fork_in_child(self) -> None:
        """Undo what the parent's request began: nobody goes on with it here."""
        self._lock = allocate_lock()
        self._end()

    def _remember(self, undo: Callable[[], object]) -> None:
        self._undo = undo

    def _end(self) -> None:
        undo, self._undo = self._undo, _nothing
        undo()


def _nothing() -> None:
    pass


_tracer = _Turn("traces allocations")
_recorder = _Turn("records collections")
fork.in_child(_tracer.after_fork_in_child)
fork.in_child(_recorder.after_fork_in_child)


def heap() -> Heap:
    """What is in use now. Raises ProfileError where no allocation is traced, and BusyError."""
    with _tracer.take():
        return tracing.take()


def growth(seconds: float, pause: Callable[[float], bool]) -> Heap:
    """What is allocated within so many seconds and still in use after them.

    Traces allocations meanwhile, unless they are traced already. Raises
    BusyError, and ProfileError where it is wanted no longer.
    """
    with _tracer.take() as at_the_end:
        if not tracing.under_way():
            at_the_end(tracing.stop)
            tracing.start()
        before = tracing.take()
        if not pause(seconds):
            raise ProfileError("the heap is wanted no longer")
        return difference(tracing.take(), before)


def profile(seconds: float, pause: Callable[[float], bool]) -> Iterator[bytes]:
    """Record the collections of so many seconds: a profile, in parts as it grows.

    It ends without its closing where it is wanted no longer. Raises BusyError.
    """
    parts = _record(seconds, pause)
    return chain([next(parts)], parts)


def _record(seconds: float, pause: Callable[[float], bool]) -> Iterator[bytes]:
    deadline = time.monotonic() + seconds
    lines = Lines()
    with _recorder.take() as at_the_end:
        # As if forked: to count what exists already would stop the program.
        recording = Recording(lambda: lines, forked=True)
        at_the_end(recording.abandon)
        recording.open()
        yield lines.take()
        while pause(max(0.0, min(_FLUSH, deadline - time.monotonic()))):
            if recording.full or time.monotonic() >= deadline:
                recording.finish("full" if recording.full else "seconds")
                yield lines.take()
                return
            recording.flush()
            yield lines.take()
