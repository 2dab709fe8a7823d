"""The best settings under a memory budget, by a goal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from operator import ne

from gctune.recommender.conduct import Thresholds
from gctune.recommender.exploration import Explored
from gctune.recommender.processes import Processes
from gctune.recommender.simulator import Prediction

_THRESHOLD0 = (700, 2000, 5000, 10_000, 20_000, 50_000)
_THRESHOLD1 = (10, 20)
_THRESHOLD2 = (10, 20, 50, 100, 300, 1000)
_EQUAL = 0.003  # of CPU time: candidates this near to the best count as equal
_AS_SHORT = 1.25  # times the shortest pause, within what pauses of one program differ by
_UNNOTICED_SECONDS = 0.005  # a pause among those that the system itself makes
_FINALISTS = 32  # candidates that are looked at more closely: threshold2 often makes no difference
_HOPELESS = 2  # times the budget, from which no closer look brings a range back
_COSTS = 0.01  # of CPU time that less memory may cost


class Goal:
    """What a recommendation is to improve."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    MEMORY = "memory"

    ALL = (THROUGHPUT, LATENCY, MEMORY)


@dataclass(frozen=True)
class Choice:
    """The settings that serve best, and better ones that harm one of the processes."""

    best: Prediction | None
    passed_over: Prediction | None


def choose(
    processes: Processes, goal: str, budget_bytes: int, seen: Explored | None = None
) -> Choice:
    """The settings that serve `goal` best while the peak of rss grows by `budget_bytes` at most.

    Of those that were `seen` at work where an exploring capture has tried some.

    There are none where no candidate stays within the budget, or none serves
    the goal at a reasonable cost of CPU to each process.
    """
    if seen:
        return _choose_seen(seen, processes, goal, budget_bytes)
    rough = [processes.predict(*candidate) for candidate in candidates(processes, goal)]
    likely = [one for one in rough if _may_fit(one, budget_bytes)]
    ranked = _RANKINGS[goal](likely, processes)
    harmless = [one for one in ranked if one.worst <= 1 + _COSTS]
    closely = (processes.predict_about(one.thresholds, one.freeze) for one in harmless)
    within = (one for one in closely if one.extra_bytes.high <= budget_bytes)
    best = _RANKINGS[goal](list(islice(within, _FINALISTS)), processes)
    first = next(iter(ranked), None)
    return Choice(next(iter(best), None), None if first in harmless else first)


def _may_fit(one: Prediction, budget_bytes: int) -> bool:
    """Whether a closer look may find it within the budget."""
    expected, _, high = one.extra_bytes
    return expected <= budget_bytes and high <= _HOPELESS * budget_bytes


def _choose_seen(seen: Explored, processes: Processes, goal: str, budget_bytes: int) -> Choice:
    captured = processes.captured
    tried = seen.predictions(captured.cpu_seconds - captured.gc_seconds)
    within = [one for one in tried if one.extra_bytes.high <= budget_bytes]
    return Choice(next(iter(_RANKINGS[goal](within, processes)), None), None)


def candidates(processes: Processes, goal: str) -> Iterator[tuple[Thresholds, bool]]:
    """Each setting worth considering, frozen once started up or not."""
    zero, one, two = processes.thresholds
    grid = product({*_THRESHOLD0, zero}, {*_THRESHOLD1, one}, {*_THRESHOLD2, two})
    freezes = (False, True) if goal == Goal.LATENCY and processes.freezable else (False,)
    for thresholds in sorted(grid):
        yield from ((thresholds, freeze) for freeze in freezes)


def _fastest(predictions: list[Prediction], processes: Processes) -> list[Prediction]:
    """Least CPU first; of those that are as good as the best, what changes least."""
    least = min((one.toll.seconds for one in predictions), default=0.0)
    equal = least + _EQUAL * processes.captured.cpu_seconds

    def rank(one: Prediction) -> tuple[float, ...]:
        changed = sum(map(ne, one.thresholds, processes.thresholds))
        return (
            max(one.toll.seconds, equal),
            changed,
            one.toll.pause_seconds,
            one.extra_bytes.expected,
        )

    return sorted(predictions, key=rank)


def _smoothest(predictions: list[Prediction], processes: Processes) -> list[Prediction]:  # noqa: ARG001
    """The least pause once started up first, of those that cost no CPU.

    Of pauses that nobody can tell from the least the one with the least pause
    from the start on, then the one without a freeze, which takes a line in the
    program, then the least CPU.
    """
    free = [one for one in predictions if one.gain >= -_EQUAL]
    settled = _as_short([one.toll.settled_seconds for one in free])
    smooth = [one for one in free if one.toll.settled_seconds <= settled]
    whole = _as_short([one.toll.pause_seconds for one in smooth])

    def rank(one: Prediction) -> tuple[float, ...]:
        toll = one.toll
        pauses = max(toll.settled_seconds, settled), max(toll.pause_seconds, whole)
        return *pauses, one.freeze, toll.seconds

    return sorted(free, key=rank)


def _as_short(pauses: Iterable[float]) -> float:
    """Pauses up to which nobody can tell from the least."""
    return max(_AS_SHORT * min(pauses, default=0.0), _UNNOTICED_SECONDS)


def _smallest(predictions: list[Prediction], processes: Processes) -> list[Prediction]:  # noqa: ARG001
    """The least memory first, of those that cost next to no CPU."""
    cheap = [one for one in predictions if one.gain >= -_COSTS / 2]  # the rest is for the noise
    return sorted(cheap, key=lambda one: (one.extra_bytes.expected, one.toll.seconds))


_RANKINGS = {Goal.THROUGHPUT: _fastest, Goal.LATENCY: _smoothest, Goal.MEMORY: _smallest}
