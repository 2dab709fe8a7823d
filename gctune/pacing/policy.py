"""Adaptive mode's policy: when collections find something, and when they need not look.

Pure functions: readings and a state go in, what to do and the next state come
out. Most objects that survive a young collection live on, and each full
collection looks at all of them again; gc.freeze() promotes them, without a look,
to where none does.

Where much comes, it is frozen unseen, and a sample of it looked at each time that
memory has grown by half of what garbage may take; a larger sample, of older
objects, where it has grown by more than that. Growth that was looked at in vain
may be twice as much the next time, until garbage is found or growth has stopped.

Once a sample finds garbage, and where so little comes that looking at it takes
hardly any time, young collections come: as large as the budget and a core's cache
allow, or where they find none as a pause allows. Full ones look at what is not frozen alone:
where memory grows by more than garbage may take, where the last one, or a sample
since, found much, or where little comes once there is as much as a pause allows.
What they are to look at is counted before, as no more is looked at than a pause allows.
What they leave is frozen once it is too much to be looked at again; that is more
where memory grows though little comes, as what was frozen may be dead by now.

All is looked at only after time enough for what that takes, or once memory has
doubled by hundreds of MiB, and then the sooner again the more garbage that found.
"""

from __future__ import annotations

from gctune.pacing.amounts import (
    LEAST_OBJECT,
    MOST_DOUBLINGS,
    MUCH,
    allowed,
    batch,
    deep_is_due,
    everything,
    garbage_is_old,
    grown,
    nothing_new,
    nursery,
    outgrown,
    sample_of_growth,
    sample_of_new,
    sample_of_old,
    unsampled,
)
from gctune.pacing.learning import (
    WORTH,
    calmed,
    explained,
    looked,
    observe,
    proven,
    share,
    since_of,
    supposed,
    weighed,
)
from gctune.pacing.pace import Act, Decision, Regime
from gctune.pacing.piles import stays, suspicious, too_much, worth_a_look
from gctune.pacing.thresholds import thresholds_of
from gctune.pacing.waiting import MARGIN, due_ns, rest_ns, until_ns, until_rss, until_young

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from gctune.host.generations import Three
    from gctune.pacing.pace import Goal, Reading, Since, State

    Next: TypeAlias = tuple[State, tuple[str, ...], str]  # with the acts, and the reason

__all__ = ["advance", "begin", "decide", "rest_ns", "resume"]

_HELD_OFF = 6  # collections of which every third should have been a full one
_LONG_CALM = 16  # samples in a row without: a twentieth more memory each, and so twice in all
_MOST_CALM = 8  # batches in a row without garbage, until what is new is skipped again


def begin(reading: Reading, thresholds: Three, goal: Goal) -> Decision:
    """Freeze what a process starts with, and skip what comes."""
    state = supposed(reading, thresholds)
    return _decided(_freeze(state, "start"), goal)


def resume(state: State, reading: Reading, goal: Goal) -> Decision:
    """Go on in a forked child with what its parent had learned."""
    state = state._replace(last=reading, frozen=0, braked=True, deep_at_ns=reading.at_ns)
    return _decided((_watch(_based(state)), (), "fork"), goal)


def advance(state: State, reading: Reading, goal: Goal) -> Decision:
    """Choose what to do after a reading."""
    since = since_of(state, reading)
    state = observe(state, reading, since, goal)
    if state.frozen and not reading.frozen:  # somebody had everything collected
        return _decided(_collected_by_another(state), goal)
    if reading.pressed and (state.frozen or state.regime != Regime.WATCH):
        state = _watch(_based(_thawed(state)))._replace(kept=0)
        return _decided((state, (Act.THAW,), "the limit is near"), goal)
    if state.regime == Regime.LOOK:
        return _decided(_looking(state, since, goal), goal)
    if since.collections[2] and not state.looked:
        return _decided(_collected_by_the_program(state), goal)
    state = state._replace(looked=False)
    return _decided(_BY_REGIME[state.regime](state, since, goal), goal)


def decide(state: State, reading: Reading, goal: Goal, count_older: Callable[[], int]) -> Decision:
    """Choose what to do after a reading; before a look once more, by what `count_older` counts.

    The collector's counts are lowered by others' deaths: what is to be looked at can be
    eight times as much. To count it takes a tenth to a quarter of the look, so that it is
    done the more seldom the more often it came to what was expected.
    """
    decision = advance(state, reading, goal)
    if not _goes_by_counts(state, decision):
        return decision
    return advance(state, reading._replace(older=count_older()), goal)


