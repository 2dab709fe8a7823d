"""What adaptive mode learns from a reading: what there is, and what collections take."""

from __future__ import annotations

from gctune.pacing.amounts import (
    LEAST_OBJECT,
    MOST_DOUBLINGS,
    MUCH,
    NURSERY,
    OBJECT_BYTES,
    OLD_NS,
    STEADY,
    grown,
    slowly,
    young_ns,
)
from gctune.pacing.pace import Regime, Since, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.generations import Three
    from gctune.pacing.pace import Goal, Reading

WORTH = 0.05  # of what was looked at: less garbage adds to memory half of the usual budget
# Times a pause: a young collection that takes longer looked at more than was counted, as none is
# meant to take more than one. Less can be chance: two runs alike differ by as much.
_LONG = 1.5
# Of what a young collection looks at: as much garbage tells what it takes to free, as a sixth of
# the time goes to that, or more. Of less it would be told by the error in what looking takes.
_TELLING = 0.2
STEADY_NS = 2_000_000_000  # without growth until the budget is what it was
_SCAN_NS = 200.0  # that looking at an object takes until it has been timed, as on programs
_FREE_NS = 200.0  # that freeing one takes until then, the least where it has died old
_FLOW = 0.001  # containers in a nanosecond, until it is known: what starts grows
_WHILE_NS = 1e9  # that what comes is averaged over
# Times that growth has to be twice as much until old garbage is suspected: 256 times the budget,
# or where that is a tenth of it 26 times the memory. A bound, so that it does not grow for weeks.
_MOST_VAIN = 8
_FEW = 3 * NURSERY  # a look at fewer tells nothing of what is older where it finds none
_MOST_OLD_NS = 5000.0  # however low the count of old objects is
_LEAST_UNSEEN, _MOST_UNSEEN = 0.5, 8.0  # where what was counted dies, or what is old, as measured
_TOO_FEW = 1000  # containers, to tell from how many more there are than was thought
_RIGHT = 0.8  # of a count at least, and as much the other way: it was as expected
_MOST_RIGHT = 3  # in a row, after which every eighth look is counted for
_MOST_BYTES = 1e9  # that a container can take with what it holds


def supposed(reading: Reading, thresholds: Three) -> State:
    """What a process is taken for that is not known yet."""
    return State(
        regime=Regime.SKIP if reading.freezes else Regime.WATCH,
        last=reading,
        thresholds=thresholds,
        own=thresholds,
        nursery=float(max(1, thresholds[0])),  # a program may have set a negative one
        scan_ns=_SCAN_NS,
        free_ns=_FREE_NS,
        left_ns=_SCAN_NS,
        old_ns=2.0 * OLD_NS,
        object_bytes=OBJECT_BYTES,
        base=reading.rss,
        doublings=MOST_DOUBLINGS,  # what starts grows
        kept=reading.thawed,
        fresh=0,
        least=0,
        counted=0,
        unseen=1.0,
        right=0,
        uncounted=0,
        found=0,
        frozen=0,
        bare=False,
        sampled=reading.rss,
        sampled_at_ns=reading.at_ns,
        sample=0,
        deep=False,
        young_yield=0.0,
        late=0.0,
        seen=0,
        garbage=0,
        calm=0,
        calm_enough=1,
        braked=True,
        looked=False,
        rate=0.0,
        flow=_FLOW,
        look_ns=0,
        until_young=0.0,
        until_rss=0.0,
        deep_at_ns=reading.at_ns,
        deep_rss=reading.rss,
        deep_late=0.0,
        vain=0,
        settled=reading.rss,
    )


def since_of(state: State, reading: Reading) -> Since:
    """What happened since the last reading."""
    last = state.last
    young, middle, full = (
        max(0, now - then) for now, then in zip(reading.collections, last.collections)
    )
    count = young + middle + full
    return Since(
        (young, middle, full),
        max(0, sum(reading.collected) - sum(last.collected)),
        (reading.examined or count * state.thresholds[0]) if count else 0,
    )


def observe(state: State, reading: Reading, since: Since, goal: Goal) -> State:
    """The state with what a reading tells."""
    state = _timed(state, reading, since)
    steady = reading.rss - state.last.rss <= goal.budget_bytes(state.base) * STEADY
    if steady and reading.at_ns - state.last.at_ns > STEADY_NS:
        state = state._replace(doublings=0)
    survived = _survived(state, reading, since, goal)
    state = _counted(state, reading, survived)
    return state._replace(
        last=reading,
        base=min(state.base, reading.rss),
        sampled=min(state.sampled, reading.rss),
        deep_rss=min(state.deep_rss, reading.rss),
        settled=_settled(state, reading),
        counted=max(0, state.counted + survived),
        found=state.found + _found_old(state, reading),
        young_yield=_yield(state, reading, since),
        bare=state.bare and not any(since.collections[1:]) and not reading.thawed,
        braked=state.braked or since.collections[2] > 0,
        rate=_rate(state, reading, since),
        flow=_flow(state, reading, since),
    )


def _counted(state: State, reading: Reading, survived: int) -> State:
    """What is neither young nor frozen, by what collections left, or by a count."""
    times = state.unseen if survived > 0 else 1.0  # what was found was counted
    came = 0 if state.regime == Regime.LOOK else int(survived * times)
    kept, fresh = max(0, state.kept + came + reading.thawed), max(0, state.fresh + came)
    if reading.older < 0:
        return state._replace(kept=kept, fresh=fresh)
    new = max(0, reading.older - (kept - fresh))
    expected = _RIGHT < (reading.older + _TOO_FEW) / (kept + _TOO_FEW) < 1 / _RIGHT
    more = state.unseen * (new + _TOO_FEW) / (fresh + _TOO_FEW)
    unseen = _learned(_LEAST_UNSEEN, more, _MOST_UNSEEN, state.unseen)
    right = min(state.right + 1, _MOST_RIGHT) if expected else 0
    return state._replace(kept=reading.older, fresh=new, unseen=unseen, right=right, uncounted=0)


