"""The best settings under a memory budget, by a goal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

from gctune.recommender.simulator import Prediction, averaged, simulate, together
from gctune.recommender.summary import Summary
from gctune.recommender.timeline import Thresholds

_THRESHOLD0 = (700, 2000, 5000, 10_000, 20_000, 50_000)
_THRESHOLD1 = (10, 20)
_THRESHOLD2 = (10, 100, 1000)
_ABOUT = (0.8, 1.0, 1.25)  # times threshold0: what a slightly different run would meet
_EQUAL = 0.003  # of CPU time: candidates this near to the best count as equal
_FINALISTS = 8  # candidates that are looked at more closely
_COSTS = 0.01  # of CPU time that less memory may cost
_STEADY = 0.8  # of the live objects of a run's second half: a program that has started up
_STARTED_BY = 0.5  # of the run: later than that, it never stops starting up


class Goal:
    """What a recommendation is to improve."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    MEMORY = "memory"

    ALL = (THROUGHPUT, LATENCY, MEMORY)


@dataclass(frozen=True)
class Captured:
    """The captured runs as they were, all processes together."""

    cpu_seconds: float
    gc_seconds: float
    pause_seconds: float
    peak_rss_bytes: int

    @classmethod
    def of(cls, summaries: Sequence[Summary]) -> Captured:
        """Add up the processes of one program."""
        return cls(
            cpu_seconds=sum(summary.cpu_ns for summary in summaries) / 1e9,
            gc_seconds=sum(summary.gc_ns for summary in summaries) / 1e9,
            pause_seconds=max(
                generation.longest_cpu_ns
                for summary in summaries
                for generation in summary.generations
            )
            / 1e9,
            peak_rss_bytes=sum(summary.peak_rss_bytes for summary in summaries),
        )


def best(summaries: Sequence[Summary], goal: str, budget_bytes: int) -> Prediction | None:
    """The settings that serve `goal` best while the peak of rss grows by `budget_bytes` at most.

    None where no candidate stays within the budget, or none serves the goal at
    a reasonable cost of CPU.
    """
    captured = Captured.of(summaries)
    ranked = _RANKINGS[goal]
    rough = [
        together([simulate(summary, thresholds, freeze_at) for summary, freeze_at in starts])
        for thresholds, starts in candidates(summaries, goal)
    ]
    likely = ranked(_within(rough, budget_bytes), captured)[:_FINALISTS]
    finalists = [predict(summaries, one.thresholds, one.freeze) for one in likely]
    return next(iter(ranked(_within(finalists, budget_bytes), captured)), None)


def _within(predictions: Sequence[Prediction], budget_bytes: int) -> list[Prediction]:
    return [one for one in predictions if one.extra_bytes.high <= budget_bytes]


def candidates(
    summaries: Sequence[Summary], goal: str
) -> Iterator[tuple[Thresholds, list[tuple[Summary, int | None]]]]:
    """Each setting worth considering, and for each process where to freeze."""
    own = summaries[0].thresholds
    values = (_THRESHOLD0, _THRESHOLD1, _THRESHOLD2)
    zeros, ones, twos = (sorted({*known, mine}) for known, mine in zip(values, own))
    grid = list(product(zeros, ones, twos))
    freezes = [False]
    if goal == Goal.LATENCY and all(map(started_up, summaries)):
        freezes.append(True)
    for freeze in freezes:
        starts = [(summary, started_up(summary) if freeze else None) for summary in summaries]
        for thresholds in grid:
            yield thresholds, starts


def predict(summaries: Sequence[Summary], thresholds: Thresholds, freeze: bool) -> Prediction:
    """Predict settings for all processes, averaged over nearby values of threshold0."""
    threshold0, threshold1, threshold2 = thresholds
    return averaged(
        [
            together(
                [
                    simulate(
                        summary,
                        (round(threshold0 * factor), threshold1, threshold2),
                        started_up(summary) if freeze else None,
                    )
                    for summary in summaries
                ]
            )
            for factor in _ABOUT
        ]
    )


def started_up(summary: Summary) -> int | None:
    """The collections gone by when the heap has its later size; None where it goes on to grow."""
    live = [objects for stretch in summary.stretches for objects in stretch.live]
    if not live:
        return None
    steady = _STEADY * median(live[len(live) // 2 :])
    position = next(place for place, objects in enumerate(live, 1) if objects >= steady)
    return position if position <= _STARTED_BY * len(live) else None


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
