"""What survived young collections and waits for a look: when that is worth it, or too much."""

from __future__ import annotations

from gctune.monitor.amounts import (
    MUCH,
    NURSERY,
    OLD_NS,
    SMALLER,
    STEADY,
    affordable,
    everything,
    sample_of_old,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.monitor.pace import Goal, State

_MEANT = 0.7  # of what a pause may take
_AGAIN = 0.75  # of a pause may go to what was looked at before
_AT_MOST = 1.0  # of one, where much of that is likely to die
_BORNE = 1.5  # times a pause: rather than for longer, what there is is frozen unseen


def worth_holding(state: State, goal: Goal) -> bool:
    """Whether what comes is to be looked at before it is frozen, though it was no garbage.

    Memory that does not grow holds no garbage that dies frozen.
    """
    return affordable(state) and crept(state, goal) > STEADY


def crept(state: State, goal: Goal) -> float:
    """How many times the budget memory has grown by while little came."""
    return (state.last.rss - state.settled) / goal.budget_bytes(state.settled)


def look_ns(goal: Goal) -> float:
    """What a look is meant to take: objects take twice as long in one heap as in another."""
    return goal.pause_ns * _MEANT


def reach(state: State, goal: Goal) -> float:
    """How many times that a look may take: more where what is frozen may have died.

    That is where memory has grown though little came. CPython's own full
    collections, which look at all, take five times as long.
    """
    if crept(state, goal) <= 1 << state.vain:
        return 1.0
    return max(1.0, everything(state) * OLD_NS / SMALLER / look_ns(goal))


def batch_of_old(state: State, goal: Goal) -> float:
    """Containers that a young collection leaves to a look, which is to take no longer itself."""
    room = (look_ns(goal) * reach(state, goal) - pile_ns(state)) / _each_ns(state)
    return min(sample_of_old(state, goal), max(room, NURSERY))


def too_much(state: State, goal: Goal) -> bool:
    """Whether what survived young collections is more than a look may take."""
    return pile_ns(state) > goal.pause_ns * _BORNE * reach(state, goal)


def worth_a_look(state: State, goal: Goal) -> bool:
    """Whether that is as much as one look can look at, and much of it is new."""
    pile = pile_ns(state)
    return pile > look_ns(goal) and state.fresh * _each_ns(state) * 3 > pile


def until_pile(state: State, goal: Goal) -> float:
    """Containers that are to come until a look is worth it."""
    each, pile = _each_ns(state), pile_ns(state)
    return max((look_ns(goal) - pile) / each, (pile / each - 3 * state.fresh) / 2)


def pile_ns(state: State) -> float:
    """What a look is likely to take: what was looked at before is counted by what that took."""
    return max(0, state.kept - state.fresh) * OLD_NS + state.fresh * _each_ns(state)


def _each_ns(state: State) -> float:
    """What a look is likely to take for each that is new."""
    return max(state.old_ns, OLD_NS + state.free_ns * state.late)


def stays(state: State, goal: Goal) -> bool:
    """Whether what a look left is little enough to be looked at again, by how much it found."""
    share = _AT_MOST if state.late >= MUCH else _AGAIN
    return state.kept * OLD_NS < goal.pause_ns * share * reach(state, goal)
