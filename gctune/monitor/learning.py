"""What adaptive mode learns from a reading: what there is, and what collections take."""

from __future__ import annotations

from gctune.monitor.amounts import LEAST_OBJECT, NURSERY, OLD_NS, STEADY, grown
from gctune.monitor.pace import Regime, Since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.monitor.pace import Goal, Reading, State

WORTH = 0.05  # of what was looked at: less garbage adds to memory half of the usual budget
_TELLING = 0.2  # of what a collection looks at: as much garbage tells what it takes to free
STEADY_NS = 2_000_000_000  # without growth until the budget is what it was
_MOST_OLD_NS = 5000.0  # however low the count of old objects is
_MOST_BYTES = 1e9  # that a container can take with what it holds


def since_of(state: State, reading: Reading) -> Since:
    """What happened since the last reading."""
    last = state.last
    young, middle, full = (
        max(0, now - then) for now, then in zip(reading.collections, last.collections)
    )
    return Since(
        (young, middle, full),
        max(0, sum(reading.collected) - sum(last.collected)),
        (young + middle + full) * state.thresholds[0],
    )


def observe(state: State, reading: Reading, since: Since, goal: Goal) -> State:
    """The state with what a reading tells."""
    state = _timed(state, reading, since)
    steady = reading.rss - state.last.rss <= goal.budget_bytes(state.base) * STEADY
    if steady and reading.at_ns - state.last.at_ns > STEADY_NS:
        state = state._replace(doublings=0)
    survived = since.examined - since.found
    return state._replace(
        last=reading,
        base=min(state.base, reading.rss),
        sampled=min(state.sampled, reading.rss),
        deep_rss=min(state.deep_rss, reading.rss),
        kept=max(0, state.kept + survived + reading.thawed),
        fresh=max(0, state.fresh + survived),
        counted=max(0, state.counted + survived),
        found=state.found + reading.collected[2] - state.last.collected[2],
        young_yield=_yield(state, reading, since),
        braked=state.braked or since.collections[2] > 0,
        rate=_rate(state, reading, since),
    )


def _rate(state: State, reading: Reading, since: Since) -> float:
    """Containers that come in a nanosecond, or came lately."""
    came = reading.young + since.examined - state.last.young
    return max(state.rate / 2, came / max(reading.at_ns - state.last.at_ns, 1))


def _yield(state: State, reading: Reading, since: Since) -> float:
    """The share of garbage that young collections find: by halves, the last ones before all."""
    young = since.collections[0]
    if not young or state.regime == Regime.LOOK:
        return state.young_yield
    found = reading.collected[0] - state.last.collected[0]
    return (state.young_yield + min(1.0, found / (young * state.thresholds[0]))) / 2


def _timed(state: State, reading: Reading, since: Since) -> State:
    """Learn from what collections took."""
    pauses = reading.pauses_ns
    if not pauses:
        return state
    if state.regime == Regime.LOOK:
        return state._replace(look_ns=max(state.look_ns, *pauses))  # the full one's is the longest
    if sum(since.collections) == since.collections[0]:
        return _timed_young(state, since, sum(pauses))
    return state


def _timed_young(state: State, since: Since, ns: int) -> State:
    if since.found < since.examined * WORTH / 2:
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


def looked(state: State) -> State:
    """Learn what a look took, what it left, and the share of garbage in that, by its time."""
    if not state.look_ns:
        return state._replace(late=0.0)
    each = state.look_ns / max(state.kept + state.found, 1000)
    each = max(each, (each + state.old_ns) / 2)  # more at once, less by and by
    left = max(0.0, state.look_ns - state.found * state.free_ns) / OLD_NS
    late = state.found / max(state.found + left, NURSERY)
    deep_late = state.deep_late if state.frozen else late
    return state._replace(
        old_ns=min(each, _MOST_OLD_NS), kept=int(left), late=late, deep_late=deep_late
    )


def weighed(state: State) -> State:
    """Learn what a container takes from what there is now since memory was at its base."""
    each = grown(state) / max(state.counted + state.last.young, 1)
    each = _learned(LEAST_OBJECT, each, _MOST_BYTES, state.object_bytes)
    return state._replace(object_bytes=each)
