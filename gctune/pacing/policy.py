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

from gctune.pacing import moves
from gctune.pacing.amounts import (
    MUCH,
    allowed,
    batch,
    deep_is_due,
    garbage_is_old,
    grown,
    nothing_new,
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
from gctune.pacing.thresholds import NEVER, thresholds_of
from gctune.pacing.waiting import due_ns, rest_ns, until_ns, until_rss, until_young

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gctune.host.generations import Three
    from gctune.pacing.moves import Next
    from gctune.pacing.pace import Goal, Reading, Since, State

__all__ = ["advance", "begin", "decide", "rest_ns", "resume"]

_TOO_MUCH = "too much"  # for a look: frozen unseen
_HELD_OFF = 6  # collections of which every third should have been a full one


def begin(reading: Reading, thresholds: Three, goal: Goal) -> Decision:
    """Freeze what a process starts with, and skip what comes."""
    state = supposed(reading, thresholds)
    return _decided(moves.freeze(state, "start"), goal)


def resume(state: State, reading: Reading, goal: Goal) -> Decision:
    """Go on in a forked child with what its parent had learned."""
    state = state._replace(
        last=reading, frozen=0, bare=False, braked=True, deep_at_ns=reading.at_ns
    )
    return _decided((moves.watch(moves.based(state)), (), "fork"), goal)


def advance(state: State, reading: Reading, goal: Goal) -> Decision:
    """Choose what to do after a reading."""
    since = since_of(state, reading)
    state = observe(state, reading, since, goal)
    if state.frozen and not reading.frozen:  # somebody had everything collected
        return _decided(_collected_by_another(state), goal)
    if reading.pressed and (state.frozen or state.regime != Regime.WATCH):
        state = moves.watch(moves.based(moves.thawed(state)))._replace(kept=0)
        return _decided((state, (Act.THAW,), "the limit is near"), goal)
    if state.regime == Regime.LOOK:
        return _decided(_looking(state, since, goal), goal)
    if since.collections[2] and not state.looked:
        return _decided(_collected_by_the_program(state), goal)
    state = state._replace(looked=False)
    return _decided(_BY_REGIME[state.regime](state, since, goal), goal)


def decide(state: State, reading: Reading, goal: Goal, count_older: Callable[[], int]) -> Decision:
    """Choose what to do after a reading; of a pile once more, by what `count_older` counts.

    The collector's counts are lowered by others' deaths: what is to be looked at, or is too
    much for that and to be frozen with its garbage, can be eight times as much, or far less
    where one collection took long. To count it takes a tenth to a quarter of a look, so that
    it is done the more seldom the more often it came to what was expected.
    """
    decision = advance(state, reading, goal)
    if not _goes_by_counts(state, decision):
        return decision
    return advance(state, reading._replace(older=count_older()), goal)


def _goes_by_counts(state: State, decision: Decision) -> bool:
    last = decision.state.last
    looks = decision.state.regime == Regime.LOOK and not decision.acts
    due = not state.right or state.uncounted >= 1 << state.right
    doubtful = state.regime == Regime.WATCH and due and last.freezes and last.older < 0
    return doubtful and (looks or decision.reason == _TOO_MUCH)


# What is done


def _skipping(state: State, since: Since, goal: Goal) -> Next:
    if _yielding(since):
        return moves.suspect(state, goal), (), "garbage"
    if since.examined:  # before this thread came: as good as a sample
        state = state._replace(sampled=state.last.rss)
    if grown(state) > allowed(state, goal):
        return _on_growth_unseen(weighed(state), goal)
    if state.last.rss > unsampled(state, goal):
        return moves.sample(weighed(state), sample_of_new(state, goal)), (), Regime.SAMPLE
    if state.last.young < until_young(state, goal):
        return state, (), ""
    return moves.hold(state, goal) if suspicious(state, goal) else moves.freeze(state, Regime.SKIP)


def _on_growth_unseen(state: State, goal: Goal) -> Next:
    if deep_is_due(state, goal):
        return moves.look_at_all(state)
    return moves.sample(state._replace(deep=True), sample_of_growth(state, goal)), (), "growth"


def _sampling(state: State, since: Since, goal: Goal) -> Next:
    if not since.examined:
        return _hurried(state, goal), (), ""
    if _yielding(since):
        return moves.suspect(state, goal), (), "garbage"
    state = moves.calmer(moves.in_vain(state) if state.deep else state)
    return moves.hold(state, goal) if suspicious(state, goal) else moves.skip(state)


def _hurried(state: State, goal: Goal) -> State:
    """Wait for no more containers where memory grows: what they hold is big.

    Nor where they take long: those that old ones die for are not counted.
    """
    if state.last.rss <= until_rss(state, goal) and state.last.at_ns <= until_ns(state):
        return state
    return moves.sample(state, 0)


def _watching(state: State, since: Since, goal: Goal) -> Next:
    state = _tallied(state, since, goal)
    if state.young_yield < WORTH:
        state = state._replace(nursery=sample_of_old(state, goal))
    if grown(state) > allowed(state, goal):
        return _on_growth(weighed(state), goal)
    if state.frozen and outgrown(state):
        return moves.look_at_all(state)
    if state.calm >= state.calm_enough and _may_skip(state, goal):
        return moves.skip(state)
    return _piling(state, goal)


def _may_skip(state: State, goal: Goal) -> bool:
    return state.last.may_freeze and not suspicious(state, goal)


def _piling(state: State, goal: Goal) -> Next:
    """Look at what survives where looks find garbage or cost little; else freeze it unseen."""
    if too_much(state, goal):
        return moves.freeze(state, _TOO_MUCH) if state.last.freezes else (state, (), "")
    finds = suspicious(state, goal) or garbage_is_old(state) or state.late >= MUCH
    look = finds and worth_a_look(state, goal)
    return (moves.look(state), (), "more to look at") if look else (state, (), "")


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
        return moves.look_at_all(state)
    if nothing_new(state):
        return moves.in_vain(state), (), "growth that no new object explains"
    if state.late < MUCH and too_much(state, goal) and _may_skip(state, goal):
        return moves.freeze(moves.in_vain(state), _TOO_MUCH)
    return moves.look(state), (), "growth"


def _looking(state: State, since: Since, goal: Goal) -> Next:
    _, middle, full = since.collections
    if full or (middle and state.thresholds[2] == NEVER):
        return _looked(state._replace(looked=True), goal)
    if sum(since.collections) > _HELD_OFF:  # the collector's own brake holds it off
        return moves.freeze(moves.watch(moves.in_vain(state)), "held off")
    return state, (), ""


def _looked(state: State, goal: Goal) -> Next:
    """A full collection has come: go by what it found."""
    vain = share(state) < WORTH
    state = moves.watch(looked(state))
    why = "nothing" if vain else "garbage"
    if vain and not state.frozen and state.last.freezes:  # all was looked at
        return (*moves.skip(moves.in_vain(state))[:2], why)
    state = calmed(moves.in_vain(state)) if vain else proven(moves.based(state))
    if stays(state, goal):
        return state, (), why
    return moves.freeze(explained(state) if vain else state, why)


def _collected_by_another(state: State) -> Next:
    """All was looked at: let it be frozen again."""
    kept = state.kept + state.frozen
    state = moves.watch(moves.based(moves.thawed(state)))._replace(kept=kept, late=MUCH)
    return moves.freeze(state, "collected by another")


def _collected_by_the_program(state: State) -> Next:
    """What the program wanted collected may be frozen."""
    return moves.look_at_all(state, "the program collects") if state.frozen else (state, (), "")


_BY_REGIME = {
    Regime.SKIP: _skipping,
    Regime.SAMPLE: _sampling,
    Regime.WATCH: _watching,
}


def _yielding(since: Since) -> bool:
    return since.examined > 0 and since.found >= since.examined * WORTH


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
