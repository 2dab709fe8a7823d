"""The best settings under a memory budget, by a goal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from operator import ne
from typing import TypeAlias

from gctune.recommender.exploration import Explored
from gctune.recommender.processes import Processes
from gctune.simulator.conduct import Thresholds, apart
from gctune.simulator.generations import OLD
from gctune.simulator.simulator import Prediction

_THRESHOLD0 = (700, 2000, 5000, 10_000, 20_000, 50_000)
_THRESHOLD1 = (10, 20)
_THRESHOLD2 = (10, 20, 50, 100, 300, 1000)
# threshold1 and threshold2 by which full collections come before much garbage has piled up.
_OFTEN = ((5, 5), (10, 2), (10, 5))
_OFTEN_UP_TO = 5000  # of threshold0: above, they are no more often than by the others
_EQUAL = 0.001  # of CPU time: candidates this near to the best count as equal
_AS_SHORT = 1.25  # times the shortest pause, within what pauses of one program differ by
UNNOTICED_SECONDS = 0.005  # a pause among those that the system itself makes
_FINALISTS = 8  # candidates that are looked at more closely
_HOPELESS = 0.5  # chance of going beyond the budget, from which no closer look brings it back
RISK = 0.1  # chance of going beyond the budget, that any interval leaves
_WORTH_IT = 0.25  # the same where CPU time is saved by what is foretold, not seen
_COSTS = 0.01  # of CPU time that shorter pauses or less memory may cost
_NOISE = _COSTS / 2  # of CPU time, that a prediction may be off by and still be free
_FULLS = 0.25  # of GC's CPU time, that a prediction of more full collections may be off by

Ranking: TypeAlias = "Callable[[list[Prediction], Wish], list[Prediction]]"


class Goal:
    """What a recommendation is to improve."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    MEMORY = "memory"

    ALL = (THROUGHPUT, LATENCY, MEMORY)


@dataclass(frozen=True)
class Wish:
    """What the best settings are asked for, and what the peak of rss may grow by."""

    processes: Processes
    budget_bytes: int

    def risk(self, one: Prediction) -> float:
        """The chance that it goes beyond the budget; what was captured does not."""
        if self.processes.are_under(one.thresholds, one.freeze):
            return 0.0
        return one.risk(self.budget_bytes)


def is_free(one: Prediction, processes: Processes, may_cost: float = 0.0) -> bool:
    """Whether it costs no more CPU time than it may, for all that is in doubt.

    What more full collections cost is foretold least surely, so that settings that
    ask for them more often have to save as much as that may be off by.
    """
    if not _is_oftener(one.thresholds, processes):
        return one.gain >= -_NOISE
    doubt = _FULLS * one.was_seconds / one.whole_seconds
    return one.gain >= max(doubt, _NOISE) - may_cost


def _is_oftener(thresholds: Thresholds, processes: Processes) -> bool:
    """Whether full collections are asked for more often than they were."""
    return apart(thresholds) < apart(processes.thresholds)


def _is_doubtful(one: Prediction, processes: Processes) -> bool:
    """Whether it asks for more full collections, and may well not save what those cost."""
    return _is_oftener(one.thresholds, processes) and not is_free(one, processes)


def _is_harmless(one: Prediction) -> bool:
    """Whether it costs none of the processes much CPU time."""
    return one.worst <= 1 + _COSTS


@dataclass(frozen=True)
class Choice:
    """The settings that serve best, better ones that harm one of the processes, and all harmless.

    Of those `tried`, what they predict is rough, and the budget may not allow for them.
    """

    best: Prediction | None
    passed_over: Prediction | None
    tried: tuple[Prediction, ...] = ()


def choose(
    processes: Processes, goal: str, budget_bytes: int, seen: Explored | None = None
) -> Choice:
    """The settings that serve `goal` best while the peak of rss grows by `budget_bytes` at most.

    Of those that were `seen` at work where an exploring capture has tried some.

    There are none where no candidate stays within the budget, or none serves
    the goal at a reasonable cost of CPU to each process.
    """
    wish, rank = Wish(processes, budget_bytes), _RANKINGS[goal]
    if seen:
        return _choose_seen(seen, wish, goal)
    rough = [processes.predict(*candidate) for candidate in candidates(processes, goal)]
    ranked = rank([one for one in rough if wish.risk(one) <= _HOPELESS], wish)
    harmless = list(filter(_is_harmless, ranked))
    closely = (processes.predict_about(one.thresholds, one.freeze) for one in harmless)
    within = (one for one in _unlike(closely) if wish.risk(one) <= _most_risk(one, goal))
    best = rank(list(islice(within, _FINALISTS)), wish)
    first = next(iter(ranked), None)
    passed_over = None if first in harmless else first
    return Choice(next(iter(best), None), passed_over, tuple(filter(_is_harmless, rough)))


