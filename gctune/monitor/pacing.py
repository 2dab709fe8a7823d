"""Adaptive mode's policy: when collections find something, and when they need not look.

Pure functions: readings and a state go in, what to do and the next state come
out. A young collection looks at each object that survives it, and gc.freeze()
promotes it without a look. So what is new gathers in a window that one
collection can look at, is looked at there, and is frozen if it was alive. While
windows hold no garbage some are frozen unseen, as far as all of it could be
garbage and still be within the budget. Garbage brings collections back. Memory
that has grown by more than the budget since the last look could be garbage that
windows do not show, too old or too big for them: then everything is looked at,
if that takes no longer than a pause may; the budget is doubled where that was
in vain, until it is not or growth has stopped.
"""

from __future__ import annotations

from gctune.monitor.pace import Act, Decision, Regime, Since, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from gctune.monitor.pace import Goal, Reading, Three

    Next: TypeAlias = tuple[State, tuple[str, ...], str]  # with the acts, and the reason

_MS, _SECOND = 1_000_000, 1_000_000_000  # in nanoseconds

NURSERY = 10_000  # containers: with what they hold 1 to 2 MB, which a core's own cache holds
OFTEN = (100, 0, 0)  # thresholds at which every third collection is a full one
NEVER = 1000  # a threshold2 that no program reaches before it is moved
USUAL = 10  # CPython's own, for where old objects cannot be told from others' frozen ones

# Until a collection has been timed.
_SCAN_NS, _FREE_NS, _BYTE_NS = 100.0, 300.0, 0.2
_OBJECT_BYTES, _LEAST_BYTES, _MOST_BYTES = 150.0, 64.0, 1e9

_WORTH = 0.03  # of what a window holds: less garbage is not worth looking for
_WORTH_A_LOOK = 0.25  # of the growth: less garbage than that and it was something else
_STEADY = 0.25  # of the budget: what memory grows by while it does not grow
_STEADY_NS = 2 * _SECOND  # without growth until the budget is what it was
_MOST_DOUBLINGS = 6
_AT_FIRST = 1  # doublings: what starts grows
_USUAL = 0.25  # of what has grown old is garbage, at most, as a rule
_MARGIN = 1.3  # times what a full collection is expected to take, it may: objects are colder
_LONG_SHARE = 0.001  # of the time may go to pauses that are longer than they should be

_SOONEST_NS, _LATEST_NS = 20 * _MS, 250 * _MS  # between two readings
_LOOKING_NS = 2 * _MS
INF = float("inf")


def begin(reading: Reading, thresholds: Three, goal: Goal) -> Decision:
    """Freeze what a process starts with, and look at what comes."""
    state = State(
        regime=Regime.GATHER,
        last=reading,
        thresholds=thresholds,
        scan_ns=_SCAN_NS,
        free_ns=_FREE_NS,
        byte_ns=_BYTE_NS,
        object_bytes=_OBJECT_BYTES,
        base=reading.rss,
        doublings=_AT_FIRST,
        span=0,
        skipped=0,
        gathered=0,
        counted=0,
        found=0,
        young_yield=0.0,
        frozen=False,
        braked=True,
        looked=False,
        vain=False,
        until_young=INF,
        until_rss=INF,
        long_ns=reading.at_ns,
    )
    return _decided(_gather(state, "start"), goal)


def resume(state: State, reading: Reading, goal: Goal) -> Decision:
    """Go on in a forked child with what its parent had learned."""
    state = state._replace(last=reading, base=reading.rss, frozen=False, braked=True)
    return _decided(_gather(state, "fork"), goal)


def advance(state: State, reading: Reading, goal: Goal) -> Decision:
    """Choose what to do after a reading."""
    since = _since(state, reading)
    state = _observe(state, reading, since, goal)
    if state.regime == Regime.LOOK:
        return _decided(_looking(state, since), goal)
    if state.frozen and not reading.frozen:  # somebody had everything collected
        state = _in_vain(state._replace(frozen=False, doublings=-1))
        return _decided(_gather(state, "collected"), goal)
    if since.collections[2] and not state.looked:
        return _decided(_collected_by_the_program(state), goal)
    state = state._replace(looked=False)
    if _grown(state) > _allowed(state, goal):
        return _decided(_on_growth(state, goal), goal)
    return _decided(_BY_REGIME[state.regime](state, since, goal), goal)


