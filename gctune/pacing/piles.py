"""What survived young collections and waits for a look: when that is worth it, or too much."""

from __future__ import annotations

from gctune.pacing.amounts import (
    MUCH,
    NURSERY,
    OLD_NS,
    SMALLER,
    everything,
    sample_of_old,
    slowly,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.pacing.pace import Goal, State

_NEW_NS = 100  # that a look takes at least for a new object, besides freeing it
_MEANT = 0.7  # of what a pause may take
_REWARDED = 2.0  # times as long a look may take that is likely to find much
_BORNE = 1.5  # times a pause: rather than for longer, what there is is frozen unseen
_NEW, _MORE_NEW = 1 / 3, 1 / 2  # of what a look takes is to go to what is new
_AGAIN = 0.75  # of a pause may go to what was looked at before
_AT_MOST = 1.0  # of one, where much of that is likely to die


def suspicious(state: State, goal: Goal) -> bool:
    """Whether what was frozen may have died: memory has grown though little came.

    After each look in vain it has to have grown by twice as much.
    """
    crept = state.last.rss - state.settled
    return slowly(state) and crept > goal.budget_bytes(state.settled) * (1 << state.vain)


def _look_ns(goal: Goal) -> float:
    """What a look is meant to take: objects take twice as long in one heap as in another."""
    return goal.pause_ns * _MEANT


def _reach(state: State, goal: Goal) -> float:
    """How many times that a look may take: twice where looks find much.

    What is not looked at is frozen with its garbage. Where what is frozen may have
    died it is more: CPython's own full collections, which look at all, take five
    times as long.
    """
    much = _REWARDED if state.late >= MUCH else 1.0
    if not suspicious(state, goal):
        return much
    return max(much, everything(state) * OLD_NS / SMALLER / _look_ns(goal))


def batch_of_old(state: State, goal: Goal) -> float:
    """Containers that a young collection leaves to a look, which is to take no longer itself."""
    return min(sample_of_old(state, goal), max(room(state, goal), NURSERY))


def too_much(state: State, goal: Goal) -> bool:
    """Whether what survived young collections is more than a look may take."""
    return _pile_ns(state) > goal.pause_ns * _BORNE * _reach(state, goal)


def worth_a_look(state: State, goal: Goal) -> bool:
    """Whether that is as much as one look can look at, and much of it is new.

    The longer looks may take, the more seldom they come.
    """
    pile, share = _pile_ns(state), _MORE_NEW if suspicious(state, goal) else _NEW
    return pile > _look_ns(goal) and state.fresh * _each_ns(state) > pile * share


def room(state: State, goal: Goal) -> float:
    """Containers that may yet survive until there are as many as one look can look at."""
    return (_look_ns(goal) * _reach(state, goal) - _pile_ns(state)) / _each_ns(state)


def _pile_ns(state: State) -> float:
    """What a look is likely to take: what was looked at before is counted by what that took."""
    return max(0, state.kept - state.fresh) * OLD_NS + state.fresh * _each_ns(state)


def _each_ns(state: State) -> float:
    """What a look is likely to take for each that is new."""
    return max(state.old_ns, _NEW_NS + state.free_ns * state.late)


def stays(state: State, goal: Goal) -> bool:
    """Whether what a look left is little enough to be looked at again, by how much it found.

    Where looks that find much have left less before, most of it is in flight, and
    soon to die.
    """
    again_ns, pause_ns = state.kept * OLD_NS, goal.pause_ns * _reach(state, goal)
    if state.late < MUCH:
        return again_ns < pause_ns * _AGAIN
    passing = state.least * OLD_NS < pause_ns * _AGAIN
    return again_ns < pause_ns * (_BORNE if passing else _AT_MOST)
