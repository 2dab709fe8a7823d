"""What adaptive mode can do next: each is a state, mostly with what is done for it and why."""

from __future__ import annotations

from gctune.pacing.amounts import (
    LEAST_OBJECT,
    MOST_DOUBLINGS,
    MUCH,
    everything,
    nursery,
    sample_of_old,
)
from gctune.pacing.pace import Act, Regime
from gctune.pacing.waiting import MARGIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from gctune.pacing.pace import Goal, State

    Next: TypeAlias = tuple[State, tuple[str, ...], str]  # with the acts, and the reason

# Samples in a row without garbage, each after a twentieth more memory: twice as much in all.
_LONG_CALM = 16
_MOST_CALM = 8  # batches in a row without garbage, until what is new is skipped again


def skip(state: State) -> Next:
    """Freeze what there is, and let what is new grow old unseen."""
    return freeze(
        state._replace(regime=Regime.SKIP, sampled=state.last.rss, deep=False), Regime.SKIP
    )


def sample(state: State, least: float) -> State:
    """Let what is new be looked at as soon as there is as much as that."""
    enough, last = max(int(least), state.last.young + MARGIN), state.last
    return state._replace(
        regime=Regime.SAMPLE, sample=enough, sampled=last.rss, sampled_at_ns=last.at_ns
    )


def suspect(state: State, goal: Goal) -> State:
    """Garbage where there was none: look at what grows old next, and at more batches."""
    state = state._replace(
        nursery=nursery(state, goal),
        late=MUCH,
        doublings=0,
        calm=0,
        calm_enough=min(2 * state.calm_enough, _MOST_CALM),
    )
    return watch(based(state))


def calmer(state: State) -> State:
    """Count a sample without garbage; many in a row make up for one that found some long ago."""
    calm = state.calm + 1
    enough = state.calm_enough if calm % _LONG_CALM else max(1, state.calm_enough // 2)
    return state._replace(calm=calm, calm_enough=enough)


def watch(state: State) -> State:
    """Let nothing be frozen unseen, and count batches anew."""
    return state._replace(regime=Regime.WATCH, seen=0, garbage=0)


def hold(state: State, goal: Goal) -> Next:
    """Let what is new be looked at before it is frozen."""
    return watch(state)._replace(nursery=sample_of_old(state, goal)), (), "slow"


def look(state: State) -> State:
    """Have all that is not frozen looked at, what is young included."""
    kept, fresh = (each + state.last.young for each in (state.kept, state.fresh))
    return state._replace(regime=Regime.LOOK, kept=kept, fresh=fresh, found=0, look_ns=0)


def look_at_all(state: State, why: str = "growth, of old objects too") -> Next:
    """Have all that there is looked at, what is frozen included."""
    return look(thawed(state)._replace(fresh=state.counted)), (Act.THAW,), why


def thawed(state: State) -> State:
    """What there is once nothing is frozen any more."""
    last = state.last
    return state._replace(frozen=0, bare=False, deep_at_ns=last.at_ns, deep_rss=last.rss)


def freeze(state: State, why: str) -> Next:
    """Have what there is looked at no more, where anything may be frozen."""
    if not state.last.may_freeze:
        return state, (), why
    acts = (Act.FREEZE, Act.FORGET) if state.braked else (Act.FREEZE,)
    frozen = max(1, min(everything(state), state.last.rss // LEAST_OBJECT))
    counted = state.counted + state.last.young
    state = state._replace(frozen=frozen, bare=True, kept=0, fresh=0, counted=counted, braked=False)
    return state, acts, why


def in_vain(state: State) -> State:
    """It was no garbage that memory grew by: let it grow by twice as much."""
    return based(state._replace(doublings=min(state.doublings + 1, MOST_DOUBLINGS)))


def based(state: State) -> State:
    """Count from here on what memory grows by, and what is new."""
    return state._replace(base=state.last.rss, fresh=0, counted=0)