# What was seen


def _since(state: State, reading: Reading) -> Since:
    last = state.last
    young, middle, full = (
        max(0, now - then) for now, then in zip(reading.collections, last.collections)
    )
    return Since(
        (young, middle, full),
        max(0, sum(reading.collected) - sum(last.collected)),
        (young + middle + full) * state.thresholds[0],
    )


def _observe(state: State, reading: Reading, since: Since, goal: Goal) -> State:
    state = _timed(state, reading, since, goal)
    steady = reading.rss - state.last.rss <= goal.budget_bytes(state.base) * _STEADY
    if steady and reading.at_ns - state.last.at_ns > _STEADY_NS:
        state = state._replace(doublings=0)
    return state._replace(
        last=reading,
        base=min(state.base, reading.rss),
        gathered=state.gathered + since.examined,
        counted=state.counted + since.examined - since.found,
        found=state.found + since.found,
        young_yield=_yield(state, reading, since),
        braked=state.braked or since.collections[2] > 0,
    )


def _yield(state: State, reading: Reading, since: Since) -> float:
    """The share of garbage that young collections find: by halves, the last ones before all."""
    young = since.collections[0]
    if not young or state.regime == Regime.LOOK:
        return state.young_yield
    found = reading.collected[0] - state.last.collected[0]
    return (state.young_yield + min(1.0, found / (young * state.thresholds[0]))) / 2


def _timed(state: State, reading: Reading, since: Since, goal: Goal) -> State:
    """Learn from what collections took."""
    pauses = reading.pauses_ns
    if not pauses:
        return state
    if max(pauses) > goal.pause_ns:
        state = state._replace(long_ns=reading.at_ns)
    if state.regime == Regime.LOOK:
        return _timed_in_full(state, since, max(pauses))
    if since.collections[2] or not since.collections[0]:
        return state
    return _timed_young(state, since, sum(pauses))


def _timed_in_full(state: State, since: Since, ns: int) -> State:
    if state.frozen or not since.collections[2]:
        return state
    each = (ns - since.found * state.free_ns) / state.last.rss
    return state._replace(byte_ns=_learned(0.05, each, 10, state.byte_ns))


def _timed_young(state: State, since: Since, ns: int) -> State:
    if since.found < since.examined * _WORTH:
        return state._replace(scan_ns=_learned(20, ns / since.examined, 1000, state.scan_ns))
    freeing = (ns - since.examined * state.scan_ns) / since.found
    return state._replace(free_ns=_learned(50, freeing, 3000, state.free_ns))


def _learned(least: float, value: float, most: float, last: float) -> float:
    """A new value as far as it goes beyond the last, else a step of a quarter towards it."""
    value = min(max(value, least), most)
    return max(value, last + (value - last) / 4)


def _grown(state: State) -> int:
    return state.last.rss - state.base


def _allowed(state: State, goal: Goal) -> float:
    """What memory may grow by until the next look."""
    budget = goal.budget_bytes(state.base) * (1 << state.doublings)
    if state.regime != Regime.COLLECT:
        return budget
    return min(budget, state.object_bytes * _batch(state, goal))


# What is done


def _gathering(state: State, since: Since, goal: Goal) -> Next:
    return _judged(state, goal) if since.collections[1] else (state, (), "")


def _sampling(state: State, since: Since, goal: Goal) -> Next:
    return _judged(state, goal) if since.examined else (state, (), "")


def _judged(state: State, goal: Goal) -> Next:
    """What was looked at holds garbage worth looking for, or the next may be skipped."""
    if state.found >= state.gathered * _WORTH:
        return _collect(_based(state._replace(doublings=0))), (), "garbage"
    if not state.last.freezes:
        return _gather(state)
    span = min(max(2 * state.span, NURSERY), _longest_span(state, goal))
    return _freeze(state._replace(regime=Regime.SKIP, span=span, skipped=0))


