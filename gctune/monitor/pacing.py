"""Adaptive mode's policy: when collections find something, and when they need not look.

Pure functions: readings and a state go in, what to do and the next state come
out. Most objects that survive a young collection live on, and each full
collection looks at all of them again; gc.freeze() promotes them, without a look,
to where none does. So what is not frozen is kept as small as one collection can
look at within a pause, and frozen after a full collection of it has shown that
it is alive. Where collections go on to find nothing, some of what is new is
frozen unseen: as much as could all be garbage and still be within the budget,
between two samples. Memory that grows by more than the budget has what is not
frozen looked at, and, if that takes no longer than a pause may, what is; the
budget is doubled where that was in vain, until it is not or growth has stopped.
"""

from __future__ import annotations

from gctune.monitor.pace import Act, Decision, Regime, Since, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from gctune.monitor.pace import Goal, Reading, Three

    Next: TypeAlias = tuple[State, tuple[str, ...], str]  # with the acts, and the reason

_MS, _SECOND = 1_000_000, 1_000_000_000  # in nanoseconds
_INF = float("inf")

NURSERY = 10_000  # containers: with what they hold 1 to 2 MB, which a core's own cache holds
OFTEN = 700  # a threshold0 at which collections follow each other, as CPython's was for long
NEVER = 1000  # a threshold2 that no program reaches before it is moved
USUAL = 10  # CPython's own, for where old objects cannot be told from others' frozen ones

# Until a collection has been timed and memory has grown; as measured on programs.
_SCAN_NS, _OLD_NS, _FREE_NS = 100.0, 200.0, 300.0
_OBJECT_BYTES, _LEAST_BYTES, _MOST_BYTES = 150.0, 64.0, 1e9
_BIG_BYTES = 10_000.0  # so much is no container with what programs usually put in one

_WORTH = 0.08  # of what was looked at: less garbage adds less to memory than the budget is
_MUCH = 0.25  # of what is new since the last look: less garbage was not what memory grew by
_TELLING = 0.2  # of what a collection looks at: as much garbage tells what it takes to free
_FULL = 0.75  # of what one look can take: more is frozen after one
_STEADY = 0.25  # of the budget: what memory grows by while it does not grow
_STEADY_NS = 2 * _SECOND  # without growth until the budget is what it was
_MOST_DOUBLINGS = 2
_HELD_OFF = 6  # collections of which every third should have been a full one
_MOST_LOOKS = 4  # that find nothing until some is skipped
_LONG_SHARE = 0.001  # of the time may go to pauses that are longer than they should be

_SOONEST_NS, _LATEST_NS = 50 * _MS, 250 * _MS  # between two readings
_LOOKING_NS = 10 * _MS


def begin(reading: Reading, thresholds: Three, goal: Goal) -> Decision:
    """Freeze what a process starts with, and look at what comes."""
    state = State(
        regime=Regime.WATCH,
        last=reading,
        thresholds=thresholds,
        scan_ns=_SCAN_NS,
        old_ns=_OLD_NS,
        free_ns=_FREE_NS,
        object_bytes=_OBJECT_BYTES,
        base=reading.rss,
        doublings=_MOST_DOUBLINGS,  # what starts grows
        kept=reading.thawed,
        fresh=0,
        counted=0,
        found=0,
        frozen=0,
        span=0.0,
        skipped=0,
        young_yield=0.0,
        calm=0,
        calm_enough=1,
        braked=True,
        looked=False,
        until_young=_INF,
        until_rss=_INF,
        long_ns=reading.at_ns,
    )
    return _decided(_freeze(state, "start"), goal)


def resume(state: State, reading: Reading, goal: Goal) -> Decision:
    """Go on in a forked child with what its parent had learned."""
    state = state._replace(last=reading, frozen=0, braked=True, long_ns=reading.at_ns)
    return _decided((_watch(_based(state)), (), "fork"), goal)


