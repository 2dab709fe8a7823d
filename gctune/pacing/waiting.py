"""When adaptive mode reads again: no sooner than something can be due."""

from __future__ import annotations

from gctune.pacing.amounts import allowed, batch, unsampled
from gctune.pacing.learning import STEADY_NS
from gctune.pacing.pace import Regime
from gctune.pacing.piles import room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.pacing.pace import Goal, Reading, State

MARGIN = 20  # containers that gctune's thread may make: the program's own is to collect
_MS = 1_000_000  # in nanoseconds
_SOONEST_NS, _LATEST_NS = 20 * _MS, 250 * _MS  # between two readings, of 0.2 ms each
_CALMER = 0.25  # of the time without a burst: as long it may be until the next
_PATIENCE_NS = 300 * _MS  # until a sample is to be as large as it has become by then
_INF = float("inf")


def until_young(state: State, goal: Goal) -> float:
    """The count of young containers at which something is due."""
    if state.regime == Regime.SKIP:
        return max(1.0, batch(state, goal) / 2)
    return _INF  # collections start by themselves


def until_rss(state: State, goal: Goal) -> float:
    """The memory at which something is due."""
    if state.regime == Regime.SAMPLE:
        return unsampled(state, goal)
    grown = state.base + allowed(state, goal)
    return min(grown, unsampled(state, goal)) if state.regime == Regime.SKIP else grown


def until_ns(state: State) -> float:
    """The time at which something is due."""
    gathers = state.regime == Regime.SAMPLE and state.sample > state.last.young + MARGIN
    return state.sampled_at_ns + _PATIENCE_NS if gathers else _INF


def due_ns(state: State, goal: Goal) -> int:
    """How long to wait after a decision: half as long as it may take until something is due.

    As long where that is a pile to look at, which may well be a little larger.
    """
    if state.regime == Regime.LOOK:
        return _SOONEST_NS
    if state.regime == Regime.WATCH:
        return _within(room(state, goal) / state.flow if state.flow > 0 else _INF)
    count = state.sample if state.regime == Regime.SAMPLE else state.until_young
    return _within((count - state.last.young) / (2 * state.rate) if state.rate else 0)


def rest_ns(state: State, reading: Reading) -> int:
    """How long to wait if nothing of what was waited for has happened; 0 where it has.

    Half the time until it may at the rate that things change, or changed lately,
    and no longer than nothing has happened.
    """
    last, passed_ns = state.last, max(1, reading.at_ns - state.last.at_ns)
    if reading.collections != last.collections or reading.pressed != last.pressed:
        return 0
    if bool(state.frozen) != reading.frozen or state.regime == Regime.LOOK:
        return 0
    if reading.young >= state.until_young or reading.rss >= state.until_rss:
        return 0
    if reading.at_ns > until_ns(state):
        return 0
    if state.doublings and passed_ns > STEADY_NS:
        return 0
    young = _until(state.until_young, reading.young, last.young, passed_ns)
    if state.rate:
        again = (state.until_young - reading.young) / (2 * state.rate)
        young = min(young, max(again, passed_ns * _CALMER))
    rss = _until(state.until_rss, reading.rss, last.rss, passed_ns)
    return _within(min(young, rss, passed_ns))


def _until(mark: float, now: int, then: int, passed_ns: int) -> float:
    """Half the time until a mark is reached at the rate since then."""
    return (mark - now) * passed_ns / (2 * max(1, now - then))


def _within(ns: float) -> int:
    return int(min(max(ns, _SOONEST_NS), _LATEST_NS))
