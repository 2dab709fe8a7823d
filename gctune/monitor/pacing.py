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

from gctune.monitor.amounts import (
    allowed,
    batch,
    deep_ns,
    grown,
    long_pause_is_due,
    longest_span,
    most_fresh,
    new,
    too_much,
    window,
)
from gctune.monitor.learning import NURSERY, STEADY_NS, WORTH, observe, since_of, weighed
from gctune.monitor.pace import Act, Decision, Regime, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from gctune.monitor.pace import Goal, Reading, Since, Three

    Next: TypeAlias = tuple[State, tuple[str, ...], str]  # with the acts, and the reason

_MS, _SECOND = 1_000_000, 1_000_000_000  # in nanoseconds
_INF = float("inf")

OFTEN = 700  # a threshold0 at which collections follow each other, as CPython's was for long
NEVER = 1000  # a threshold2 that no program reaches before it is moved
USUAL = 10  # CPython's own, for where old objects cannot be told from others' frozen ones

# Until a collection has been timed and memory has grown; as measured on programs.
_SCAN_NS, _OLD_NS, _FREE_NS, _OBJECT_BYTES = 100.0, 200.0, 300.0, 150.0
_BIG_BYTES = 10_000.0  # so much is no container with what programs usually put in one

_MUCH = 0.25  # of what is new since the last look: less garbage was not what memory grew by
_MOST_DOUBLINGS = 2
_HELD_OFF = 6  # collections of which every third should have been a full one
_MOST_LOOKS = 4  # that find nothing until some is skipped

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
    since = since_of(state, reading)
    state = observe(state, reading, since, goal)
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


# What is done


def _watching(state: State, since: Since, goal: Goal) -> Next:
    if since.collections[0] + since.collections[1] and _yielding(since):
        state = state._replace(calm=0)
    if new(state) > window(state, goal) * 1.5:
        return _freeze(_based(state), "too much for one look")
    if grown(state) > allowed(state, goal):
        return _on_growth(weighed(state), goal)
    if state.fresh > most_fresh(state, goal) or new(state) > window(state, goal):
        return _look(state), (), "more to look at"
    return state, (), ""


def _yielding(since: Since) -> bool:
    return since.found >= since.examined * WORTH


def _on_growth(state: State, goal: Goal) -> Next:
    """Memory has grown by more than garbage may take: see whether it is garbage."""
    old = state.frozen and (state.doublings or state.fresh < NURSERY)
    if old and (deep_ns(state) <= goal.pause_ns or long_pause_is_due(state)):
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
    if since.found > since.examined * WORTH:
        return _watch(_late(_based(state)))._replace(doublings=0), (), "garbage"
    if grown(state) > allowed(state, goal):
        state, acts, _ = _freeze(weighed(state))
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
    if freezes and state.calm >= state.calm_enough and too_much(state, goal):
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
    span = min(max(2 * state.span, NURSERY), longest_span(state, goal))
    return _freeze(state._replace(regime=Regime.SKIP, span=span, skipped=0))


def _unless_too_much(state: State, goal: Goal, why: str) -> Next:
    """Freeze what is not frozen where it is too much to be looked at again."""
    return _freeze(state, why) if too_much(state, goal) else (state, (), why)


def _freeze(state: State, why: str = "") -> Next:
    if not state.last.freezes or state.last.pressed:
        return state, (), why
    acts = (Act.FREEZE, Act.FORGET) if state.braked else (Act.FREEZE,)
    frozen = max(1, state.frozen + new(state))
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
        until_rss=state.base + allowed(state, goal),
    )
    pause_ns = _LOOKING_NS if state.regime == Regime.LOOK else _SOONEST_NS
    return Decision(state, acts, pause_ns, reason)


def _thresholds(state: State, goal: Goal) -> Three:
    if state.regime == Regime.LOOK:  # every third collection is a full one
        return int(min(max(1, longest_span(state, goal) / 8), OFTEN)), 0, 0
    young, middle = _ages(state, goal)
    freezes = state.last.freezes and not state.last.pressed
    full = NEVER if freezes else USUAL
    if state.object_bytes > _BIG_BYTES:
        young = min(young, longest_span(state, goal))
    return max(int(young), 1), int(middle), full


def _ages(state: State, goal: Goal) -> tuple[float, float]:
    """How many containers a young collection is to look at, and how many of those a middle one."""
    most = batch(state, goal)
    nursery = min(NURSERY, most)
    if state.regime == Regime.SAMPLE:
        return nursery, 2
    if state.regime == Regime.SKIP:  # it is frozen before that, unless the thread is late
        return most, 1
    if state.young_yield < WORTH:
        return most * 2 / 3, 1
    surviving = nursery * max(0.1, 1 - state.young_yield)
    return nursery, min(max(1, most / surviving), 20)


def _until_young(state: State, goal: Goal) -> float:
    """The count of young containers at which something is due."""
    if state.regime != Regime.SKIP:
        return _INF  # collections start by themselves
    return min(state.span - state.skipped, batch(state, goal) / 2)


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
    if state.doublings and passed_ns > STEADY_NS:
        return 0
    young = _until(state.until_young, reading.young, last.young, passed_ns)
    rss = _until(state.until_rss, reading.rss, last.rss, passed_ns)
    return int(max(_SOONEST_NS, min(young, rss, passed_ns, _LATEST_NS)))


def _until(mark: float, now: int, then: int, passed_ns: int) -> float:
    """Half the time until a mark is reached at the rate since then."""
    return (mark - now) * passed_ns / (2 * max(1, now - then))