def advance(state: State, reading: Reading, goal: Goal) -> Decision:
    """Choose what to do after a reading."""
    since = _since(state, reading)
    state = _observe(state, reading, since, goal)
    if state.frozen and not reading.frozen:  # somebody had everything collected
        state = _watch(_based(state._replace(frozen=0, kept=0)))
        return _decided((state, (), "collected by another"), goal)
    if reading.pressed and (state.frozen or state.regime != Regime.WATCH):
        state = _watch(_based(state._replace(frozen=0, kept=0)))
        return _decided((state, (Act.THAW,), "the limit is near"), goal)
    if state.regime == Regime.LOOK:
        return _decided(_looking(state, since, goal), goal)
    if since.collections[2] and not state.looked:
        return _decided(_collected_by_the_program(state), goal)
    state = state._replace(looked=False)
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
    survived = since.examined - since.found
    return state._replace(
        last=reading,
        base=min(state.base, reading.rss),
        kept=max(0, state.kept + survived + reading.thawed),
        fresh=max(0, state.fresh + survived),
        counted=max(0, state.counted + survived),
        found=state.found + reading.collected[2] - state.last.collected[2],
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
    if sum(since.collections) == since.collections[0]:
        return _timed_young(state, since, sum(pauses))
    return state


def _timed_in_full(state: State, since: Since, ns: int) -> State:
    if not since.collections[2] or state.kept < NURSERY:
        return state
    if since.found > state.kept:  # and freeing it took most of the time
        each = (ns - state.kept * state.old_ns) / since.found
        return state._replace(free_ns=_learned(50, each, 3000, state.free_ns))
    each = (ns - since.found * state.free_ns) / state.kept
    return state._replace(old_ns=_learned(40, each, 1000, state.old_ns))


def _timed_young(state: State, since: Since, ns: int) -> State:
    if since.found < since.examined * _WORTH / 2:
        each = ns / max(since.examined, 1)
        return state._replace(scan_ns=_learned(20, each, 1000, state.scan_ns))
    if since.found <= since.examined * _TELLING:
        return state
    freeing = (ns - since.examined * state.scan_ns) / since.found
    return state._replace(free_ns=_learned(50, freeing, 3000, state.free_ns))


def _learned(least: float, value: float, most: float, last: float) -> float:
    """The mean of the last value and a new one, which is no wilder than it can be."""
    value = min(max(value, least), most)
    return last + (value - last) / 2


# What is done


def _watching(state: State, since: Since, goal: Goal) -> Next:
    if since.collections[0] + since.collections[1] and _yielding(since):
        state = state._replace(calm=0)
    if _new(state) > _window(state, goal) * 1.5:
        return _freeze(_based(state), "too much for one look")
    if _grown(state) > _allowed(state, goal):
        return _on_growth(_weighed(state), goal)
    if state.fresh > _most_fresh(state, goal) or _new(state) > _window(state, goal):
        return _look(state), (), "more to look at"
    return state, (), ""


def _yielding(since: Since) -> bool:
    return since.found >= since.examined * _WORTH


def _on_growth(state: State, goal: Goal) -> Next:
    """Memory has grown by more than garbage may take: see whether it is garbage."""
    old = state.frozen and (state.doublings or state.fresh < NURSERY)
    if old and (_deep_ns(state) <= goal.pause_ns or _long_pause_is_due(state)):
        return _look(state._replace(frozen=0)), (Act.THAW,), "growth, of old objects too"
    if state.fresh < NURSERY / 2:
        return _in_vain(state), (), "growth that no new object explains"
    return _look(state), (), "growth"


def _sampling(state: State, since: Since, goal: Goal) -> Next:
    if not since.examined:
        return state, (), ""
    if _yielding(since):
        return _watch(_late(_based(state)))._replace(doublings=0), (), "garbage"
    return _skip(state, goal)


def _skipping(state: State, since: Since, goal: Goal) -> Next:
    if since.found > since.examined * _WORTH:
        return _watch(_late(_based(state)))._replace(doublings=0), (), "garbage"
    if _grown(state) > _allowed(state, goal):
        state, acts, _ = _freeze(_weighed(state))
        return _watch(_based(state)), acts, "growth"
    skipped = state.skipped + since.examined
    if skipped + state.last.young >= state.span:
        return _freeze(state._replace(regime=Regime.SAMPLE))
    return _freeze(state._replace(skipped=skipped + state.last.young))


def _looking(state: State, since: Since, goal: Goal) -> Next:
    if since.collections[2]:
        return _looked(state._replace(looked=True), goal)
    if sum(since.collections) > _HELD_OFF:  # the collector's own brake holds it off
        return _unless_too_much(_watch(_in_vain(state)), goal, "held off")
    return state, (), ""


def _looked(state: State, goal: Goal) -> Next:
    """A full collection has come: go by what it found."""
    if state.found >= _MUCH * max(state.fresh, NURSERY):
        state = _late(_based(state))._replace(doublings=0)
        return _unless_too_much(_watch(state), goal, "garbage")
    state = _in_vain(state)._replace(calm=state.calm + 1)
    freezes = state.last.freezes and not state.last.pressed
    if freezes and state.calm >= state.calm_enough and _too_much(state, goal):
        return _skip(state, goal)
    return _unless_too_much(_watch(state), goal, "")


def _collected_by_the_program(state: State) -> Next:
    """What the program wanted collected may be frozen."""
    if not state.frozen:
        return state, (), ""
    return _look(state._replace(frozen=0)), (Act.THAW,), "the program collects"


_BY_REGIME = {
    Regime.WATCH: _watching,
    Regime.SAMPLE: _sampling,
    Regime.SKIP: _skipping,
}


def _watch(state: State) -> State:
    return state._replace(regime=Regime.WATCH, span=0.0)


def _look(state: State) -> State:
    return state._replace(regime=Regime.LOOK, found=0)


def _skip(state: State, goal: Goal) -> Next:
    span = min(max(2 * state.span, NURSERY), _longest_span(state, goal))
    return _freeze(state._replace(regime=Regime.SKIP, span=span, skipped=0))


def _unless_too_much(state: State, goal: Goal, why: str) -> Next:
    """Freeze what is not frozen where it is too much to be looked at again."""
    return _freeze(state, why) if _too_much(state, goal) else (state, (), why)


def _freeze(state: State, why: str = "") -> Next:
    if not state.last.freezes or state.last.pressed:
        return state, (), why
    acts = (Act.FREEZE, Act.FORGET) if state.braked else (Act.FREEZE,)
    frozen = max(1, state.frozen + _new(state))
    counted = state.counted + state.last.young
    state = state._replace(frozen=frozen, kept=0, fresh=0, counted=counted, braked=False)
    return state, acts, why


def _late(state: State) -> State:
    """Garbage where there was none: believe in none only after more looks."""
    return state._replace(calm=0, calm_enough=min(2 * state.calm_enough, _MOST_LOOKS))


def _in_vain(state: State) -> State:
    return _based(state._replace(doublings=min(state.doublings + 1, _MOST_DOUBLINGS)))


def _based(state: State) -> State:
    """Count from here on what memory grows by, and what is new."""
    return state._replace(base=state.last.rss, fresh=0, counted=0)


def _weighed(state: State) -> State:
    """Learn what a container takes from what there is now since memory was at its base."""
    each = _grown(state) / max(state.counted + state.last.young, 1)
    each = _learned(_LEAST_BYTES, each, _MOST_BYTES, state.object_bytes)
    return state._replace(object_bytes=each)


# How much


def _grown(state: State) -> int:
    return state.last.rss - state.base


def _allowed(state: State, goal: Goal) -> float:
    """What memory may grow by until the next look."""
    return goal.budget_bytes(state.base) * (1 << state.doublings)


def _most_fresh(state: State, goal: Goal) -> float:
    """How many containers may survive until the next look: as many as it can free."""
    return _batch(state, goal) * (2 if state.calm else 1.5) * (1 << state.doublings)


def _longest_span(state: State, goal: Goal) -> float:
    """Containers that may be skipped: all of them can be garbage.

    Where memory has not grown though many came, most of them have gone.
    """
    budget = goal.budget_bytes(state.last.rss)
    grown = max(0, _grown(state)) + budget * _STEADY
    return budget / min(state.object_bytes, grown / max(state.counted, 1))


def _batch(state: State, goal: Goal) -> float:
    """Containers that one collection can look at and free."""
    return goal.pause_ns / (state.scan_ns + state.free_ns)


def _window(state: State, goal: Goal) -> float:
    """Old containers that one collection can look at."""
    return goal.pause_ns / state.old_ns


def _too_much(state: State, goal: Goal) -> bool:
    return _new(state) > _window(state, goal) * _FULL


def _new(state: State) -> int:
    """Containers that are not frozen."""
    return state.kept + state.last.young


def _deep_ns(state: State) -> float:
    return (state.frozen + _new(state)) * state.old_ns


def _long_pause_is_due(state: State) -> bool:
    return (state.last.at_ns - state.long_ns) * _LONG_SHARE >= _deep_ns(state)


# How it is done


def _decided(chosen: Next, goal: Goal) -> Decision:
    state, acts, reason = chosen
    thresholds = _thresholds(state, goal)
    if not reason and state.regime in (Regime.SKIP, Regime.SAMPLE) and acts:
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
    pause_ns = _LOOKING_NS if state.regime == Regime.LOOK else _SOONEST_NS
    return Decision(state, acts, pause_ns, reason)


def _thresholds(state: State, goal: Goal) -> Three:
    if state.regime == Regime.LOOK:  # every third collection is a full one
        return int(min(max(1, _longest_span(state, goal) / 8), OFTEN)), 0, 0
    young, middle = _ages(state, goal)
    freezes = state.last.freezes and not state.last.pressed
    full = NEVER if freezes else USUAL
    if state.object_bytes > _BIG_BYTES:
        young = min(young, _longest_span(state, goal))
    return max(int(young), 1), int(middle), full


def _ages(state: State, goal: Goal) -> tuple[float, float]:
    """How many containers a young collection is to look at, and how many of those a middle one."""
    batch = _batch(state, goal)
    nursery = min(NURSERY, batch)
    if state.regime == Regime.SAMPLE:
        return nursery, 2
    if state.regime == Regime.SKIP:  # it is frozen before that, unless the thread is late
        return batch, 1
    if state.young_yield < _WORTH:
        return batch * 2 / 3, 1
    surviving = nursery * max(0.1, 1 - state.young_yield)
    return nursery, min(max(1, batch / surviving), 20)


def _until_young(state: State, goal: Goal) -> float:
    """The count of young containers at which something is due."""
    if state.regime != Regime.SKIP:
        return _INF  # collections start by themselves
    return min(state.span - state.skipped, _batch(state, goal) / 2)


def rest_ns(state: State, reading: Reading) -> int:
    """How long to wait if nothing of what was waited for has happened; 0 where it has.

    Half the time until it may at the rate that things change, and no longer
    than nothing has happened.
    """
    last, passed_ns = state.last, reading.at_ns - state.last.at_ns
    if reading.collections != last.collections or reading.pressed != last.pressed:
        return 0
    if bool(state.frozen) != reading.frozen or state.regime == Regime.LOOK:
        return 0
    if reading.young >= state.until_young or reading.rss >= state.until_rss:
        return 0
    if state.doublings and passed_ns > _STEADY_NS:
        return 0
    young = _until(state.until_young, reading.young, last.young, passed_ns)
    rss = _until(state.until_rss, reading.rss, last.rss, passed_ns)
    return int(max(_SOONEST_NS, min(young, rss, passed_ns, _LATEST_NS)))


def _until(mark: float, now: int, then: int, passed_ns: int) -> float:
    """Half the time until a mark is reached at the rate since then."""
    return (mark - now) * passed_ns / (2 * max(1, now - then))
