"""Recording this process and its children, one profile each.

PROFILE is the program's own; a further Python process, forked or started anew,
writes PROFILE.<pid> beside it. One daemon thread empties the recorder's ring
into the file. While the program forks there is no such thread: a fork among
threads is a hazard, and CPython 3.12 and later warn of it.
"""

from __future__ import annotations

import atexit
import os
import time
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from pathlib import Path
from types import TracebackType

from gctune.errors import ProfileError, problem
from gctune.monitor.loop import Loop
from gctune.monitor.telling import warn
from gctune.profile.earlier import Earlier, replace_earlier
from gctune.profile.ending import at_the_end_of_multiprocessing
from gctune.profile.file import absolute
from gctune.profile.recording import Recording
from gctune.profile.siblings import new_sibling
from gctune.profile.writer import Writer
from gctune.runtime import fork

_BUSY, _ASLEEP = 0.2, 2.0  # seconds between two flushes, at least and at most


def capture(
    path: str | os.PathLike[str], seconds: float | None = None, *, explore: bool = False
) -> Capture:
    """Record this process, and the children it forks, in new profiles from now on.

    Use it as a context manager, or call `stop` on what it returns; else the
    end of the program ends it. After `seconds` the recording ends and the
    program goes on. With `explore`, other thresholds are tried meanwhile, in
    short windows and under a bound for memory, and the program's own come back
    at the end. Raises ProfileError where `path` exists or cannot be written, or
    `seconds` are no number above 0.
    """
    base, deadline = absolute(path), _deadline(seconds)
    return Capture(base, Writer(base), deadline, explore)


def begin(
    path: str, seconds: float | None = None, explore: bool = False, earlier: Earlier | None = None
) -> Capture:
    """Record this process as `capture` does, in PROFILE.<pid> where PROFILE is taken.

    If that is one of the `earlier` files, it is replaced once the recording is under way.
    """
    base, deadline = absolute(path), _deadline(seconds)
    writer = _writer(base)
    running = Capture(base, writer, deadline, explore)
    if earlier:
        writer.is_now(replace_earlier(base, writer.path, earlier))
    return running


def _deadline(seconds: float | None) -> float:
    """When a recording is to end, on the clock of time.monotonic. Raises ProfileError."""
    if seconds is None:
        return inf
    with suppress(TypeError, OverflowError):
        if seconds > 0:
            return time.monotonic() + seconds
    wrong, remedy = "not a number above 0", "give seconds, or None to record to the end"
    raise ProfileError(problem("seconds", seconds, wrong, remedy))


def _writer(base: Path) -> Writer:
    try:
        return Writer(base)
    except ProfileError:
        if not base.exists():
            raise
    return Writer(new_sibling(base))


class Capture:
    """A capture under way: in this process and, when it forks, in each child.

    The thread may be at a step that takes longer than the program waits for it,
    at its end or before a fork. Then what is due is done after that step: in
    `_settle`, by whoever comes last.
    """

    def __init__(self, base: Path, writer: Writer, deadline: float, explore: bool) -> None:
        self._base = base
        self._explore = explore
        self._deadline = deadline
        self._recording = Recording(lambda: writer, forked=False, explore=explore)
        self._at_work = allocate_lock()  # held by whoever uses the recording
        self._ending, self._forking = "", False
        try:
            self._recording.open()
        except ProfileError:
            self._recording.abandon()
            raise
        self._loop = Loop(self._step)
        self._start_thread()
        _running.add(self)

    def stop(self, reason: str = "stop") -> None:
        """End the recording in this process; a second call does nothing.

        Takes little more than a second: a step that is stuck ends it once it is done.
        """
        self._ending = self._ending or reason
        self._loop.stop()
        self._settle()

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_thread(self) -> None:
        self._pause = 0.0
        try:
            self._loop.start()
        except RuntimeError:  # no more threads are to be had
            self._recording.abandon()

    def _step(self) -> float | None:
        """Do what is due; return the seconds until more is, None where the capture is over."""
        try:
            with self._at_work:
                self._attempt(self._record)
        finally:
            self._settle()
        if self._recording.ended:
            return None
        return min(self._pause, self._deadline - time.monotonic())

    def _settle(self) -> None:
        """Finish or rest where that was asked for, unless the thread is at a step: then it does."""
        if self._at_work.acquire(blocking=False):
            try:
                if self._ending:
                    self._attempt(partial(self._recording.finish, self._ending))
                    _running.discard(self)
                elif self._forking:
                    self._forking = False
                    self._attempt(partial(self._recording.rest, "fork"))
            finally:
                self._at_work.release()

    def _attempt(self, act: Callable[[], object]) -> None:
        """Do it unless the recording has ended.

        A full disk ends the recording, never the program, and is told.
        """
        try:
            if not self._recording.ended:
                act()
        except (ProfileError, MemoryError) as error:
            _running.discard(self)
            self._recording.abandon()
            warn(str(error) or type(error).__name__)

    def _record(self) -> None:
        if self._pause:
            busy = self._recording.flush() or self._recording.exploring
            self._pause = _BUSY if busy else min(2 * self._pause, _ASLEEP)
            reason = self._over()
            if reason:
                self._ending = reason
        else:
            # The file waits for the first flush: most children that are forked to
            # become another program are gone by then, and leave none.
            self._recording.describe()
            self._pause = _BUSY

    def _over(self) -> str:
        if time.monotonic() >= self._deadline:
            return "seconds"
        return "full" if self._recording.full else ""

    def _before_fork(self) -> None:
        self._forking = True
        self._loop.stop()
        self._settle()

    def _after_fork_in_child(self) -> None:
        self._recording.abandon()
        self._at_work, self._forking = allocate_lock(), False
        self._loop.forget()
        if self._ending:
            _running.discard(self)
            return
        self._recording = Recording(
            lambda: Writer(new_sibling(self._base)), forked=True, explore=self._explore
        )
        self._start_thread()
        at_the_end_of_multiprocessing(self, partial(self.stop, reason="exit"))


_running: set[Capture] = set()


def _each(act: Callable[[Capture], None]) -> None:
    for running in _running.copy():
        act(running)


atexit.register(_each, partial(Capture.stop, reason="exit"))
fork.around(partial(_each, Capture._before_fork), partial(_each, Capture._start_thread))
fork.in_child(partial(_each, Capture._after_fork_in_child))
