"""What a captured run would have cost under other thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gctune.simulator.conduct import Thresholds
from gctune.simulator.cost import CostModel
from gctune.simulator.estimate import Estimate, greatest, total
from gctune.simulator.generations import needed
from gctune.simulator.stretch import Stretch
from gctune.simulator.summary import Summary
from gctune.simulator.tally import LONGER_RUN, Tally, tallied

# What covers nine runs in ten, of fifteen programs on 3.13 and ten on 3.11, each judged
# by what the others need. Two runs alike differ by 0.2 of GC's CPU time and 1.5 times in
# their longest pause.
_RUNS = 0.4  # of GC's CPU time
_SAVED = 0.1  # of what is saved of it, which was as uncertain when it was captured
_ALIKE = 0.007  # of all CPU time: the same program at the same settings
_SHORTER, _LONGER = 1.7, 2.2  # times the longest pause
_MEMORY = 1.4  # times the memory of garbage
# Of the garbage held. With both, of the peaks of programs that hold much 99 of 100 lay below
# the bound where the captured run was repeated, and 93 in runs half as long again.
_HELD = 0.2
KEPT = (0.5, 0.0, 1.0)  # of what a block that garbage holds keeps at most: expected, least, most
_SCATTER = 0.02  # of the peak of rss, which arenas with a few live blocks hold
_REMEMBERED = 64  # stretches as captured, that a search compares all candidates with
LIKELY = 0.5  # of an older generation's collection, from which on one is reckoned with
HORIZON = 10.0  # times the captured run that garbage piles up in a program that ran on


@dataclass(frozen=True)
class Toll:
    """What the collector takes, wherever between two collections a run ends.

    `seconds` of CPU time count the next one of each generation as far as it has
    come. `pause_seconds` is the longest, the next full one included where that
    is near; `settled_seconds` the longest once the program has started up.
    """

    seconds: float
    pause_seconds: float
    settled_seconds: float


@dataclass(frozen=True)
class Prediction:
    """A captured run under other settings.

    `other_seconds` is the CPU time outside of collections, the same under all
    settings; `was_seconds` that within those of the run that it is compared
    with. `grown_bytes` is what the peak of rss grows by in a run as long,
    `later_bytes` what more it may in a longer one; `pause_seconds` is the
    longest collection in CPU time, `settled_seconds` the longest once the program
    has started up, which was `settled_before`; none of them counts one that the run
    only nears. `toll` is what runs of about that length
    have to pay, `was` what they have under the captured settings, with the
    longest pauses that were captured. `freeze` says that the heap is frozen
    once the program has started up, `worst` is the ratio of CPU times of the
    process that fares worst.
    """

    thresholds: Thresholds
    freeze: bool
    collections: tuple[int, int, int]
    gc_seconds: Estimate
    pause_seconds: Estimate
    grown_bytes: Estimate
    later_bytes: float
    was_seconds: float
    other_seconds: float
    settled_seconds: float
    settled_before: float
    toll: Toll
    was: Toll
    worst: float

    @property
    def whole_seconds(self) -> float:
        """All CPU time of the run that it is compared with."""
        return self.other_seconds + self.was_seconds

    @property
    def cpu(self) -> Estimate:
        """CPU time of the whole against that of the run that it is compared with."""
        whole = self.whole_seconds
        doubt = _ALIKE + _SAVED * abs(self.was_seconds - self.gc_seconds.expected) / whole
        expected, low, high = self.gc_seconds.map(1 / whole, self.other_seconds / whole)
        return Estimate(expected, low - doubt, high + doubt)

    @property
    def extra_bytes(self) -> Estimate:
        """What the peak of rss grows by, at most also in a longer run."""
        expected, low, high = self.grown_bytes
        return Estimate(expected, low, high + self.later_bytes)

    def risk(self, budget_bytes: float) -> float:
        """The chance that the peak of rss grows by more, in runs up to half as long again."""
        expected, low, high = self.grown_bytes
        grown = Estimate(expected + self.later_bytes / 2, low, high + self.later_bytes)
        return grown.chance_above(budget_bytes)

    @property
    def gain(self) -> float:
        """The share of CPU time that is saved, by what runs have to pay."""
        return (self.was.seconds - self.toll.seconds) / (self.was.seconds + self.other_seconds)


def simulate(
    summary: Summary,
    thresholds: Thresholds,
    started: int = 0,
    *,
    freeze: bool = False,
    phase: float = 0.0,
) -> Prediction:
    """Replay a captured run under `thresholds`.

    `started` is how many collections had gone by when the program had started
    up; with `freeze` the heap is frozen there. `phase` is how far the first
    collection of generation 1 has come, from 0 to 1: no two runs need begin alike.
    """
    places = list(_places(summary, started))
    count1 = int(phase * needed(thresholds[1]))
    tallies = [
        tallied(summary.cost, stretch, thresholds, count1, place if freeze else None)
        for stretch, place in zip(summary.stretches, places)
    ]
    captured = [
        _as_captured(summary.cost, stretch, summary.thresholds) for stretch in summary.stretches
    ]
    was, other = summary.gc_ns / 1e9, max(summary.cpu_ns - summary.gc_ns, 1) / 1e9
    gc_seconds, pause_seconds = _gc_seconds(summary, tallies), _pause_seconds(summary, tallies)
    settled = max(map(Tally.longest_ns, tallies, places)) / 1e9
    settled_before = max(map(_longest_ns, summary.stretches, places)) / 1e9
    return Prediction(
        thresholds=thresholds,
        freeze=freeze,
        collections=_counts(summary, tallies),
        gc_seconds=gc_seconds,
        pause_seconds=pause_seconds,
        grown_bytes=_grown_bytes(summary, tallies),
        later_bytes=_later_bytes(summary, tallies, captured),
        was_seconds=was,
        other_seconds=other,
        settled_seconds=settled,
        settled_before=settled_before,
        toll=_toll(summary, tallies, gc_seconds.expected, pause_seconds.expected, settled),
        was=_toll(summary, captured, was, summary.longest_ns / 1e9, settled_before),
        worst=(gc_seconds.expected + other) / (was + other),
    )


def _places(summary: Summary, started: int) -> Iterator[int]:
    """Where in each stretch the program has started up."""
    for stretch in summary.stretches:
        yield max(0, started)
        started -= len(stretch.timeline)


def _longest_ns(stretch: Stretch, start: int) -> int:
    """CPU time of the longest collection that was captured from a position on."""
    return max(stretch.timeline.columns.cpu_ns[start:], default=0)


@lru_cache(maxsize=_REMEMBERED)
def _as_captured(cost: CostModel, stretch: Stretch, thresholds: Thresholds) -> Tally:
    return tallied(cost, stretch, thresholds, stretch.heap().count1)


def _counts(summary: Summary, tallies: Sequence[Tally]) -> tuple[int, int, int]:
    young, middle, old = (sum(each) for each in zip(*(tally.counts for tally in tallies)))
    coming = sum(tally.coming for tally in tallies) * summary.sampled
    return (
        round(summary.weight * young),
        round(summary.weight * middle),
        round(summary.weight * max(0.0, old + coming)),
    )


def _gc_seconds(summary: Summary, tallies: Sequence[Tally]) -> Estimate:
    """Of a sampled run, what has come of a full collection by a stretch's end counts, too."""
    nanoseconds = sum(tally.gc_ns + tally.coming_ns * summary.sampled for tally in tallies)
    expected = summary.weight * max(0.0, nanoseconds) * 1e-9
    doubt = max(_RUNS, 2 * summary.cost.error) * expected
    return Estimate(expected, max(0.0, expected - doubt), expected + doubt)


