"""The best settings under a memory budget, by a goal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from gctune.recommender.conduct import Thresholds
from gctune.recommender.processes import Captured, Processes
from gctune.recommender.simulator import Prediction

_THRESHOLD0 = (700, 2000, 5000, 10_000, 20_000, 50_000)
_THRESHOLD1 = (10, 20)
_THRESHOLD2 = (10, 100, 1000)
_EQUAL = 0.003  # of CPU time: candidates this near to the best count as equal
_FINALISTS = 8  # candidates that are looked at more closely
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


def choose(processes: Processes, goal: str, budget_bytes: int) -> Choice:
    """The settings that serve `goal` best while the peak of rss grows by `budget_bytes` at most.

    There are none where no candidate stays within the budget, or none serves
    the goal at a reasonable cost of CPU to each process.
    """
    rough = [processes.predict(*candidate) for candidate in candidates(processes, goal)]
    ranked = _RANKINGS[goal](_within(rough, budget_bytes), processes.captured)
    harmless = [one for one in ranked if one.worst <= 1 + _COSTS]
    first = next(iter(ranked), None)
    likely = harmless[:_FINALISTS]
    finalists = [processes.predict_about(one.thresholds, one.freeze) for one in likely]
    best = _RANKINGS[goal](_within(finalists, budget_bytes), processes.captured)
    return Choice(next(iter(best), None), None if first in harmless else first)


def _within(predictions: Sequence[Prediction], budget_bytes: int) -> list[Prediction]:
    return [one for one in predictions if one.extra_bytes.high <= budget_bytes]


def candidates(processes: Processes, goal: str) -> Iterator[tuple[Thresholds, bool]]:
    """Each setting worth considering, frozen once started up or not."""
    zero, one, two = processes.thresholds
    grid = product({*_THRESHOLD0, zero}, {*_THRESHOLD1, one}, {*_THRESHOLD2, two})
    freezes = (False, True) if goal == Goal.LATENCY and processes.freezable else (False,)
    for thresholds in sorted(grid):
        yield from ((thresholds, freeze) for freeze in freezes)


def _fastest(predictions: list[Prediction], captured: Captured) -> list[Prediction]:
    """Least CPU first; of those that are as good as the best, the least pause, then memory."""
    least = min((one.gc_seconds.expected for one in predictions), default=0.0)
    equal = least + _EQUAL * captured.cpu_seconds

    def rank(one: Prediction) -> tuple[float, ...]:
        gc_seconds = one.gc_seconds.expected
        return max(gc_seconds, equal), one.pause_seconds.expected, one.extra_bytes.expected

    return sorted(predictions, key=rank)


def _smoothest(predictions: list[Prediction], captured: Captured) -> list[Prediction]:
    """The least pause first, of those that cost no CPU."""
    free = [one for one in predictions if one.gc_seconds.expected <= captured.gc_seconds]
    return sorted(free, key=lambda one: (one.pause_seconds.expected, one.gc_seconds.expected))


def _smallest(predictions: list[Prediction], captured: Captured) -> list[Prediction]:
    """The least memory first, of those that cost next to no CPU."""
    most = captured.gc_seconds + _COSTS * captured.cpu_seconds
    cheap = [one for one in predictions if one.gc_seconds.expected <= most]
    return sorted(cheap, key=lambda one: (one.extra_bytes.expected, one.gc_seconds.expected))


_RANKINGS = {Goal.THROUGHPUT: _fastest, Goal.LATENCY: _smoothest, Goal.MEMORY: _smallest}