def _unlike(predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    """The first of those that come to the same: threshold2 often makes no difference.

    To be told of a close look: a larger one stands where a smaller one nearly led to more.
    threshold1 may make none in this run, and much in one that begins otherwise.
    """
    seen = set()
    for one in predictions:
        outcome = one.thresholds[:OLD], one.toll, one.extra_bytes, one.freeze
        if outcome not in seen:
            seen.add(outcome)
            yield one


def _most_risk(one: Prediction, goal: str) -> float:
    """The chance of going beyond the budget that is taken: the same for what saves CPU time.

    Who asks for short pauses is not to get longer ones than who asks for throughput.
    """
    saves = goal == Goal.THROUGHPUT or (goal == Goal.LATENCY and one.gain > 0)
    return _WORTH_IT if saves else RISK


def _choose_seen(seen: Explored, wish: Wish, goal: str) -> Choice:
    captured = wish.processes.captured
    tried = seen.predictions(captured.cpu_seconds - captured.gc_seconds)
    within = [one for one in tried if wish.risk(one) <= RISK]
    return Choice(next(iter(_RANKINGS[goal](within, wish)), None), None)


def candidates(processes: Processes, goal: str) -> Iterator[tuple[Thresholds, bool]]:
    """Each setting worth considering, frozen once started up or not.

    Who wants smaller young collections than captured wants none of the others larger.
    Full collections that are to find garbage often are not to rely on what is frozen, nor
    are any where the heap turns over.
    """
    zero, one, two = processes.thresholds
    zeros = _and_own(_THRESHOLD0, zero, 1)
    grid = sorted(
        each
        for each in {*product(zeros, _and_own(_THRESHOLD1, one), _and_own(_THRESHOLD2, two))}
        if each[0] >= zero or each[1] <= one
    )
    lives_on = goal == Goal.LATENCY and processes.freezable and not processes.turns_over
    yield from product(grid, (False, True) if lives_on else (False,))
    yield from (((low, *often), False) for low in zeros if low <= _OFTEN_UP_TO for often in _OFTEN)


def _and_own(usual: Sequence[int], own: int, least: int = 0) -> list[int]:
    """The usual values and the program's own, unless no settings can say that: CPython takes it."""
    return sorted({*usual, own} if own >= least else usual)


def _fastest(predictions: list[Prediction], wish: Wish) -> list[Prediction]:
    """Least CPU first; of those that are as good, what risks no memory, then what changes least."""
    own = wish.processes.thresholds
    predictions = [one for one in predictions if not _is_doubtful(one, wish.processes)]
    least = min((one.toll.seconds for one in predictions), default=0.0)
    equal = least + _EQUAL * wish.processes.captured.cpu_seconds

    def rank(one: Prediction) -> tuple[float, ...]:
        changed = sum(map(ne, one.thresholds, own))
        first = max(one.toll.seconds, equal), wish.risk(one) > RISK, changed
        return *first, one.toll.pause_seconds, one.extra_bytes.expected

    return sorted(predictions, key=rank)


def _smoothest(predictions: list[Prediction], wish: Wish) -> list[Prediction]:
    """The least pause once started up first, of those that cost next to no CPU.

    Of pauses that nobody can tell from the least the one with the least pause
    from the start on, then the one without a freeze, which takes a line in the
    program, then the least CPU.
    """
    free = [one for one in predictions if is_free(one, wish.processes)]
    settled = _as_short(one.toll.settled_seconds for one in free)
    smooth = [one for one in free if one.toll.settled_seconds <= settled]
    whole = _as_short(one.toll.pause_seconds for one in smooth)

    def rank(one: Prediction) -> tuple[float, ...]:
        toll = one.toll
        pauses = max(toll.settled_seconds, settled), max(toll.pause_seconds, whole)
        return *pauses, one.freeze, toll.seconds

    return sorted(free, key=rank)


def _as_short(pauses: Iterable[float]) -> float:
    """Pauses up to which nobody can tell from the least."""
    return max(_AS_SHORT * min(pauses, default=0.0), UNNOTICED_SECONDS)


def _smallest(predictions: list[Prediction], wish: Wish) -> list[Prediction]:
    """The least memory first, of those that cost next to no CPU as predicted."""
    cheap = [one for one in predictions if is_free(one, wish.processes, _COSTS)]
    return sorted(cheap, key=lambda one: (one.extra_bytes.expected, one.toll.seconds))


_RANKINGS = {Goal.THROUGHPUT: _fastest, Goal.LATENCY: _smoothest, Goal.MEMORY: _smallest}
