"""What the program releases itself when memory runs short: callbacks of its own.

Each runs in a thread of its own, so that one that blocks holds up neither the
relief nor the others; it is not called again before it has come back.
"""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread

from gctune.errors import ConfigError, problem
from gctune.runtime import fork
from gctune.runtime.mask import as_the_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[[], Any])

PATIENCE = 0.02  # seconds for which relief waits for the callbacks before it goes on


class _Callback:
    """One function of the program's, and whether it is being called."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._told = False
        self.forget()

    def forget(self) -> None:
        """Begin anew: to be called in a forked child, which lacks the thread."""
        self._idle = allocate_lock()

    def call(self, warn: Callable[[str], object]) -> None:
        """Call the function in a thread of its own, unless it has not come back yet."""
        if not self._idle.acquire(blocking=False):
            self._tell(warn, "has not come back; it is not called again until it has")
            return
        try:
            start_new_thread(self._run, (self._idle, warn))
        except (MemoryError, RuntimeError):  # no more threads are to be had
            self._idle.release()

    def wait(self, deadline: float) -> None:
        """Wait until the function has come back, or the deadline is reached."""
        if self._idle.acquire(timeout=max(0.0, deadline - time.monotonic())):
            self._idle.release()

    def _run(self, idle: Any, warn: Callable[[str], object]) -> None:
        try:
            as_the_program(self._function)
        except BaseException as error:  # noqa: BLE001 - SystemExit too: the program goes on
            self._tell(warn, f"{type(error).__name__}: {error}")
        finally:
            idle.release()

    def _tell(self, warn: Callable[[str], object], what: str) -> None:
        if not self._told:
            self._told = True
            warn(f"on_pressure callback {self._function!r}: {what}; told once")


_callbacks: list[_Callback] = []


def on_pressure(callback: F) -> F:
    """Have `callback()` called when memory runs short, before anything is collected.

    For what the program can do without: caches, buffers, idle connections. It
    is called at most once a second, in a thread of gctune's own; it may take
    its time, but relief waits for it 20 ms at most. What it raises is told
    once and does no harm. It is kept for the life of the process. Usable as a
    decorator. Raises ConfigError for what cannot be called.
    """
    if not callable(callback):
        wrong, remedy = "cannot be called", "give a function that takes no arguments"
        raise ConfigError([problem("on_pressure", callback, wrong, remedy)])
    import threading  # noqa: F401 - imported first by gctune's thread it takes that for the main one

    _callbacks.append(_Callback(callback))
    return callback


def ask(warn: Callable[[str], object]) -> None:
    """Call every callback, and wait for them a moment. What goes wrong is told by `warn`, once."""
    asked = tuple(_callbacks)
    for callback in asked:
        callback.call(warn)
    deadline = time.monotonic() + PATIENCE
    for callback in asked:
        callback.wait(deadline)


def _in_child() -> None:
    for callback in _callbacks:
        callback.forget()


fork.in_child(_in_child)