def _survived(state: State, reading: Reading, since: Since, goal: Goal) -> int:
    """Containers that collections left, as far as known: by what a long one took, too.

    Those that came while as many old ones died are not among the count. Less than none
    where what a middle collection found had been left before.
    """
    left, longest_ns = since.examined - since.found, max(reading.pauses_ns, default=0)
    if longest_ns <= goal.pause_ns * _LONG or state.regime == Regime.LOOK:
        return left
    return max(left, int((longest_ns - since.found * state.free_ns) / OLD_NS))


def _found_old(state: State, reading: Reading) -> int:
    """Garbage that had survived a collection: of a look, a middle one may come just before."""
    _, middle, old = (now - then for now, then in zip(reading.collected, state.last.collected))
    return middle + old


def _settled(state: State, reading: Reading) -> int:
    """What memory was before it grew though little came, or though garbage was old."""
    suspect = slowly(state) or state.late >= MUCH
    return min(state.settled, reading.rss) if suspect else reading.rss


def _rate(state: State, reading: Reading, since: Since) -> float:
    """Containers that come in a nanosecond, or came lately."""
    came = reading.young + since.examined - state.last.young
    return max(state.rate / 2, came / max(reading.at_ns - state.last.at_ns, 1))


def _flow(state: State, reading: Reading, since: Since) -> float:
    """Containers that come to stay in a nanosecond, over the last second or so."""
    passed_ns = max(reading.at_ns - state.last.at_ns, 1)
    came = reading.young + since.examined - since.found - state.last.young
    return state.flow + (came / passed_ns - state.flow) * min(1.0, passed_ns / _WHILE_NS)


def _yield(state: State, reading: Reading, since: Since) -> float:
    """The share of garbage that young collections find: by halves, the last ones before all."""
    young = since.collections[0]
    if not young or state.regime == Regime.LOOK:
        return state.young_yield
    found = reading.collected[0] - state.last.collected[0]
    examined = since.examined * young / sum(since.collections)
    return (state.young_yield + min(1.0, found / max(1, examined))) / 2


def _timed(state: State, reading: Reading, since: Since) -> State:
    """Learn from what collections took."""
    pauses = reading.pauses_ns
    if not pauses:
        return state
    if state.regime == Regime.LOOK:
        return state._replace(look_ns=max(state.look_ns, *pauses))  # the full one's is the longest
    _, middle, full = since.collections
    if full:
        return state
    if middle:
        return _timed_middle(state, since, max(pauses))
    return _timed_young(state, since, sum(pauses))


def _timed_middle(state: State, since: Since, ns: int) -> State:
    each = since.examined / sum(since.collections)
    again = (ns - each * young_ns(state)) / (each * (state.thresholds[1] + 1))
    return state._replace(left_ns=_risen(0, again, 1000, state.left_ns))


def _timed_young(state: State, since: Since, ns: int) -> State:
    if since.found < since.examined * WORTH / 2:
        each = ns / max(since.examined, 1)
        return state._replace(scan_ns=_learned(20, each, 1000, state.scan_ns))
    if since.found <= since.examined * _TELLING:
        return state
    freeing = (ns - since.examined * state.scan_ns) / since.found
    return state._replace(free_ns=_risen(50, freeing, 3000, state.free_ns))


def _learned(least: float, value: float, most: float, last: float) -> float:
    """The mean of the last value and a new one, which is no wilder than it can be."""
    value = min(max(value, least), most)
    return last + (value - last) / 2


def _risen(least: float, value: float, most: float, last: float) -> float:
    """The same, but at once where it is more: what takes longer must not be tried twice."""
    return max(_learned(least, value, most, last), min(value, most))


def share(state: State) -> float:
    """The share of garbage in what is new to a look that has come; in all where it looks at all."""
    return state.found / max(state.fresh if state.frozen else state.kept, state.found, NURSERY)


def looked(state: State) -> State:
    """Learn what a look took, what it left, and the share of garbage."""
    state = state._replace(uncounted=state.uncounted + 1)
    if not state.look_ns:
        return state._replace(late=0.0)
    each = state.look_ns / max(state.kept, state.found, 1000)
    each = max(each, (each + state.old_ns) / 2)  # more at once, less by and by
    left, late = max(0, state.kept - state.found), share(state)
    deep_late = state.deep_late if state.frozen else max(late, state.deep_late / 2)
    if state.found + left < _FEW:  # most may be in flight: what is older tells
        late = max(late, state.late)
    return state._replace(
        old_ns=min(each, _MOST_OLD_NS),
        kept=left,
        least=min(left, 2 * max(state.least, NURSERY)),
        late=late,
        left_ns=(state.left_ns + _SCAN_NS) / 2,
        deep_late=deep_late,
    )


def explained(state: State) -> State:
    """It is no garbage that memory has grown by: look for it more seldom."""
    return state._replace(vain=min(state.vain + 1, _MOST_VAIN))


def calmed(state: State) -> State:
    """A look in vain is as good as a batch without garbage, where the young have none either."""
    return state._replace(calm=state.calm + (state.young_yield < WORTH))


def proven(state: State) -> State:
    """Garbage: believe neither in growth nor in calm any more."""
    return state._replace(doublings=0, calm=0, vain=0)


def weighed(state: State) -> State:
    """Learn what a container takes from what there is now since memory was at its base."""
    each = grown(state) / max(state.counted + state.last.young, 1)
    each = _learned(LEAST_OBJECT, each, _MOST_BYTES, state.object_bytes)
    return state._replace(object_bytes=each)
