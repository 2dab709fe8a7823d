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
    fitting = [
        prediction
        for prediction in candidates(summaries, goal)
        if prediction.extra_bytes.high <= budget_bytes
    ]
    return _CHOICES[goal](fitting, captured) if fitting else None


def candidates(summaries: Sequence[Summary], goal: str) -> Iterator[Prediction]:
    """Predict each setting worth considering."""
    own = summaries[0].thresholds
    grid = product(
        sorted({*_THRESHOLD0, own[0]}), sorted({*_THRESHOLD1, own[1]}), sorted({*_THRESHOLD2, own[2]})
    )
    freezes = (False, True) if goal == Goal.LATENCY and all(map(started_up, summaries)) else (False,)
    for thresholds, freeze in product(grid, freezes):
        yield predict(summaries, thresholds, freeze)


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
    """The position at which the heap has its later size; None where it goes on to grow."""
    live = summary.live
    if not live:
        return None
    steady = _STEADY * median(live[len(live) // 2 :])
    position = next(place for place, objects in enumerate(live, 1) if objects >= steady)
    return position if position <= _STARTED_BY * len(live) else None


def _fastest(fitting: list[Prediction], captured: Captured) -> Prediction:
    """Least CPU; of those that are as good, the least pause, then the least memory."""
    least = min(prediction.gc_seconds.expected for prediction in fitting)
    equal = least + _EQUAL * captured.cpu_seconds
    return min(
        (prediction for prediction in fitting if prediction.gc_seconds.expected <= equal),
        key=lambda prediction: (prediction.pause_seconds.expected, prediction.extra_bytes.expected),
    )


def _smoothest(fitting: list[Prediction], captured: Captured) -> Prediction | None:
    """The least pause that costs no CPU."""
    free = [one for one in fitting if one.gc_seconds.expected <= captured.gc_seconds]
    return min(
        free,
        key=lambda one: (one.pause_seconds.expected, one.gc_seconds.expected),
        default=None,
    )


def _smallest(fitting: list[Prediction], captured: Captured) -> Prediction | None:
    """The least memory that costs next to no CPU."""
    most = captured.gc_seconds + _COSTS * captured.cpu_seconds
    cheap = [one for one in fitting if one.gc_seconds.expected <= most]
    return min(
        cheap,
        key=lambda one: (one.extra_bytes.expected, one.gc_seconds.expected),
        default=None,
    )


_CHOICES = {Goal.THROUGHPUT: _fastest, Goal.LATENCY: _smoothest, Goal.MEMORY: _smallest}
