"""Which signals a thread of gctune's own blocks, and what it starts for the program does not.

It blocks what may be meant for the program: a signal to a process goes to any
thread that does not block it. A child inherits the mask of the thread that
starts it, and one that blocks everything cannot be terminated.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # the signal module costs 4 ms more
from _thread import _local

from gctune.host.files import read_as, within, word_behind
from gctune.runtime import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

# What a thread does to itself. Where that is blocked, the process dies and faulthandler is silent.
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")


class _Thread(_local):
    """Whether a thread is one that leaves signals to the program."""

    leaves = False


class _Program:
    """What the program blocked when the first such thread began; None before."""

    blocked: set[int] | None = None


_thread = _Thread()


def leave_signals_to_the_program() -> None:
    """Have this thread, which is gctune's own, block all that is not its own fault."""
    if not hasattr(_signal, "pthread_sigmask"):
        return
    faults = {getattr(_signal, name, 0) for name in _FAULTS}
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals() - faults)
    if _Program.blocked is None:
        _Program.blocked = before
    _thread.leaves = True


def as_the_program(call: Callable[[], T]) -> T:
    """Call something of the program's in a thread of gctune's: what it starts inherits its mask.

    That is the main thread's as it is now. Nothing is taken from the program
    meanwhile: of the threads that do not block a signal the system takes the
    main one first.
    """
    if _Program.blocked is None:
        return call()
    before = _signal.pthread_sigmask(_signal.SIG_SETMASK, _blocked_by_the_program())
    try:
        return call()
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _blocked_by_the_program() -> set[int]:
    now = read_as(_blocked_by_main, within("/proc", "self/status"), [])
    return (_Program.blocked or set()) if now is None else now


def _blocked_by_main(status: bytes) -> set[int]:
    bits = int(word_behind(b"SigBlk:", status), 16)
    return {number for number in _signal.valid_signals() if bits >> (number - 1) & 1}


def _in_child() -> None:
    """Have a child that such a thread forks block what the program does: it is its main thread."""
    if _thread.leaves:
        _thread.leaves = False
        _signal.pthread_sigmask(_signal.SIG_SETMASK, _Program.blocked or set())


fork.in_child(_in_child)
