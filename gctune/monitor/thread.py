"""The thread of gctune, and the duties it does: samples and alerts, for one.

It runs while there is a duty. It imports what a duty needs when the duty is
first due, and does nothing before: most programs end sooner, and pay for the
start of a thread alone. While the process forks it does not run. In the child
it starts anew, and so does each duty. What must not wait for other duties has
a second thread: beside a busy program an import takes a quarter of a second.
"""

from __future__ import annotations

import atexit
import time
from _thread import RLock

from gctune.monitor.loop import Loop
from gctune.runtime import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol
else:
    Protocol = object

FIRST = 1.0  # seconds until a duty is first due, unless it is in a hurry
_LONGEST_BACKOFF = 300.0  # seconds between two attempts at a duty that fails


class Duty(Protocol):
    """Something to be done again and again, in the thread alone; it may take its time."""

    def __call__(self, now_ns: int) -> float:
        """Do it, at `now_ns` by time.perf_counter_ns; return the seconds until it is next due."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what it holds: called once, at its end, and in a forked child.

        There it must be quick, and take no lock.
        """


class Job:
    """A duty that was taken up: made when it is first due, then done whenever it is due.

    What it raises is caught and counted in `failures`, told once, and has it
    wait longer and longer.
    """

    def __init__(self, name: str, make: Callable[[], Duty], first: float = FIRST) -> None:
        self.name = name
        self.failures = 0
        self._make = make
        self._first = first
        self.renew()

    def renew(self) -> None:
        """Begin anew, with a duty that is yet to be made."""
        self.due_ns = time.perf_counter_ns() + int(self._first * 1e9)
        self.duty: Duty | None = None
        self._ended = self._told = False
        self._in_a_row = 0

    def do(self, now_ns: int) -> None:
        """Do the duty, and settle when it is next due."""
        try:
            if self.duty is None:
                self.duty = self._make()
            seconds = self.duty(now_ns)
            self._in_a_row = 0
        except BaseException as error:  # noqa: BLE001 - the program goes on, whatever fails here
            seconds = self._backoff()
            self._tell(error)
        self.due_ns = now_ns + int(seconds * 1e9)
        if self._ended:
            self.close()

    def end(self, *, now: bool) -> None:
        """Close the duty: now, or once it is done with what it is at."""
        self._ended = True
        if now:
            self.close()

    def close(self) -> None:
        """Let go of the duty."""
        duty, self.duty = self.duty, None
        if duty is not None:
            try:
                duty.close()
            except Exception as error:  # noqa: BLE001 - as above
                self._tell(error)

    def _backoff(self) -> float:
        self.failures += 1
        self._in_a_row = min(self._in_a_row + 1, 16)
        return min(2.0**self._in_a_row, _LONGEST_BACKOFF)

    def _tell(self, error: BaseException) -> None:
        if not self._told:
            self._told = True
            from gctune.monitor.telling import warn

            wrong = f"{type(error).__name__}: {error}"
            warn(f"{self.name}: {wrong}; it is tried again later, in silence")


class _Thread:
    """The jobs of this process, and the loop that does them."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.jobs: list[Job] = []
        self.loop = Loop(self._step)

    def start(self) -> None:
        if self.jobs:
            try:
                self.loop.start()
                self.loop.wake()  # it may be waiting for what is due later
            except RuntimeError as error:  # no more threads are to be had
                from gctune.monitor.telling import warn

                warn(f"{self.jobs[-1].name} does not run: {error}")

    def end(self, *jobs: Job) -> None:
        idle = self.loop.stop()
        for job in jobs:
            self.jobs.remove(job)
            job.end(now=idle)

    def begin_anew(self) -> None:
        self.lock = RLock()
        self.loop.forget()
        for job in self.jobs:
            job.close()
            job.renew()
        self.start()

    def _step(self) -> float | None:
        now = time.perf_counter_ns()
        jobs = tuple(self.jobs)
        for job in jobs:
            if job.due_ns <= now:
                job.do(now)
        due_ns = min((job.due_ns for job in jobs), default=None)
        return None if due_ns is None else (due_ns - time.perf_counter_ns()) / 1e9


_shared, _urgent = _threads = _Thread(), _Thread()


def take_up(
    name: str, make: Callable[[], Duty], first: float = FIRST, *, urgent: bool = False
) -> Job:
    """Have the thread do a duty, which `make` makes when it is first due, in `first` seconds.

    `name` is what a failure is told under. `lay_down` ends it. Where no thread
    is to be had the duty is not done. One that is `urgent` waits for no other
    that is not.
    """
    thread = _urgent if urgent else _shared
    with thread.lock:
        job = Job(name, make, first)
        thread.jobs.append(job)
        thread.start()
        return job


def lay_down(job: Job) -> None:
    """Do a duty no more, and close it; takes a second at most, even if the duty is stuck."""
    for thread in _threads:
        with thread.lock:
            if job in thread.jobs:
                thread.end(job)
                thread.start()


def duties() -> list[Duty]:
    """The duties that have been made: those that were due at least once."""
    jobs = [job for thread in _threads for job in tuple(thread.jobs)]
    return [job.duty for job in jobs if job.duty is not None]


def _before_fork() -> None:
    for thread in _threads:
        thread.lock.acquire()
        thread.loop.stop()


def _after_fork_in_parent() -> None:
    for thread in reversed(_threads):
        thread.start()
        thread.lock.release()


def _after_fork_in_child() -> None:
    for thread in _threads:
        thread.begin_anew()


def _at_exit() -> None:
    for thread in _threads:
        with thread.lock:
            thread.end(*thread.jobs)


atexit.register(_at_exit)
fork.around(_before_fork, _after_fork_in_parent)
fork.in_child(_after_fork_in_child)
