"""What survived young collections and waits for a look: when that is worth it, or too much."""

from __future__ import annotations

from gctune.pacing.amounts import (
    MUCH,
    NURSERY,
    OLD_NS,
    everything,
    sample_of_old,
    slowly,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.pacing.pace import Goal, State

# Choices, of which only all together are measured, by what programs take: benchmarks/pacing.py.

# Of a pause: a pile that was counted, in the belief that it had come to a whole one, need be no
# more for a look. Else each count that comes to a little less would only lead to the next.
_NEARLY = 0.7
_REWARDED = 2.0  # times as long a look may take that is likely to find much
# Times a pause, how long a look is borne: rather than for longer, what there is is frozen unseen.
# It was 1.5 until piles were counted, and came to more than had been thought.
_BORNE = 1.25
# Of what is borne: the last moment for a look, though little of the pile is new. What comes
# until the thread is there again would make it too much, to be frozen unseen.
_LAST = 0.9
_NEW, _MORE_NEW = 1 / 3, 1 / 2  # of what a look takes is to go to what is new
# Of what a look at all there is would take: as long a look may take where what is frozen may have
# died. CPython's own look at all.
_SHARE = 0.25


def suspicious(state: State, goal: Goal) -> bool:
    """Whether what was frozen may have died: memory has grown though little came.

    After each look in vain it has to have grown by twice as much.
    """
    crept = state.last.rss - state.settled
    return slowly(state) and crept > goal.budget_bytes(state.settled) * (1 << state.vain)


def _reach(state: State, goal: Goal) -> float:
    """How many pauses a look may take: more where looks find much.

    What is not looked at is frozen with its garbage. Where what is frozen may have
    died it is more: CPython's own full collections, which look at all, take three
    times as long as what is borne then.
    """
    much = _REWARDED if state.late >= MUCH else 1.0
    if not suspicious(state, goal):
        return much
    return max(much, everything(state) * OLD_NS * _SHARE / goal.pause_ns)


def batch_of_old(state: State, goal: Goal) -> float:
    """Containers that a young collection leaves to a look, which is to take no longer itself."""
    return min(sample_of_old(state, goal), max(room(state, goal), NURSERY))


def too_much(state: State, goal: Goal) -> bool:
    """Whether what survived young collections is more than a look may take."""
    return _pile_ns(state) > _most_ns(state, goal)


def _most_ns(state: State, goal: Goal) -> float:
    return goal.pause_ns * _BORNE * _reach(state, goal)


def worth_a_look(state: State, goal: Goal) -> bool:
    """Whether that is as much as one look can look at, and much of it is new.

    The longer looks may take, the more seldom they come; but what would be too much
    next is looked at before.
    """
    pile_ns, nearly = _pile_ns(state), _NEARLY if state.last.older >= 0 else 1.0
    new = state.fresh > state.kept * _new_share(state, goal)
    return pile_ns > goal.pause_ns * nearly and (new or pile_ns > _most_ns(state, goal) * _LAST)


def _new_share(state: State, goal: Goal) -> float:
    """How much of what a look looks at is to be new."""
    return _MORE_NEW if suspicious(state, goal) else _NEW


def room(state: State, goal: Goal) -> float:
    """Containers that may yet survive until there are as many as one look can look at."""
    return (goal.pause_ns * _reach(state, goal) - _pile_ns(state)) / state.old_ns


def _pile_ns(state: State) -> float:
    """What a look is likely to take."""
    return state.kept * state.old_ns


def stays(state: State, goal: Goal) -> bool:
    """Whether what a look left is little enough to be looked at again, with what is new.

    Where looks that find much have left less before, most of it is in flight, and
    soon to die.
    """
    most_ns = _most_ns(state, goal)
    again_ns = most_ns * (1 - _new_share(state, goal))
    passing = state.late >= MUCH and state.least * state.old_ns < again_ns
    return _pile_ns(state) < (most_ns if passing else again_ns)
