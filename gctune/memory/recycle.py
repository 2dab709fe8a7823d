"""When a worker should be replaced by a fresh one: its memory stays high after relief.

Nothing here ends a process. A program's own loop asks `should_recycle()`; an
integration takes the moment up by `on_recycle`, and ends its worker gracefully.
"""

from __future__ import annotations

import time
from _random import Random  # the random module imports hashlib

from gctune.host.process import rss_bytes
from gctune.record import Record
from gctune.runtime import fork, knobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_SECONDS = 1.0
_HOLD_NS = 10_000_000_000
_RELIEF_EVERY_NS = 60_000_000_000
_SPREAD = 0.05  # of the ceiling, and all of the hold: so that workers do not leave together
_BELOW = 0.9  # of the ceiling: from there down the process need not leave any more


class Terms(Record):
    """The rss above which a process should leave once it has been above for `hold_ns`."""

    ceiling: int
    hold_ns: int


class State(Record):
    """Since when the rss has been above the ceiling, when it was last relieved, and the verdict."""

    above_ns: int | None
    relieved_ns: int | None
    due: bool


FRESH = State(above_ns=None, relieved_ns=None, due=False)


def terms(ceiling: int, chance: float) -> Terms:
    """The terms of one of several workers; `chance` is a random number from 0 to 1."""
    return Terms(int(ceiling * (1 + _SPREAD * chance)), int(_HOLD_NS * (1 + chance)))


def wants_relief(state: State, at_ns: int, rss: int, of: Terms) -> bool:
    """Whether to see first what a full collection and a trim leave of the rss."""
    rested = state.relieved_ns is None or at_ns - state.relieved_ns >= _RELIEF_EVERY_NS
    return rss >= of.ceiling and state.above_ns is None and rested


def relieved(state: State, at_ns: int) -> State:
    """The state after that."""
    return state._replace(relieved_ns=at_ns)


def advance(state: State, at_ns: int, rss: int, of: Terms) -> State:
    """The state after a reading: due once the rss has stayed above the ceiling."""
    if rss < of.ceiling:
        return state._replace(above_ns=None, due=state.due and rss >= of.ceiling * _BELOW)
    above_ns = at_ns if state.above_ns is None else state.above_ns
    return state._replace(above_ns=above_ns, due=state.due or at_ns - above_ns >= of.hold_ns)


class _Asked:
    """What this process has been told, and who wants to know."""

    to_leave = False
    callbacks: list[Callable[[], object]] = []  # noqa: RUF012 - one list, for the process


def should_recycle() -> bool:
    """Whether this process should finish what it is at and leave, for a fresh one to replace it.

    True once its rss has stayed above `memory.recycle` although it was
    relieved; always False where that is not set. Costs nothing to ask.
    """
    return _Asked.to_leave


def on_recycle(callback: Callable[[], object]) -> None:
    """Have `callback()` called once, in gctune's thread, when this process should leave.

    For what ends a worker gracefully: it must be quick, and take no lock. A
    forked child inherits it.
    """
    _Asked.callbacks.append(callback)


class Recycler:
    """A duty of the monitor's thread: tells when this process should leave."""

    def __init__(self, ceiling: int) -> None:
        self._terms = terms(ceiling, Random().random())
        self._state = FRESH

    def __call__(self, now_ns: int) -> float:
        """Look once, and return the seconds until the next look."""
        rss = rss_bytes()
        if wants_relief(self._state, now_ns, rss, self._terms):
            knobs.collect()
            knobs.release_free_memory()
            rss = rss_bytes()
            self._state = relieved(self._state, time.perf_counter_ns())
        self._state = advance(self._state, now_ns, rss, self._terms)
        _tell(self._state.due)
        return _LOOK_SECONDS

    def close(self) -> None:
        """Ask nobody to leave any more."""
        _Asked.to_leave = False


def _tell(due: bool) -> None:
    begins = due and not _Asked.to_leave
    _Asked.to_leave = due
    if begins:
        for callback in tuple(_Asked.callbacks):
            callback()


def _in_child() -> None:
    _Asked.to_leave = False


fork.in_child(_in_child)
