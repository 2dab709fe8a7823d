"""How much adaptive mode lets gather, wait and be skipped, by what it has learned."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.pacing.pace import Goal, State

NURSERY = 10_000  # containers: with what they hold 1 to 2 MB, which a core's own cache holds
_HEAVY = 10_000  # bytes: what holds more is looked at however few there are
LEAST_OBJECT = 64  # bytes that a container takes at least
OBJECT_BYTES = 150.0  # that one usually takes with what it holds, as measured on programs
_FREE_NS = 400.0  # that freeing one takes that is no longer in a cache
OLD_NS = 150  # that a look takes for an old object, in no cache; 60 to 300 were measured
MOST_DOUBLINGS = 1  # of the budget: growth in vain may be twice as much, and no more
MUCH = 0.1  # of what a look looks at: so much garbage is worth the next one
STEADY = 0.25  # of the budget: what memory grows by while it does not grow

_UNSEEN = 0.5  # of the budget may be skipped: the rest is for what samples do not see
_WAITING = 0.4  # of the budget: what may wait for the next young collection
_UNFORESEEN = 0.25  # of what gathers: as much can be garbage though there was none
_UNLIKELY = 0.05  # the same, where it is likely that there is none
# Times: how much less than of all that there is one collection looks at, so that its pause is a
# fifth of a full one's at most. A choice.
_SMALLER = 5
_LOOKING = 0.01  # of the time may go to looks at what is frozen
_LOOKED_NS = 300  # that looking at one and freeing half of them takes
# Of the time may go to looks at what is new, each looked at twice, young and then old: with what
# a look takes that is 67 containers a millisecond. A choice, of what a program hardly notices.
_SPARED = 0.04
_QUARTER = 0.25  # of what lives has to be new before CPython looks at all by itself
_LARGE = 256 << 20  # bytes: growth by more is looked at whatever pause that takes
_WORTH_IT = 16 << 20  # bytes of growth, the least to look at all for where that finds much
_PAUSED = 0.001  # and so much to pauses that are longer than they should be


def garbage_is_old(state: State) -> bool:
    """Whether collections at the program's own thresholds come too soon for its garbage."""
    return state.nursery > NURSERY


def grown(state: State) -> int:
    """What memory has grown by since what is new was last looked at."""
    return state.last.rss - state.base


def allowed(state: State, goal: Goal) -> float:
    """What memory may grow by until the next look."""
    return goal.budget_bytes(state.base) * (1 << state.doublings)


def unsampled(state: State, goal: Goal) -> float:
    """What memory may come to until the next sample: what is skipped can all be garbage.

    While a sample of old objects gathers, as much as usual ones take: garbage among
    them is found by it.
    """
    skipped = goal.budget_bytes(state.sampled) * _UNSEEN
    return state.sampled + max(skipped, _gathering(state, goal) if state.deep else 0)


def _gathering(state: State, goal: Goal) -> float:
    """What a young collection can look at and free usually takes."""
    return sample_of_growth(state, goal) * OBJECT_BYTES


def longest_span(state: State, goal: Goal) -> float:
    """Containers that may pile up: all of them can be garbage.

    Where memory has not grown though many came, most of them have gone.
    """
    budget = max(goal.budget_bytes(state.last.rss), _gathering(state, goal))
    more = max(0, grown(state)) + budget * STEADY
    return budget / min(state.object_bytes, more / max(state.counted, 1))


def nursery(state: State, goal: Goal) -> float:
    """Containers that a young collection looks at where it finds garbage.

    As the program had it at least; and while what waits takes a part of the budget, more:
    more of it has died by then, so that less is looked at twice.
    """
    waits = goal.budget_bytes(state.last.rss) * _WAITING / state.object_bytes
    return max(float(state.own[0]), min(NURSERY, waits))


def batch(state: State, goal: Goal) -> float:
    """Containers that a young collection looks at: few where there are few in all."""
    most = sample_of_old(state, goal)
    return min(most, max(everything(state) / _SMALLER, min(NURSERY, most)))


def sample_of_new(state: State, goal: Goal) -> float:
    """Containers that a sample looks at, where they take no more than what is skipped."""
    budget = goal.budget_bytes(state.last.rss) * _UNSEEN
    return min(NURSERY, batch(state, goal), budget / state.object_bytes)


def sample_of_old(state: State, goal: Goal) -> float:
    """Containers that a young collection can look at and free, the most."""
    return _within_pause(state, goal, _UNFORESEEN)


def sample_of_growth(state: State, goal: Goal) -> float:
    """Containers that one looks at which is to tell why memory has grown.

    What is one thing dies as one, and only a sample that holds all of it finds it.
    """
    return _within_pause(state, goal, _UNLIKELY)


def _within_pause(state: State, goal: Goal, unforeseen: float) -> float:
    garbage = max(unforeseen, state.young_yield)
    return goal.pause_ns / (state.scan_ns + max(state.free_ns, _FREE_NS) * garbage)


def young_ns(state: State) -> float:
    """What a young collection is likely to take for each container, freeing included."""
    return state.scan_ns + state.free_ns * state.young_yield


def slowly(state: State) -> bool:
    """Whether so little comes that looking at all of it takes hardly any time."""
    return state.flow * 2 * _LOOKED_NS <= _SPARED


def nothing_new(state: State) -> bool:
    """Whether memory has grown by too few containers, each with too little, to be theirs."""
    came = state.fresh + state.last.young
    return came < NURSERY / 2 and grown(state) < came * _HEAVY


def new(state: State) -> int:
    """Containers that are not frozen."""
    return state.kept + state.last.young


def everything(state: State) -> int:
    """All containers."""
    return state.frozen + new(state)


def deep_is_due(state: State, goal: Goal) -> bool:
    """Whether time enough has passed for a look at everything, or memory has outgrown the last."""
    passed_ns = state.last.at_ns - state.deep_at_ns
    deep_ns = everything(state) * max(OLD_NS, state.old_ns)
    share = _LOOKING if deep_ns <= goal.pause_ns else _PAUSED
    return deep_ns <= passed_ns * share or outgrown(state)


def outgrown(state: State) -> bool:
    """Whether memory has grown by so much that all of it is to be looked at.

    The more garbage that found of late, the less: from a quarter on as much as
    CPython itself waits for.
    """
    grew, garbage = state.last.rss - state.deep_rss, min(1.0, state.deep_late / _QUARTER)
    worth_it = max(state.deep_rss * _QUARTER, _WORTH_IT)
    return grew > max(state.deep_rss, _LARGE) or grew * garbage > worth_it