def _goes_by_counts(state: State, decision: Decision) -> bool:
    last = decision.state.last
    looks = decision.state.regime == Regime.LOOK and state.regime == Regime.WATCH
    due = not state.right or state.uncounted >= 1 << state.right
    return looks and due and last.freezes and not decision.acts and last.older < 0


# What is done


def _skipping(state: State, since: Since, goal: Goal) -> Next:
    if _yielding(since):
        return _suspect(state, goal), (), "garbage"
    if since.examined:  # before this thread came: as good as a sample
        state = state._replace(sampled=state.last.rss)
    if grown(state) > allowed(state, goal):
        return _on_growth_unseen(weighed(state), goal)
    if state.last.rss > unsampled(state, goal):
        return _sample(weighed(state), sample_of_new(state, goal)), (), Regime.SAMPLE
    if state.last.young < until_young(state, goal):
        return state, (), ""
    return _hold(state, goal) if suspicious(state, goal) else _freeze(state, Regime.SKIP)


def _on_growth_unseen(state: State, goal: Goal) -> Next:
    if deep_is_due(state, goal):
        return _look_at_all(state)
    return _sample(state._replace(deep=True), sample_of_growth(state, goal)), (), "growth"


def _sampling(state: State, since: Since, goal: Goal) -> Next:
    if not since.examined:
        return _hurried(state, goal), (), ""
    if _yielding(since):
        return _suspect(state, goal), (), "garbage"
    state = _calmer(_in_vain(state) if state.deep else state)
    return _hold(state, goal) if suspicious(state, goal) else _skip(state)


