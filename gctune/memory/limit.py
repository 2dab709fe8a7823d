"""The soft limit's policy: when to relieve memory, how far, and what it may cost.

Go's GOMEMLIMIT for CPython, as pure functions: readings and a state go in, one
step and the next state come out. A step is taken before the memory reaches the
limit at the rate it grows, the cheapest first and each only if the ones before
did not bring it below the low mark. Relief that frees little backs off, so that
a program whose live memory is above the limit is left its CPU.
"""

from __future__ import annotations

from gctune.memory.budget import Budget
from gctune.memory.relief import Act, Decision, Mood, Reading, Relief, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MS, _SECOND = 1_000_000, 1_000_000_000  # in nanoseconds

# Shares of the limit.
_HIGH = 0.95  # from where on relief is due
_SPREAD = 0.03  # by which processes that share it differ in when they begin
_LOW = 0.05  # from where relief is due down to where it ends
_AHEAD = 0.1  # the most that is expected to be taken before relief has an effect
_WORTH = 0.02  # relief that frees less was in vain
_GROWN = 0.01  # since the last full collection: less is not worth an emergency

_EMERGENCY = 0.95  # of the end: from there on no budget counts
_AHEAD_NS = 25 * _MS  # from a decision to its effect beside a busy program
_FASTEST = 4 << 30  # bytes a second: one core fills fresh pages no faster
_STEADY_DOUBLINGS, _VAIN_DOUBLINGS = 3, 5  # of the rest between two reliefs
_SHORTEST_RELIEF_NS = 25 * _MS  # what the rest is doubled from, at least

# Pauses between two readings: in a climb, near the limit, near an advisory one, and far away.
_SOONEST_NS, _NEAR_NS, _ADVISORY_NS, _LATEST_NS = 5 * _MS, 30 * _MS, 250 * _MS, _SECOND

ORDER = (Act.SHRINK, Act.YOUNG, Act.FULL, Act.TRIM)
_EVERY_NS = {Act.SHRINK: _SECOND}  # these do more harm than they cost


def initial(reading: Reading) -> State:
    """The state of a process that has just begun to look."""
    return State(
        mood=Mood.OK,
        at_ns=reading.at_ns,
        taken=reading.taken,
        due_ns=reading.at_ns,
        late_ns=0,
        rate=0.0,
        left=0,
        vain=0,
        rest_ns=0,
        spread=reading.chance,
        budget=Budget(reading.at_ns, 0),
        relief=None,
        costs={},
        done={},
    )


def decide(state: State, reading: Reading) -> Decision:
    """Choose the next act, or how long to wait until the next reading.

    Whoever does the act tells its cost by `did`, reads again, and decides again.
    """
    state = _observe(state, reading)
    if state.relief is not None:
        return _go_on(state, state.relief, reading)
    if not _due(state, reading):
        return _look_again(_calm(state, reading), reading)
    if _refusal_ns(state, reading):
        return _look_again(state._replace(mood=_refused_mood(state, reading)), reading)
    relief = Relief(tuple(_acts(state, reading)), reading, 0)
    return _go_on(state._replace(mood=_mood(state)), relief, reading)


def did(state: State, act: str, cost_ns: int) -> State:
    """The state after `act`, which took `cost_ns`."""
    relief = state.relief
    return state._replace(
        budget=state.budget.spend(cost_ns),
        relief=relief and relief._replace(cost_ns=relief.cost_ns + cost_ns),
        costs={**state.costs, act: cost_ns},
        done={**state.done, act: state.at_ns},
    )


def _observe(state: State, reading: Reading) -> State:
    return state._replace(
        at_ns=reading.at_ns,
        taken=reading.taken,
        rate=_rate(state, reading),
        late_ns=_late_ns(state, reading),
        budget=state.budget.leaked(reading.at_ns, reading.cpu_share),
    )


