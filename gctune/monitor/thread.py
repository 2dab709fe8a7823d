"""The thread of gctune, and the duties it does: samples and alerts, for one.

It runs while there is a duty. It imports what a duty needs when the duty is
first due, and does nothing before: most programs end sooner, and pay for the
start of a thread alone. While the process forks it does not run. In the child
it starts anew, and so does each duty. Where there are duties that must not
wait for others, a second thread does those others from the first one's time
on: beside a busy program an import takes a quarter of a second.
"""

from __future__ import annotations

import atexit
import sys
import time
from _thread import RLock, allocate_lock, get_ident

from gctune.monitor.loop import Loop
from gctune.runtime import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol
else:
    Protocol = object

FIRST = 1.0  # seconds until a duty is first due, unless it is in a hurry
_UNTIL_WOKEN = float("inf")
_LONGEST_BACKOFF = 300.0  # seconds between two attempts at a duty that fails
_PATIENCE = 1.0  # seconds that a duty which another thread is at is waited for, or tried again in
_IMPORTS = 30.0  # seconds that a fork waits for imports: a child finds their locks held for ever
_LAG = 0.01  # seconds that it may notice their end too late
_HURRY = 1e-4  # seconds until a busy thread gives the interpreter's lock up; CPython waits 5e-3


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
    wait longer and longer. Once it was ended it is closed by whoever comes
    last: the thread that ends it, or the one that is at it meanwhile.
    """

    def __init__(self, name: str, make: Callable[[], Duty], first: float, urgent: bool) -> None:
        self.name = name
        self.urgent = urgent
        self.failures = 0
        self._make = make
        self._first = first
        self.renew()

    def renew(self) -> None:
        """Begin anew, with a duty that is yet to be made."""
        self._put_off(time.perf_counter_ns(), self._first)
        self.duty: Duty | None = None
        self._at_work, self._worker = allocate_lock(), 0
        self._ended = self._told = False
        self._in_a_row = 0

    def left_ns(self, now_ns: int) -> int:
        """Until it is due; none where the clock was put back, as by tests that freeze the time."""
        return self._due_ns - now_ns if now_ns >= self._since_ns else 0

    def do(self, now_ns: int) -> None:
        """Do the duty, unless another thread is still at it, and settle when it is next due."""
        at_work = self._at_work  # a fork within the duty replaces it
        if not at_work.acquire(blocking=False):
            self._put_off(now_ns, _PATIENCE)
            return
        self._worker = get_ident()
        try:
            if not self._ended:
                self._put_off(now_ns, self._seconds_until_next(now_ns))
        finally:
            self._worker = 0
            at_work.release()
        if self._ended:
            self.end()

    def end(self) -> None:
        """Do the duty no more, and close it: now, or once it is done with what it is at."""
        self._ended = True
        patience = 0.0 if self._worker == get_ident() else _PATIENCE
        if self._at_work.acquire(timeout=patience):
            try:
                self.close()
            finally:
                self._at_work.release()

    def close(self) -> None:
        """Let go of the duty, if there is one."""
        duty, self.duty = self.duty, None
        if duty is not None:
            try:
                duty.close()
            except Exception as error:  # noqa: BLE001 - as above
                self._tell(error)

    def _put_off(self, now_ns: int, seconds: float) -> None:
        self._since_ns, self._due_ns = now_ns, now_ns + int(seconds * 1e9)

    def _seconds_until_next(self, now_ns: int) -> float:
        try:
            seconds = self._in_a_hurry(now_ns) if self.urgent else self._attempt(now_ns)
            self._in_a_row = 0
        except BaseException as error:  # noqa: BLE001 - the program goes on, whatever fails here
            seconds = self._backoff()
            self._tell(error)
        return seconds

    def _attempt(self, now_ns: int) -> float:
        if self.duty is None:
            self.duty = self._made()
        return self.duty(now_ns)

    def _made(self) -> Duty:
        maker = get_ident()
        _makers.add(maker)
        try:
            return self._make()
        finally:
            _makers.discard(maker)

    def _in_a_hurry(self, now_ns: int) -> float:
        """Attempt it without waiting long for the interpreter's lock.

        An import and a look at the memory are a hundred calls that give it up:
        beside a program that is busy on another core, half a second.
        """
        _Switching.hurry()
        try:
            return self._attempt(now_ns)
        finally:
            _Switching.as_usual()

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


class _Switching:
    """How soon threads give the interpreter's lock to others: as the program has it, or at once."""

    usual: float | None = None
    hurried = 0.0

    @classmethod
    def hurry(cls) -> None:
        cls.usual = sys.getswitchinterval()
        sys.setswitchinterval(min(_HURRY, cls.usual))
        cls.hurried = sys.getswitchinterval()

    @classmethod
    def as_usual(cls) -> None:
        """Be as before, unless the program has chosen otherwise meanwhile."""
        usual, cls.usual = cls.usual, None
        if usual is not None and sys.getswitchinterval() == cls.hurried:
            sys.setswitchinterval(usual)