def _calmer(state: State) -> State:
    """Count a sample without garbage; many in a row make up for one that found some long ago."""
    calm = state.calm + 1
    enough = state.calm_enough if calm % _LONG_CALM else max(1, state.calm_enough // 2)
    return state._replace(calm=calm, calm_enough=enough)


def _hurried(state: State, goal: Goal) -> State:
    """Wait for no more containers where memory grows: what they hold is big.

    Nor where they take long: those that old ones die for are not counted.
    """
    if state.last.rss <= until_rss(state, goal) and state.last.at_ns <= until_ns(state):
        return state
    return _sample(state, 0)


def _watching(state: State, since: Since, goal: Goal) -> Next:
    state = _tallied(state, since, goal)
    if state.young_yield < WORTH:
        state = state._replace(nursery=sample_of_old(state, goal))
    if grown(state) > allowed(state, goal):
        return _on_growth(weighed(state), goal)
    if state.frozen and outgrown(state):
        return _look_at_all(state)
    if state.calm >= state.calm_enough and _may_skip(state, goal):
        return _skip(state)
    return _piling(state, goal)


def _may_skip(state: State, goal: Goal) -> bool:
    return state.last.freezes and not state.last.pressed and not suspicious(state, goal)


def _piling(state: State, goal: Goal) -> Next:
    """Look at what survives where looks find garbage or cost little; else freeze it unseen."""
    if too_much(state, goal):
        return _freeze(state, "too much") if state.last.freezes else (state, (), "")
    finds = suspicious(state, goal) or garbage_is_old(state) or state.late >= MUCH
    look = finds and worth_a_look(state, goal)
    return (_look(state), (), "more to look at") if look else (state, (), "")


def _tallied(state: State, since: Since, goal: Goal) -> State:
    """Count the batches in a row in which there was no garbage."""
    seen, garbage = state.seen + since.examined, state.garbage + since.found
    if seen < 2 * batch(state, goal):
        return state._replace(seen=seen, garbage=garbage)
    calm = state.calm + 1 if garbage < seen * WORTH else 0
    return state._replace(seen=0, garbage=0, calm=calm)


def _on_growth(state: State, goal: Goal) -> Next:
    """Memory has grown by more than garbage may take: see whether it is garbage."""
    if state.frozen and deep_is_due(state, goal):
        return _look_at_all(state)
    if nothing_new(state):
        return _in_vain(state), (), "growth that no new object explains"
    if state.late < MUCH and too_much(state, goal) and _may_skip(state, goal):
        return _freeze(_in_vain(state), "too much")
    return _look(state), (), "growth"


def _looking(state: State, since: Since, goal: Goal) -> Next:
    if since.collections[2]:
        return _looked(state._replace(looked=True), goal)
    if sum(since.collections) > _HELD_OFF:  # the collector's own brake holds it off
        return _freeze(_watch(_in_vain(state)), "held off")
    return state, (), ""


def _looked(state: State, goal: Goal) -> Next:
    """A full collection has come: go by what it found."""
    vain = share(state) < WORTH
    state = _watch(looked(state))
    why = "nothing" if vain else "garbage"
    if vain and not state.frozen and state.last.freezes:  # all was looked at
        return (*_skip(_in_vain(state))[:2], why)
    state = calmed(_in_vain(state)) if vain else proven(_based(state))
    if stays(state, goal):
        return state, (), why
    return _freeze(explained(state) if vain else state, why)


def _collected_by_another(state: State) -> Next:
    """All was looked at: let it be frozen again."""
    kept = state.kept + state.frozen
    state = _watch(_based(_thawed(state)))._replace(kept=kept, late=MUCH)
    return _freeze(state, "collected by another")


def _collected_by_the_program(state: State) -> Next:
    """What the program wanted collected may be frozen."""
    return _look_at_all(state, "the program collects") if state.frozen else (state, (), "")


_BY_REGIME = {
    Regime.SKIP: _skipping,
    Regime.SAMPLE: _sampling,
    Regime.WATCH: _watching,
}


def _yielding(since: Since) -> bool:
    return since.examined > 0 and since.found >= since.examined * WORTH


def _skip(state: State) -> Next:
    return _freeze(
        state._replace(regime=Regime.SKIP, sampled=state.last.rss, deep=False), Regime.SKIP
    )


def _sample(state: State, least: float) -> State:
    """Let what is new be looked at as soon as there is as much as that."""
    sample, last = max(int(least), state.last.young + MARGIN), state.last
    return state._replace(
        regime=Regime.SAMPLE, sample=sample, sampled=last.rss, sampled_at_ns=last.at_ns
    )


def _suspect(state: State, goal: Goal) -> State:
    """Garbage where there was none: look at what grows old next, and at more batches."""
    state = state._replace(
        nursery=nursery(state, goal),
        late=MUCH,
        doublings=0,
        calm=0,
        calm_enough=min(2 * state.calm_enough, _MOST_CALM),
    )
    return _watch(_based(state))


def _watch(state: State) -> State:
    return state._replace(regime=Regime.WATCH, seen=0, garbage=0)


def _hold(state: State, goal: Goal) -> Next:
    """Let what is new be looked at before it is frozen."""
    return _watch(state)._replace(nursery=sample_of_old(state, goal)), (), "slow"


def _look(state: State) -> State:
    """Have all that is not frozen looked at, what is young included."""
    kept, fresh = (each + state.last.young for each in (state.kept, state.fresh))
    return state._replace(regime=Regime.LOOK, kept=kept, fresh=fresh, found=0, look_ns=0)


def _look_at_all(state: State, why: str = "growth, of old objects too") -> Next:
    return _look(_thawed(state)._replace(fresh=state.counted)), (Act.THAW,), why


def _thawed(state: State) -> State:
    return state._replace(frozen=0, deep_at_ns=state.last.at_ns, deep_rss=state.last.rss)


def _freeze(state: State, why: str) -> Next:
    if not state.last.freezes or state.last.pressed:
        return state, (), why
    acts = (Act.FREEZE, Act.FORGET) if state.braked else (Act.FREEZE,)
    frozen = max(1, min(everything(state), state.last.rss // LEAST_OBJECT))
    counted = state.counted + state.last.young
    state = state._replace(frozen=frozen, kept=0, fresh=0, counted=counted, braked=False)
    return state, acts, why


def _in_vain(state: State) -> State:
    return _based(state._replace(doublings=min(state.doublings + 1, MOST_DOUBLINGS)))


def _based(state: State) -> State:
    """Count from here on what memory grows by, and what is new."""
    return state._replace(base=state.last.rss, fresh=0, counted=0)


# How it is done


def _once_done(last: Reading, acts: tuple[str, ...]) -> Reading:
    """A reading as it would be once so much is done: that is no news."""
    if Act.FORGET in acts:
        young, middle, full = last.collections
        last = last._replace(collections=(young, middle, full + 1))
    return last._replace(young=0) if Act.FREEZE in acts else last


def _decided(chosen: Next, goal: Goal) -> Decision:
    state, acts, reason = chosen
    if acts:
        state = state._replace(last=_once_done(state.last, acts))
    state = state._replace(
        thresholds=thresholds_of(state, goal),
        until_young=until_young(state, goal),
        until_rss=until_rss(state, goal),
    )
    return Decision(state, acts, due_ns(state, goal), reason)