def _pause_seconds(summary: Summary, tallies: Sequence[Tally]) -> Estimate:
    longest = max(tally.longest_ns() for tally in tallies)
    if summary.sampled:
        longest = max(longest, _ahead_ns(summary, tallies))
    return Estimate(longest, longest / _SHORTER, longest * _LONGER).map(1e-9)


def _toll(
    summary: Summary,
    tallies: Sequence[Tally],
    seconds: float,
    pause_seconds: float,
    settled_seconds: float,
) -> Toll:
    soon_ns = 0.0 if summary.sampled else sum(tally.soon_ns for tally in tallies)
    ahead = _ahead_ns(summary, tallies) / 1e9
    return Toll(seconds + soon_ns / 1e9, max(pause_seconds, ahead), max(settled_seconds, ahead))


def _ahead_ns(summary: Summary, tallies: Sequence[Tally]) -> float:
    """The pause of a collection of an older generation that has all but come."""
    full = summary.weight * sum(tally.coming for tally in tallies) > LIKELY
    middle = max(tally.middle_coming for tally in tallies) > LIKELY
    return max(
        max(tally.full_ns for tally in tallies) * full,
        max(tally.middle_ns for tally in tallies) * middle,
    )


def _grown_bytes(summary: Summary, tallies: Sequence[Tally]) -> Estimate:
    """What the peak of rss grows by: the blocks that garbage holds, and what those may keep."""
    blocks = greatest(list(map(_grown_blocks, tallies)))
    kept = (max(0.0, held) * share for held, share in zip(blocks, KEPT))
    payload = Estimate(*kept).map(summary.payload_per_block)
    scatter = _SCATTER * summary.peak_rss_bytes
    return total([blocks.map(summary.bytes_per_block), payload]).doubted(scatter, scatter)


def _grown_blocks(tally: Tally) -> Estimate:
    """Blocks that garbage holds longer."""
    extra = tally.crest.blocks - _most_blocks(tally)
    bounds = (extra / 2, _MEMORY * extra, extra + _HELD * tally.crest.held)
    return Estimate(extra, min(bounds), max(bounds))


def _most_blocks(tally: Tally) -> int:
    return max(tally.stretch.timeline.blocks, default=0)


def _later_bytes(summary: Summary, tallies: Sequence[Tally], captured: Sequence[Tally]) -> float:
    """What more the peak grows by where garbage goes on to pile up in a longer run.

    A run that ended is one job, and a longer one has its parts in the same
    proportion; one that ran on goes on as of late.
    """
    ended = summary.whole and not summary.sampled
    piled = (_piled(*pair, ended) for pair in zip(tallies, captured))
    return summary.bytes_per_block * max(0.0, *piled)


def _piled(tally: Tally, captured: Tally, ended: bool) -> float:
    timeline, most = tally.stretch.timeline, _most_blocks(tally)
    garbage = timeline.garbage
    more = (LONGER_RUN if ended else HORIZON) - 1
    coming = (garbage.on_average if ended else garbage.of_late) * timeline.blocks_per_garbage[1]
    own, theirs = (
        one.later_blocks(more, coming) - max(one.crest.blocks, most) for one in (tally, captured)
    )
    return own - theirs
