"""A thread of gctune's own, which the program does not notice.

It is started by `_thread` alone. `threading` would cost a bare program 4 ms,
and imported first by another thread than the main one it takes that other
thread for the main one: so what runs here must not import it, nor what
imports it (`logging`, `psutil`), unless the program has done so.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock, get_ident, get_native_id, start_new_thread

from gctune.runtime.mask import leave_signals_to_the_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE = 1.0  # seconds that the program waits for the thread, at its end or before a fork
_LAG = 0.01  # seconds that the system may count a thread that has ended
_RETRY = 1.0  # seconds until a step that failed, or has to wait for another, is tried again
_LONGEST = 3600.0  # seconds; a lock's timeout is bounded


class Loop:
    """Takes a step, pauses for the seconds that the step returned, and so on.

    None from a step ends it, and no error does: a step tells of its own, and
    another is taken a second later. No two steps run at once: one that is still
    under way after `stop` has given up waiting is waited for by the thread that
    `start` begins anew.
    """

    def __init__(self, step: Callable[[], float | None]) -> None:
        self._step = step
        self._life: _Life | None = None
        self._busy = allocate_lock()

    @property
    def runs(self) -> bool:
        """Whether it has begun, and is not about to end."""
        return self._life is not None and not self._life.ending

    def start(self) -> None:
        """Begin, unless it is running. Raises RuntimeError where no more threads are to be had."""
        if not self.runs:
            self._begin(_Life())

    def stop(self) -> bool:
        """End the thread; whether it has ended. One that is stuck in a step is not waited for."""
        if self._life is None:
            return True
        ended = self._life.end()
        if ended:
            self._life = None
        return ended

    def wake(self) -> None:
        """Take the next step now."""
        if self._life is not None:
            self._life.wake()

    def forget(self) -> None:
        """Have nothing running: to be called in a forked child, which lacks the thread."""
        self._life = None
        self._busy = allocate_lock()

    def _begin(self, life: _Life) -> None:
        former, self._life = self._life, life
        try:
            life.begin(self._attempt)
        except BaseException:  # the handler of a signal may raise when the thread is there
            life.ask_to_end()
            self._life = former
            raise

    def _attempt(self) -> float | None:
        busy = self._busy  # a fork within the step replaces it
        if not busy.acquire(blocking=False):
            return _RETRY
        try:
            return self._step()
        finally:
            busy.release()


class _Life:
    """One thread, from its beginning to its end."""

    def __init__(self) -> None:
        self.ending = False
        self._alarm = allocate_lock()  # whoever releases it wakes the thread
        self._alarm.acquire()
        self._over = allocate_lock()
        self._over.acquire()
        self._ident = self._native = self._starter = 0

    def begin(self, attempt: Callable[[], float | None]) -> None:
        if sys.platform != "linux" or not os.path.isdir("/proc/self"):  # noqa: PTH112 - as below
            import threading  # noqa: F401 - for psutil, which is needed there and imports it
        self._starter = get_native_id()
        start_new_thread(self._live, (attempt,))

    def end(self) -> bool:
        """End it; whether it has ended: not where its own step asks, or takes too long."""
        self.ask_to_end()
        if self._ident == get_ident() or not self._over.acquire(timeout=_PATIENCE):
            return False
        _wait_for_the_end_of(self._native)
        return True

    def ask_to_end(self) -> None:
        """Have it end as soon as it can."""
        self.ending = True
        self.wake()

    def wake(self) -> None:
        """Cut its pause short."""
        try:  # noqa: SIM105 - contextlib costs 1 ms
            self._alarm.release()
        except RuntimeError:  # it has been woken already
            pass

    def _live(self, attempt: Callable[[], float | None]) -> None:
        pause: float | None = 0.0
        try:
            while pause is not None:
                try:
                    pause = self._go_on(attempt, pause)
                except BaseException:  # noqa: BLE001, PERF203 - memory runs out here as well
                    pause = _RETRY
        finally:
            self.ending = True
            self._over.release()

    def _go_on(self, attempt: Callable[[], float | None], pause: float) -> float | None:
        """Take the next step after a pause, unless this life is to end by then."""
        if not self._native:
            if get_native_id() != self._starter:  # gevent's threads are in the one that starts them
                leave_signals_to_the_program()
            self._ident, self._native = get_ident(), get_native_id()
        return None if self._ended_within(pause) else attempt()

    def _ended_within(self, seconds: float) -> bool:
        # No min(), max() or keyword: a container that they make could start a collection here that
        # is for the program's threads.
        within = 0.0 if seconds < 0 else seconds if seconds < _LONGEST else _LONGEST
        self._alarm.acquire(True, within)
        return self.ending


def _wait_for_the_end_of(native: int) -> None:
    """Wait until the system counts a thread no more; CPython warns of a fork that it still sees."""
    deadline = time.monotonic() + _LAG
    while os.path.exists(f"/proc/self/task/{native}") and time.monotonic() < deadline:  # noqa: PTH110
        time.sleep(0)


def are_threads() -> bool:
    """Whether loops run in threads of the system's, and not in greenlets of gevent's."""
    return isinstance(start_new_thread, type(len))