def take_up(
    name: str, make: Callable[[], Duty], first: float = FIRST, *, urgent: bool = False
) -> Job:
    """Have the thread do a duty, which `make` makes when it is first due, in `first` seconds.

    `name` is what a failure is told under. `lay_down` ends it. Where no thread
    is to be had the duty is not done. One that is `urgent` waits for no other
    that is not.
    """
    job = Job(name, make, first, urgent)
    try:
        _add(job)
    except BaseException:  # the handler of a signal raised, and nobody has the job to lay it down
        lay_down(job)
        raise
    return job


def lay_down(job: Job) -> None:
    """Do a duty no more, and close it; takes three seconds at most, whatever is stuck."""
    with _lock:
        if job in _jobs:
            try:
                _end(job)
            finally:
                _run()


def duties() -> list[Duty]:
    """The duties that have been made: those that were due at least once."""
    return [job.duty for job in tuple(_jobs) if job.duty is not None]


def _add(job: Job) -> None:
    with _lock:
        _jobs.append(job)
        _run()


def _run() -> None:
    """Have both threads look which jobs are due; the second has begun, or does so when it must."""
    if not _jobs:
        return
    try:
        _first.start()
    except RuntimeError as error:  # no more threads are to be had
        from gctune.monitor.telling import warn

        warn(f"{_jobs[-1].name} does not run: {error}")
    for loop in _loops:
        loop.wake()


def _end(*jobs: Job) -> None:
    _stop(*jobs)
    for job in jobs:
        _end_one(job)


def _end_one(job: Job) -> None:
    try:
        if job in _jobs:  # else the handler of a signal has laid it down meanwhile
            _jobs.remove(job)
        job.end()
    except BaseException:  # that of a signal raised, and nobody finds the job to end it again
        job.end()
        raise


def _stop(*jobs: Job) -> None:
    """Stop what may be doing these jobs, so that they end in quiet; the first may begin the second.

    One that is stuck is waited for once, not again for each job that ends.
    """
    for loop in (_first,) if all(job.urgent for job in jobs) else _loops:
        if loop.runs:
            loop.stop()


def _stop_all() -> None:
    for loop in _loops:
        loop.stop()


def _step_first() -> float | None:
    """Do what is urgent; the rest too, unless that could keep what is urgent waiting."""
    jobs, now = tuple(_jobs), time.perf_counter_ns()
    if not _second.runs:
        _begin_second_if_due(jobs, now)
    alone = not _second.runs
    pause = _do([job for job in jobs if job.urgent or alone], now)
    return _UNTIL_WOKEN if pause is None and jobs else pause


def _step_second() -> float | None:
    return _do([job for job in tuple(_jobs) if not job.urgent], time.perf_counter_ns())


def _begin_second_if_due(jobs: tuple[Job, ...], now_ns: int) -> None:
    kinds = {job.urgent for job in jobs if job.urgent or job.left_ns(now_ns) <= 0}
    if len(kinds) > 1:
        try:  # noqa: SIM105 - contextlib costs 1 ms
            _second.start()
        except RuntimeError:  # no more threads are to be had: the first does it all
            pass


def _do(jobs: list[Job], now_ns: int) -> float | None:
    """Do those that are due; return the seconds until the next is, None where there is none."""
    next_ns = _UNTIL_WOKEN
    for job in jobs:
        if job.left_ns(now_ns) <= 0:
            job.do(now_ns)
        # A container, as another loop or min() would make one, could start what the pacer has
        # just left to the program to collect.
        left_ns = job.left_ns(now_ns)
        next_ns = left_ns if left_ns < next_ns else next_ns
    passed_ns = time.perf_counter_ns() - now_ns
    next_ns -= passed_ns if passed_ns > 0 else 0  # the clock may have been put back
    return next_ns / 1e9 if jobs else None


def _before_fork() -> None:
    _lock.acquire()
    _stop_all()
    deadline = time.monotonic() + _IMPORTS
    while _makers - {get_ident()} and time.monotonic() < deadline:
        time.sleep(_LAG)
        _stop_all()


def _after_fork_in_parent() -> None:
    try:
        _run()
    finally:
        _lock.release()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held the one before
    _lock = RLock()
    _Switching.as_usual()
    _makers.clear()
    for loop in _loops:
        loop.forget()
    for job in _jobs:
        job.close()
        job.renew()
    _run()


def _at_exit() -> None:
    with _lock:
        _stop_all()
        _end(*_jobs)


_lock = RLock()
_jobs: list[Job] = []
_makers: set[int] = set()  # the threads that make a duty, and so may import
_first, _second = _loops = Loop(_step_first), Loop(_step_second)

atexit.register(_at_exit)
fork.around(_before_fork, _after_fork_in_parent)
fork.in_child(_after_fork_in_child)
