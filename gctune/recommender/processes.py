"""Several processes of one program, or several runs of it, as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from gctune.recommender.crowds import crowds, peak_rss_bytes
from gctune.recommender.phases import StartUp, started_up
from gctune.simulator.conduct import Thresholds
from gctune.simulator.estimate import Estimate, by_chance, greatest, mean, spread, total
from gctune.simulator.generations import MIDDLE, OLD
from gctune.simulator.simulator import Prediction, Toll, simulate
from gctune.simulator.summary import Summary

_GARBAGE = 0.05  # of what collections look at: less makes no difference to memory

# Times threshold0, and the phase: what a slightly different run would meet.
_ABOUT = ((0.8, 1 / 3), (1.0, 0.0), (1.25, 2 / 3))


@dataclass(frozen=True)
class Captured:
    """The captured runs as they were, all processes together."""

    cpu_seconds: float
    gc_seconds: float
    pause_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Processes:
    """What was captured of one program, the process that took most CPU time first.

    Each of `crowds` are the places of processes that ran at once.
    """

    summaries: tuple[Summary, ...]
    crowds: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, summaries: Iterable[Summary]) -> Processes:
        """Put them in order, and find who ran beside whom."""
        ordered = tuple(sorted(summaries, key=lambda one: one.cpu_ns, reverse=True))
        return cls(ordered, crowds(ordered))

    @property
    def thresholds(self) -> Thresholds:
        """Those that the program mostly ran under."""
        return self.summaries[0].thresholds

    def are_under(self, thresholds: Thresholds, freeze: bool) -> bool:
        """Whether these are the captured settings."""
        return thresholds == self.thresholds and not freeze

    @cached_property
    def captured(self) -> Captured:
        """What they took together; memory, as much as ever at once."""
        pauses = [each.longest_cpu_ns for summary in self.summaries for each in summary.generations]
        return Captured(
            cpu_seconds=sum(summary.cpu_ns for summary in self.summaries) / 1e9,
            gc_seconds=sum(summary.gc_ns for summary in self.summaries) / 1e9,
            pause_seconds=max(pauses) / 1e9,
            peak_rss_bytes=peak_rss_bytes(self.summaries),
        )

    @property
    def collections(self) -> int:
        """How many collections there were."""
        return sum(sum(one.collections) for one in self.summaries)

    @property
    def recorded(self) -> float:
        """The share of them that was recorded."""
        return sum(one.recorded * one.cpu_ns for one in self.summaries) / max(
            1, sum(one.cpu_ns for one in self.summaries)
        )

    @property
    def leaves_unseen(self) -> bool:
        """Whether garbage grows old, and no full collection was seen that finds it.

        What generation 1 just misses, since it is in use as that comes, piles up
        until then, and looks like a heap that grows.
        """
        found = sum(one.generations[MIDDLE].collected for one in self.summaries)
        looked = sum(one.generations[MIDDLE].examined for one in self.summaries)
        fulls = sum(one.collections[OLD] for one in self.summaries)
        return not fulls and found > _GARBAGE * looked

    @property
    def disabled(self) -> bool:
        """Whether the programs keep the collector off throughout."""
        return all(one.conduct.disabled == 1 for one in self.summaries)

    @property
    def freezable(self) -> bool:
        """Whether all start up and go on from there, and none freezes by itself."""
        return all(self.starts) and not any(one.conduct.frozen for one in self.summaries)

    @property
    def turns_over(self) -> bool:
        """Whether full collections find more in all than there was once it had started up.

        What would be frozen then may soon be garbage, and what lives as much again.
        """
        return any(
            start and one.generations[OLD].collected > start.objects
            for one, start in zip(self.summaries, self.starts)
        )

    @cached_property
    def starts(self) -> tuple[StartUp | None, ...]:
        """When each has started up."""
        return tuple(map(started_up, self.summaries))

    def predict(self, thresholds: Thresholds, freeze: bool, phase: float = 0.0) -> Prediction:
        """Predict settings for all of them; see `simulate` for `phase`."""
        each = zip(self.summaries, self.starts, self._own)
        return self._together(
            [
                _against(usual, _simulated(one, start, thresholds, freeze, phase))
                for one, start, usual in each
            ]
        )

    @cached_property
    def _own(self) -> tuple[list[Prediction], ...]:
        """Runs of each as it was captured, that begin otherwise.

        What settings save is told against these: where the captured run met one
        full collection more than such runs do, or one less, no settings are to
        be credited with it, and what a simulation always errs by falls out.
        """
        return tuple(
            [_simulated(one, start, one.thresholds, False, phase) for _, phase in _ABOUT]
            for one, start in zip(self.summaries, self.starts)
        )

    def predict_about(self, thresholds: Thresholds, freeze: bool) -> Prediction:
        """Predict settings over runs that begin and allocate a little otherwise.

        What the captured settings may take more in such runs is no extra memory;
        the captured run, which took none, counts as much as those that are replayed.
        """
        own = self._captured_again
        if self.are_under(thresholds, freeze):
            return replace(own, grown_bytes=Estimate.exact(0.0), later_bytes=0.0)
        about = self._near(thresholds, freeze)
        return replace(
            about,
            grown_bytes=about.grown_bytes.map(1, -max(0.0, own.grown_bytes.expected) / 2),
            later_bytes=max(0.0, about.later_bytes - own.later_bytes),
        )

    @cached_property
    def _captured_again(self) -> Prediction:
        return self._near(self.thresholds, freeze=False)

    def _near(self, thresholds: Thresholds, freeze: bool) -> Prediction:
        threshold0, threshold1, threshold2 = thresholds
        near = [
            self.predict((round(threshold0 * factor), threshold1, threshold2), freeze, phase)
            for factor, phase in _ABOUT
        ]
        return replace(
            near[len(near) // 2],
            thresholds=thresholds,
            gc_seconds=mean([one.gc_seconds for one in near]),
            pause_seconds=spread([one.pause_seconds for one in near]),
            settled_seconds=fmean(one.settled_seconds for one in near),
            toll=Toll(
                sum(one.toll.seconds for one in near) / len(near),
                sum(one.toll.pause_seconds for one in near) / len(near),
                sum(one.toll.settled_seconds for one in near) / len(near),
            ),
            grown_bytes=by_chance([one.grown_bytes for one in near]),
            later_bytes=max(one.later_bytes for one in near),
        )

    def _together(self, apart: Sequence[Prediction]) -> Prediction:
        young, middle, old = map(sum, zip(*(one.collections for one in apart)))
        memory = [total([apart[place].grown_bytes for place in crowd]) for crowd in self.crowds]
        return replace(
            apart[0],
            collections=(young, middle, old),
            gc_seconds=total([one.gc_seconds for one in apart]),
            was_seconds=sum(one.was_seconds for one in apart),
            other_seconds=sum(one.other_seconds for one in apart),
            toll=_all([one.toll for one in apart]),
            was=_all([one.was for one in apart]),
            pause_seconds=greatest([one.pause_seconds for one in apart]),
            settled_seconds=max(one.settled_seconds for one in apart),
            settled_before=max(one.settled_before for one in apart),
            grown_bytes=greatest(memory),
            later_bytes=max(
                sum(apart[place].later_bytes for place in crowd) for crowd in self.crowds
            ),
            worst=max(one.worst for one in apart),
        )


def _simulated(
    summary: Summary, start: StartUp | None, thresholds: Thresholds, freeze: bool, phase: float
) -> Prediction:
    started = start.collections if start else 0
    return simulate(summary, thresholds, started, freeze=freeze and bool(start), phase=phase)


def _against(usual: Sequence[Prediction], one: Prediction) -> Prediction:
    """A prediction that is compared with usual runs in place of the captured one."""
    seconds = fmean(each.gc_seconds.expected for each in usual)
    toll = fmean(each.toll.seconds for each in usual)
    worst = (one.gc_seconds.expected + one.other_seconds) / (seconds + one.other_seconds)
    return replace(one, was_seconds=seconds, was=replace(one.was, seconds=toll), worst=worst)


def _all(tolls: Sequence[Toll]) -> Toll:
    return Toll(
        sum(one.seconds for one in tolls),
        max(one.pause_seconds for one in tolls),
        max(one.settled_seconds for one in tolls),
    )