def _skipping(state: State, since: Since, goal: Goal) -> Next:
    if since.found > since.examined * _WORTH:
        return _collect(state), (), "garbage"
    skipped = state.skipped + since.examined
    if skipped + state.last.young >= state.span:
        return _freeze(state._replace(regime=Regime.SAMPLE))
    return _freeze(state._replace(skipped=skipped + state.last.young))


def _collecting(state: State, since: Since, goal: Goal) -> Next:  # noqa: ARG001
    return state, (), ""


def _on_growth(state: State, goal: Goal) -> Next:
    """Memory has grown by more than garbage may take: see whether it is garbage."""
    state = _weighed(state)
    new = _new(state)
    if not state.vain and NURSERY <= new <= _window(state, goal):
        return _look(state), (), "growth"
    if _deep_ns(state) <= goal.pause_ns or _long_pause_is_due(state):
        acts = (Act.THAW,) if state.frozen else ()
        return _look(state._replace(frozen=False)), acts, "growth, of old objects too"
    return _gather(_in_vain(state), f"a look at all would take {_deep_ns(state) / _MS:.0f} ms")


def _weighed(state: State) -> State:
    """Learn what a container takes from what there is now since memory was at its base."""
    each = _grown(state) / max(state.counted + state.last.young, 1)
    each = (state.object_bytes + min(max(_LEAST_BYTES, each), _MOST_BYTES)) / 2
    return state._replace(object_bytes=each)


def _looking(state: State, since: Since) -> Next:
    if since.collections[2]:
        return _looked(state._replace(looked=True))
    if sum(since.collections) > 2 * len(OFTEN):  # the collector's own brake holds it off
        return _gather(_in_vain(state), "held off")
    return state, (), ""


def _looked(state: State) -> Next:
    if state.found * state.object_bytes < _WORTH_A_LOOK * _grown(state):
        return _gather(_in_vain(state._replace(vain=state.frozen)))
    survivors = _new(state)
    state = _based(state._replace(doublings=0, vain=False))
    if not state.frozen or survivors > NURSERY * 2:
        state, acts, _ = _freeze(state)
        return _collect(state), acts, "garbage"
    return _collect(state), (), "garbage"


def _in_vain(state: State) -> State:
    doublings = min(state.doublings + 1, _MOST_DOUBLINGS)
    return _based(state._replace(doublings=doublings))


def _based(state: State) -> State:
    """Count from here on what memory grows by."""
    return state._replace(base=state.last.rss, counted=0)


def _collected_by_the_program(state: State) -> Next:
    """What the program wanted collected may be frozen."""
    if not state.frozen:
        return state, (), ""
    return _look(state._replace(frozen=False)), (Act.THAW,), "the program collects"


_BY_REGIME = {
    Regime.GATHER: _gathering,
    Regime.SAMPLE: _sampling,
    Regime.SKIP: _skipping,
    Regime.COLLECT: _collecting,
}


def _gather(state: State, why: str = "") -> Next:
    return _freeze(state._replace(regime=Regime.GATHER), why)


def _collect(state: State) -> State:
    survivors = max(0, state.gathered - state.found)
    return state._replace(regime=Regime.COLLECT, span=0, found=0, gathered=survivors)


def _look(state: State) -> State:
    return state._replace(regime=Regime.LOOK, found=0)


def _freeze(state: State, why: str = "") -> Next:
    counted = state.counted + state.last.young
    state = state._replace(gathered=0, found=0, counted=counted)
    if not state.last.freezes:
        return state, (), why
    acts = (Act.FREEZE, Act.FORGET) if state.braked else (Act.FREEZE,)
    return state._replace(frozen=True, braked=False), acts, why


# How much


def _longest_span(state: State, goal: Goal) -> float:
    """Containers that may be skipped: all of them can be garbage."""
    return goal.budget_bytes(state.last.rss) / state.object_bytes


