"""What a captured run would have cost under other thresholds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from gctune.recommender.conduct import Thresholds
from gctune.recommender.cost import CostModel
from gctune.recommender.estimate import Estimate, total
from gctune.recommender.generations import OLD, YOUNG
from gctune.recommender.heap import Heap
from gctune.recommender.replay import Step, replay
from gctune.recommender.stretch import Stretch
from gctune.recommender.summary import Summary

_COLD = 0.5  # of what coldness adds to a collection's cost, the share that is uncertain
_MEMORY = 1.4  # times the predicted memory that covers nine runs in ten
_RUNS = 0.15  # of GC's CPU time, by which two runs of one program on one machine differ
_PAUSE = 2.5  # times the predicted pause that covers nine runs in ten, at least
_REMEMBERED = 64  # stretches as captured, that a search compares all candidates with
_HORIZON = 10.0  # times the captured run that garbage is taken to pile up, at most


@dataclass(frozen=True)
class Prediction:
    """A captured run under other settings.

    `other_seconds` is the CPU time outside of collections, the same under all
    settings; `was_seconds` that within the captured ones. `extra_bytes` is what
    the peak of rss grows by, `pause_seconds` the longest collection in CPU
    time. `freeze` says that the heap is frozen once the program has started up.
    `worst` is the ratio of CPU times of the process that fares worst.
    """

    thresholds: Thresholds
    freeze: bool
    collections: tuple[int, int, int]
    gc_seconds: Estimate
    was_seconds: float
    other_seconds: float
    pause_seconds: Estimate
    extra_bytes: Estimate
    worst: float

    @property
    def share(self) -> float:
        """GC's CPU time for each second of the program's other CPU time."""
        return self.gc_seconds.expected / self.other_seconds

    @property
    def cpu(self) -> Estimate:
        """CPU time of the whole against the captured run's.

        What is saved of GC differs between runs as GC does.
        """
        whole = self.other_seconds + self.was_seconds
        doubt = _RUNS * abs(self.was_seconds - self.gc_seconds.expected)
        expected, low, high = self.gc_seconds.map(1 / whole, self.other_seconds / whole)
        return Estimate(expected, low - doubt / whole, high + doubt / whole)


def simulate(summary: Summary, thresholds: Thresholds, freeze_at: int | None = None) -> Prediction:
    """Replay a captured run under `thresholds`.

    With `freeze_at`, a number of collections that are replayed first, the heap is frozen there.
    """
    tallies = []
    gone = 0
    for stretch in summary.stretches:
        place = None if freeze_at is None else max(0, freeze_at - gone)
        tallies.append(_replayed(summary.cost, stretch, thresholds, place))
        gone += len(stretch.timeline)
    counts = [round(summary.weight * sum(each)) for each in zip(*(one.counts for one in tallies))]
    young, middle, old = counts
    gc_seconds = total([tally.gc_ns for tally in tallies]).map(summary.weight * 1e-9)
    was, other = summary.gc_ns / 1e9, max(summary.cpu_ns - summary.gc_ns, 1) / 1e9
    return Prediction(
        thresholds=thresholds,
        freeze=freeze_at is not None,
        collections=(young, middle, old),
        gc_seconds=gc_seconds,
        was_seconds=was,
        other_seconds=other,
        pause_seconds=max(tally.pause_ns for tally in tallies).map(1e-9),
        extra_bytes=max(_extra_blocks(summary, tally, thresholds) for tally in tallies).map(
            summary.bytes_per_block
        ),
        worst=(gc_seconds.expected + other) / (was + other),
    )


def _replayed(
    cost: CostModel, stretch: Stretch, thresholds: Thresholds, freeze_at: int | None
) -> _Tally:
    tally = _Tally(cost, stretch, stretch.heap())
    facts = stretch.timeline, stretch.live, stretch.quarters
    for step in replay(*facts, tally.heap, thresholds, freeze_at):
        tally.add(step)
    tally.end(min(thresholds[0], sum(stretch.timeline.climbs)))
    return tally


@dataclass
class _Tally:
    """Adds up the collections of a replay, which moves `heap`."""

    cost: CostModel
    stretch: Stretch
    heap: Heap
    warm_ns: float = 0.0
    cold_ns: float = 0.0
    longest_ns: float = 0.0
    top_blocks: float = 0.0
    one_more_ns: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, step: Step) -> None:
        generation, examined, freed = step.collected
        self.counts[generation] += 1
        warm = self.cost.warm_ns(examined, freed)
        whole = warm * self.cost.factor(generation, examined)
        self.warm_ns += warm
        self.cold_ns += whole - warm
        self.longest_ns = max(self.longest_ns, whole)
        place = max(step.position - 1, 0)
        more = step.held_blocks - self.stretch.held[place]
        self.top_blocks = max(self.top_blocks, self.stretch.timeline.blocks[place] + more)

    def end(self, young: int) -> None:
        """Close the run, which might have met one collection more, of `young` objects at least."""
        last = self.stretch.timeline.blocks[-1:]
        if last:
            self.top_blocks = max(self.top_blocks, last[0] + self.heap.held_blocks)
        warm = self.cost.warm_ns(young, 0.0)
        self.one_more_ns = max(self.longest_ns, warm * self.cost.factor(YOUNG, young))

    @property
    def gc_ns(self) -> Estimate:
        expected = self.warm_ns + self.cold_ns
        doubt = _COLD * self.cold_ns + self.one_more_ns
        doubt += (_RUNS + 2 * self.cost.error) * expected
        return Estimate(expected, max(0.0, expected - doubt), expected + doubt)

    @property
    def pause_ns(self) -> Estimate:
        factor = max(_PAUSE, self.cost.tail)
        return Estimate(self.longest_ns, self.longest_ns / factor, self.longest_ns * factor)


def _extra_blocks(summary: Summary, tally: _Tally, thresholds: Thresholds) -> Estimate:
    """Blocks that garbage holds longer; what a program goes on to pile up widens the range.

    They are against a replay as captured, too: that errs alike about what lives.
    """
    timeline = tally.stretch.timeline
    replayed = _captured_top(tally.stretch, summary.cost, summary.thresholds)
    extra = tally.top_blocks - max([replayed, *timeline.blocks])
    if thresholds[0] >= summary.thresholds[0]:  # few collections do not meet the peak
        extra = max(0.0, extra)
    piled = 0.0
    if not summary.whole or summary.weight > 1:
        piled = tally.heap.held[OLD] * (_runs(sum(timeline.climbs), thresholds) - 1)
    bounds = (extra / 2, _MEMORY * extra)
    return Estimate(extra, min(bounds), max(bounds) + piled)


@lru_cache(maxsize=_REMEMBERED)
def _captured_top(stretch: Stretch, cost: CostModel, thresholds: Thresholds) -> float:
    return _replayed(cost, stretch, thresholds, None).top_blocks


def _runs(climbs: int, thresholds: Thresholds) -> float:
    """How many times a run of so many allocations fits between two full collections."""
    threshold0, threshold1, threshold2 = thresholds
    period = (threshold0 + 1) * (threshold1 + 2) * (threshold2 + 2)
    return min(max(period / max(1, climbs), 1.0), _HORIZON)
