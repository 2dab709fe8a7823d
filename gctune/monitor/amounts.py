"""How much adaptive mode lets gather, wait and be skipped, by what it has learned."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.monitor.pace import Goal, State

_FULL = 0.75  # of what one look can take: more is frozen after one
STEADY = 0.25  # of the budget: what memory grows by while it does not grow
_LONG_SHARE = 0.001  # of the time may go to pauses that are longer than they should be


def grown(state: State) -> int:
    """What memory has grown by since what is new was last looked at."""
    return state.last.rss - state.base


def allowed(state: State, goal: Goal) -> float:
    """What memory may grow by until the next look."""
    return goal.budget_bytes(state.base) * (1 << state.doublings)


def most_fresh(state: State, goal: Goal) -> float:
    """How many containers may survive until the next look: as many as it can free."""
    return batch(state, goal) * (2 if state.calm else 1.5) * (1 << state.doublings)


def longest_span(state: State, goal: Goal) -> float:
    """Containers that may be skipped: all of them can be garbage.

    Where memory has not grown though many came, most of them have gone.
    """
    budget = goal.budget_bytes(state.last.rss)
    more = max(0, grown(state)) + budget * STEADY
    return budget / min(state.object_bytes, more / max(state.counted, 1))


def batch(state: State, goal: Goal) -> float:
    """Containers that one collection can look at and free."""
    return goal.pause_ns / (state.scan_ns + state.free_ns)


def window(state: State, goal: Goal) -> float:
    """Old containers that one collection can look at."""
    return goal.pause_ns / state.old_ns


def too_much(state: State, goal: Goal) -> bool:
    """Whether what is not frozen is more than looks should go on to look at."""
    return new(state) > window(state, goal) * _FULL


def new(state: State) -> int:
    """Containers that are not frozen."""
    return state.kept + state.last.young


def deep_ns(state: State) -> float:
    """How long a look at everything would take."""
    return (state.frozen + new(state)) * state.old_ns


def long_pause_is_due(state: State) -> bool:
    """Whether a longer pause than wished has been earned by long enough without one."""
    return (state.last.at_ns - state.long_ns) * _LONG_SHARE >= deep_ns(state)
