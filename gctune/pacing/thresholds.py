"""The thresholds that have the collector do what adaptive mode has decided."""

from __future__ import annotations

from gctune.pacing.amounts import batch, garbage_is_old, longest_span, sample_of_old, young_ns
from gctune.pacing.pace import Regime
from gctune.pacing.piles import batch_of_old

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.generations import Three
    from gctune.pacing.pace import Goal, State

OFTEN = 700  # a threshold0 at which collections follow each other, as CPython's was for long
# Parts of what may pile up as garbage: a look is to come once that much has, and the full
# collection that it is comes third. Three parts of it, if counts rose with containers alone; what
# dies meanwhile lowers them, so the rest is to spare.
_PARTS = 8
NEVER = 1000  # a threshold1 or 2 that no program reaches before it is moved
SELDOM = 20  # a threshold1 for samples, of which few gather before the thread comes
USUAL = 10  # CPython's own, for where old objects cannot be told from others' frozen ones


def thresholds_of(state: State, goal: Goal) -> Three:
    """What the three thresholds are to be."""
    if state.regime == Regime.LOOK:  # every other collection is a middle one, every third a full
        often = int(min(max(1, longest_span(state, goal) / _PARTS), OFTEN))
        return often, 0, NEVER if state.bare else 0
    young, middle = _ages(state, goal)
    full = NEVER if state.last.may_freeze else USUAL
    return max(int(min(young, longest_span(state, goal))), 1), middle, full


def _ages(state: State, goal: Goal) -> tuple[float, int]:
    """How many containers a young collection looks at, and after how many of them a middle one."""
    if state.regime == Regime.SAMPLE:
        return state.sample, SELDOM
    if state.regime == Regime.SKIP:  # it is frozen before that, unless the thread is late
        return batch(state, goal), NEVER
    if garbage_is_old(state):
        return min(state.nursery, batch_of_old(state, goal)), NEVER if state.bare else 0
    young = max(float(state.own[0]), min(state.nursery, sample_of_old(state, goal)))
    return young, _middle(state, goal, young)


def _middle(state: State, goal: Goal, count: float) -> int:
    """After how many young collections, each of so many containers, a middle one comes.

    As much was made as by the program's own, unless what those left takes longer to look
    at again than a pause: then that waits for a look, but where full collections come by
    themselves, after so many middle ones.
    """
    young, middle, _ = state.own
    usual = max(min(middle, 1), int(middle * min(1.0, young / count)))
    left = goal.pause_ns - count * young_ns(state)
    fits = left / (count * state.left_ns) - 1
    if fits >= 0:
        return min(usual, int(fits))
    return NEVER if state.last.may_freeze else usual