def _late_ns(state: State, reading: Reading) -> int:
    """How late the thread is let run: the worst counts at once, and is forgotten by eighths."""
    if state.relief is not None:
        return state.late_ns
    return max(0, reading.at_ns - state.due_ns, state.late_ns * 7 // 8)


def _rate(state: State, reading: Reading) -> float:
    """Growth in bytes a second: a climb counts at once, its end by halves."""
    passed_ns = reading.at_ns - state.at_ns
    if state.relief is not None or passed_ns <= 0:
        return state.rate  # what relief frees says nothing of how fast memory is taken
    return max(0.0, (reading.taken - state.taken) * _SECOND / passed_ns, state.rate / 2)


def _due(state: State, reading: Reading) -> bool:
    return _soon(state, reading) >= _high(state, reading)


def _soon(state: State, reading: Reading) -> float:
    """What will be used before relief can have an effect."""
    return reading.taken + _growth(state, reading)


def _growth(state: State, reading: Reading) -> float:
    """What is taken until relief has an effect, on a machine as busy as it has been."""
    ahead_ns = _AHEAD_NS + state.late_ns
    return min(state.rate * ahead_ns / _SECOND, reading.limit * _AHEAD)


def _high(state: State, reading: Reading) -> float:
    """From where on relief is due; processes that share the limit do not all begin at once."""
    return reading.limit * (_HIGH - _SPREAD * state.spread * (1 - reading.share))


def _low(state: State, reading: Reading) -> float:
    return _high(state, reading) - _growth(state, reading) - reading.limit * _LOW


def _calm(state: State, reading: Reading) -> State:
    """No relief is due: all is well; after thrashing, only when memory is well below."""
    if state.mood == Mood.THRASHING and reading.taken > _low(state, reading):
        return state
    return state._replace(mood=Mood.OK, vain=0, rest_ns=0)


def _mood(state: State) -> str:
    return Mood.THRASHING if state.vain > 1 else Mood.RELIEVING


def _refused_mood(state: State, reading: Reading) -> str:
    return Mood.THRASHING if _unaffordable_ns(state, reading) else _mood(state)


def _refusal_ns(state: State, reading: Reading) -> int:
    """How long relief is not to be had; 0 in an emergency."""
    if _emergency(state, reading):
        return 0
    return max(state.rest_ns - reading.at_ns, _unaffordable_ns(state, reading), 0)


def _unaffordable_ns(state: State, reading: Reading) -> int:
    cheapest = min(state.costs.get(act, 0) for act in (Act.YOUNG, Act.FULL))
    return state.budget.wait_ns(cheapest, reading.cpu_share)


def _emergency(state: State, reading: Reading) -> bool:
    """Whether the kernel is about to kill, and a collection could find something."""
    mark = _emergency_mark(reading)
    if mark is None or reading.used + _growth(state, reading) < mark:
        return False
    return reading.taken - state.left >= reading.limit * _GROWN


def _emergency_mark(reading: Reading) -> float | None:
    if reading.end is None or not reading.enforced:
        return None
    return max(reading.limit, reading.end * _EMERGENCY)


def _acts(state: State, reading: Reading) -> Iterator[str]:
    """The acts of a relief, less those that were done a moment ago and harm if done again."""
    for act in ORDER:
        done_ns = state.done.get(act)
        if done_ns is None or reading.at_ns >= done_ns + _EVERY_NS.get(act, 0):
            yield act


def _go_on(state: State, relief: Relief, reading: Reading) -> Decision:
    """Take the next act that the budget allows; end the relief where enough is free, or no act."""
    if state.done.get(Act.FULL, relief.before.at_ns - 1) >= relief.before.at_ns:
        state = state._replace(left=reading.taken)
    if not _enough(state, relief, reading):
        for place, act in enumerate(relief.acts, start=1):
            if _affordable(state, act, reading):
                rest = relief._replace(acts=relief.acts[place:])
                return Decision(act, state._replace(relief=rest), 0)
    return _look_again(_end(state, relief, reading), reading)


def _enough(state: State, relief: Relief, reading: Reading) -> bool:
    """Whether memory is below the low mark, or as much room was made within the allocator.

    What the program takes at once costs more to give back, and to get again.
    """
    if reading.taken <= _low(state, reading):
        return True
    made = relief.before.held - reading.held
    return made >= _high(state, reading) - _low(state, reading) and not _due(state, reading)


def _affordable(state: State, act: str, reading: Reading) -> bool:
    wait_ns = state.budget.wait_ns(state.costs.get(act, 0), reading.cpu_share)
    return not wait_ns or _emergency(state, reading)


def _end(state: State, relief: Relief, reading: Reading) -> State:
    """End a relief, and rest the longer the more of them in a row were in vain."""
    doublings = _doublings(state, relief, reading)
    state = state._replace(relief=None, spread=reading.chance)
    if not doublings:
        mood = Mood.RELIEVING if _due(state, reading) else Mood.OK
        return state._replace(mood=mood, vain=0, rest_ns=0)
    rest_ns = max(relief.cost_ns, _SHORTEST_RELIEF_NS) << doublings
    state = state._replace(vain=state.vain + 1, rest_ns=reading.at_ns + rest_ns)
    return state._replace(mood=_mood(state))


def _doublings(state: State, relief: Relief, reading: Reading) -> int:
    """How often to double the rest; 0 where the relief was worth its cost."""
    if _enough(state, relief, reading):
        return 0
    if _freed(relief.before, reading) < reading.limit * _WORTH * reading.share:
        return min(state.vain + 1, _VAIN_DOUBLINGS)
    return min(state.vain + 1, _STEADY_DOUBLINGS) if reading.taken >= _high(state, reading) else 0


def _freed(before: Reading, after: Reading) -> float:
    """What a relief freed of this process's own; others may have taken as much meanwhile."""
    return max(before.own - after.own, before.taken - after.taken)


def _look_again(state: State, reading: Reading) -> Decision:
    """Wait as long as memory cannot reach what matters next: relief, or an emergency."""
    pauses = [_until(_high(state, reading), state, reading)]
    if _due(state, reading):
        pauses = [max(_refusal_ns(state, reading), _least_ns(reading))]
        mark = _emergency_mark(reading)
        if mark is not None:
            pauses.append(_until(mark, state, reading))
    pause_ns = min(*pauses, _LATEST_NS)
    return Decision(None, state._replace(due_ns=reading.at_ns + pause_ns), pause_ns)


def _until(mark: float, state: State, reading: Reading) -> int:
    """Half of the time until relief for a mark is due at this rate of growth, or less."""
    gap = max(0.0, mark - _soon(state, reading)) * _SECOND
    fastest = max(int(gap / _FASTEST), _least_ns(reading))
    return min(fastest, max(int(gap / (2 * state.rate + 1)), _SOONEST_NS))


def _least_ns(reading: Reading) -> int:
    return _NEAR_NS if reading.enforced else _ADVISORY_NS