def _batch(state: State, goal: Goal) -> float:
    """Containers that one collection can look at and free."""
    return goal.pause_ns / (state.scan_ns + state.free_ns)


def _window(state: State, goal: Goal) -> float:
    """Containers that one collection can look at, if it frees no more of them than usual."""
    return goal.pause_ns / (state.scan_ns + state.free_ns * _USUAL)


def _new(state: State) -> int:
    """Containers that are not frozen."""
    return max(0, state.gathered - state.found) + state.last.young


def _deep_ns(state: State) -> float:
    return state.last.rss * state.byte_ns * _MARGIN


def _long_pause_is_due(state: State) -> bool:
    return (state.last.at_ns - state.long_ns) * _LONG_SHARE >= _deep_ns(state)


# How it is done


def _decided(chosen: Next, goal: Goal) -> Decision:
    state, acts, reason = chosen
    thresholds = _thresholds(state, goal)
    if not reason and thresholds != state.thresholds:
        reason = state.regime
    last = state.last
    if Act.FORGET in acts:  # its collection is no news
        young, middle, full = last.collections
        last = last._replace(collections=(young, middle, full + 1))
    if Act.FREEZE in acts:
        last = last._replace(young=0)
    state = state._replace(
        thresholds=thresholds,
        last=last,
        until_young=_until_young(state, goal),
        until_rss=state.base + _allowed(state, goal),
    )
    return Decision(state, acts, _first_ns(state), reason)


def _until_young(state: State, goal: Goal) -> float:
    """The count of young containers at which something is due."""
    if state.regime != Regime.SKIP:
        return INF  # collections start by themselves
    return min(state.span - state.skipped, _window(state, goal) / 2)


def _first_ns(state: State) -> int:
    """How long to wait after something was done."""
    return _LOOKING_NS if state.regime == Regime.LOOK else _SOONEST_NS


def _thresholds(state: State, goal: Goal) -> Three:
    if state.regime == Regime.LOOK:
        return OFTEN
    young, middle = _ages(state, goal)
    return int(min(young, _longest_span(state, goal))), int(middle), _full(state)


def _ages(state: State, goal: Goal) -> tuple[float, float]:
    """How many containers a young collection is to look at, and how many of those a middle one."""
    batch = _batch(state, goal)
    nursery = min(NURSERY, batch)
    if state.regime == Regime.SAMPLE:
        return nursery, 2
    if state.regime == Regime.SKIP:
        return _window(state, goal), 0
    if state.regime == Regime.GATHER or state.young_yield < _WORTH:
        more = min(max(0, state.doublings - 1), _window(state, goal) / batch)
        return batch * 2 / 3, more  # the longer, the more of younger ones was in vain
    surviving = nursery * max(0.1, 1 - state.young_yield)
    return nursery, min(max(1, batch / surviving), 20)


def _full(state: State) -> int:
    return NEVER if state.last.freezes else USUAL


def rest_ns(state: State, reading: Reading) -> int:
    """How long to wait if nothing of what was waited for has happened; 0 where it has.

    Half the time until it may at the rate that things change, and no longer
    than nothing has happened.
    """
    last, passed_ns = state.last, reading.at_ns - state.last.at_ns
    waiting = (reading.collections, reading.frozen, reading.pressed) == (
        last.collections,
        state.frozen,
        last.pressed,
    )
    if not waiting or reading.young >= state.until_young or reading.rss >= state.until_rss:
        return 0
    if state.doublings and passed_ns > _STEADY_NS:
        return 0
    young = _until(state.until_young, reading.young, last.young, passed_ns)
    rss = _until(state.until_rss, reading.rss, last.rss, passed_ns)
    return int(max(_SOONEST_NS, min(young, rss, passed_ns, _LATEST_NS)))


def _until(mark: float, now: int, then: int, passed_ns: int) -> float:
    """Half the time until a mark is reached at the rate since then."""
    return (mark - now) * passed_ns / (2 * max(1, now - then))
