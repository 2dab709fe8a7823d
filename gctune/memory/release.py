"""When to give free memory back to the system after a spike, limit or not.

glibc keeps what was freed below the top of its heaps, and in the heaps of each
thread; malloc_trim gives it back. What is free cannot be told cheaply, so this
tries: soon after memory moved, ever more seldom while there is nothing to give
back or the program takes again at once what was given back.
"""

from __future__ import annotations

import sys
import time

from gctune.host.process import rss_bytes
from gctune.record import Record
from gctune.runtime import knobs

_LOOK_SECONDS = 2.0
_SOONEST_NS, _LATEST_NS = 4_000_000_000, 64_000_000_000  # between two attempts
_COST = 1000  # times its cost passes until the next: at most 0.1% of the time
_ABOVE = 16 << 20  # bytes above the floor that are worth an attempt
_SHARE = 0.1  # of what it was: a change that counts
_WORK_NS = 10_000_000  # of CPU time since the last attempt: an idle process frees nothing


class Look(Record):
    """The process at one instant: rss, blocks of Python's allocator in use, CPU time."""

    at_ns: int
    rss: int
    blocks: int
    cpu_ns: int


class State(Record):
    """The floor of rss, how things were after the last attempt, what it freed, how long to wait."""

    floor: int
    last: Look
    freed: int
    wait_ns: int


def initial(look: Look) -> State:
    """The state of a process that has just begun to look: what it has now is the floor."""
    return State(look.rss, look, 0, _SOONEST_NS)


def due(state: State, look: Look) -> bool:
    """Whether to try now."""
    above = look.rss - state.floor >= max(_ABOVE, state.floor * _SHARE)
    worked = look.cpu_ns - state.last.cpu_ns >= _WORK_NS
    wait_ns = _SOONEST_NS if _moved(state, look) else state.wait_ns
    return above and worked and look.at_ns - state.last.at_ns >= wait_ns


def tried(state: State, before: Look, after: Look) -> State:
    """The state after an attempt, between two looks."""
    freed = max(0, before.rss - after.rss)
    in_vain = freed < before.rss * _SHARE or before.rss - state.last.rss > state.freed / 2 > 0
    longer_ns = min(2 * state.wait_ns, _LATEST_NS) if in_vain else _SOONEST_NS
    cost_ns = after.at_ns - before.at_ns
    return State(min(state.floor, after.rss), after, freed, max(longer_ns, _COST * cost_ns))


def _moved(state: State, look: Look) -> bool:
    """Whether the program has taken memory, or let go of some, since the last attempt."""
    taken = abs(look.rss - state.last.rss) >= state.last.rss * _SHARE
    return taken or state.last.blocks - look.blocks >= state.last.blocks * _SHARE


class Releaser:
    """A duty of the monitor's thread: gives free memory back after a spike."""

    def __init__(self) -> None:
        self._state = initial(_look())

    def __call__(self, now_ns: int) -> float:  # noqa: ARG002 - each look has its own time
        """Look once, try where that is due, and return the seconds until the next look."""
        look = _look()
        if due(self._state, look):
            knobs.release_free_memory()
            self._state = tried(self._state, look, _look())
        return _LOOK_SECONDS

    def close(self) -> None:
        """Hold nothing, so let go of nothing."""


def _look() -> Look:
    return Look(
        time.perf_counter_ns(), rss_bytes(), sys.getallocatedblocks(), time.process_time_ns()
    )
