"""What the collections of a replay add up to."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf

from gctune.simulator.conduct import Thresholds
from gctune.simulator.cost import CostModel
from gctune.simulator.crest import Crest, climbed
from gctune.simulator.dearness import dearness
from gctune.simulator.generations import MIDDLE, OLD, YOUNG
from gctune.simulator.heap import Collected, Heap
from gctune.simulator.replay import Replay, Turn
from gctune.simulator.stretch import Stretch
from gctune.simulator.youngs import Charge, Youngs, youngs_of

_REMEMBERED = 512  # starts of replays, which a search asks for again
_LEAST = 1e-3  # collections, to divide by
LONGER_RUN = 1.5  # times the captured run, that a recommendation is to hold for


@dataclass
class Tally:
    """Adds up the collections of a replay, which moves `heap`.

    `counts` are collections by generation, `gc_ns` is the CPU time of all of them.
    `rows` are the places from which on, and before which, young ones came in a row;
    `lengths` the positions and times of those others that no later one is longer than.
    `coming` is how far the next full collection has come between start and
    end, and `full_ns` what it will cost: a run that ends just before it is none
    that does without it. `middle_coming` and `middle_ns` are the same of the
    next one of generation 1.
    """

    youngs: Youngs
    cost: CostModel
    stretch: Stretch
    thresholds: Thresholds
    heap: Heap
    gc_ns: float = 0.0
    lengths: list[tuple[int, float]] = field(default_factory=list)
    rows: list[tuple[int, int]] = field(default_factory=list)
    crest: Crest = field(default_factory=Crest)
    coming: float = 0.0
    full_ns: float = 0.0
    middle_coming: float = 0.0
    middle_ns: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    _middle_at: int = 0
    _reached: int = 0
    _held: float = 0.0
    _longest: dict[int, float] = field(default_factory=dict)  # once asked for, by where from

    @property
    def coming_ns(self) -> float:
        """CPU time of the next collections of older generations, as far as they have come."""
        return self.coming * self.full_ns + self.middle_coming * self.middle_ns

    @property
    def soon_ns(self) -> float:
        """The same, as runs up to half as long again meet them."""
        full = _soon(self.coming, self.counts[OLD]) * self.full_ns
        return full + _soon(self.middle_coming, self.counts[MIDDLE]) * self.middle_ns

    def add(self, turn: Turn) -> None:
        """Add those of a turn."""
        if turn.first < turn.place:
            self._pass_by(turn.first, turn.place, turn.begun)
        if turn.last is not None:
            self._collect(turn.place, turn.held, turn.last)

    def _pass_by(self, first: int, place: int, begun: float) -> None:
        """Add young collections in a row, before which garbage held `begun` blocks."""
        youngs, runs = self.youngs, self.youngs.runs
        self.counts[YOUNG] += place - first
        self.gc_ns += youngs.whole_ns[place] - youngs.whole_ns[first]
        self.rows.append((first, place))
        before = begun - (runs.aged[first] - runs.dying[first])  # that no row tells of
        self._reach(youngs.stops[first], before + runs.aged[first] + runs.held[first])
        top = max(youngs.tops[first + 1 : place], default=-inf)
        if before + top > self.crest.blocks:
            blocks, held = youngs.crest(youngs.tops.index(top, first + 1, place))
            self.crest = Crest(before + blocks, before + held)
        self._reached = youngs.stops[place - 1]
        self._held = before + runs.aged[place - 1]

    def _collect(self, place: int, held: float, collected: Collected) -> None:
        """Add one that is not among those, before which garbage held so many blocks."""
        generation, position = collected.generation, self.youngs.runs.positions[place]
        self.counts[generation] += 1
        took = (
            self.youngs.charge(place) if generation == YOUNG else self._charge(position, *collected)
        )
        self.gc_ns += took.whole_ns
        self._lengthen(position, took.pause_ns)
        self._reach(self.youngs.stops[place], held)
        self._held = self.heap.held_blocks

    def _charge(self, position: int, generation: int, examined: float, freed: float) -> Charge:
        since, self._middle_at = self._middle_at, position
        whole = self.cost.cost_ns(generation, examined, freed)
        if generation == OLD:  # told by its size alone
            return Charge(whole, whole)
        middle = dearness(self.cost, self.stretch, MIDDLE)
        return Charge(whole, whole * middle.between(since, position))

    def _lengthen(self, position: int, pause_ns: float) -> None:
        while self.lengths and self.lengths[-1][1] <= pause_ns:
            self.lengths.pop()
        self.lengths.append((position, pause_ns))

    def _reach(self, stop: int, held: float) -> None:
        """Take note of the blocks since the last collection, up to so many captured ones.

        By now garbage holds so many of them.
        """
        crest = climbed(self.stretch.unheld, (self._reached, stop), (self._held, held))
        self._reached = stop
        if crest.blocks > self.crest.blocks:
            self.crest = crest

    def longest_ns(self, start: int = 0) -> float:
        """CPU time of the longest collection from a position on, once all have been added."""
        if start not in self._longest:
            self._longest[start] = self._longest_from(start)
        return self._longest[start]

    def _longest_from(self, start: int) -> float:
        older = next((whole for position, whole in self.lengths if position >= start), 0.0)
        place = bisect_left(self.youngs.runs.positions, start)
        rows = (slice(max(first, place), end) for first, end in self.rows if end > place)
        young = max((max(self.youngs.pause_ns[row]) for row in rows), default=0.0)
        return max(older, young, _unlike_ns(self.cost, self.stretch, start))

    def end(self) -> None:
        """Close the run."""
        if not self.stretch.live:
            return
        heap, live = self.heap, self.stretch.live[-1]
        self._reach(len(self.stretch.live), heap.held_blocks)
        self.coming = self._progress(heap) - self._progress(self.stretch.heap())
        garbage = sum(heap.garbage)
        self.full_ns = self.cost.cost_ns(OLD, max(0.0, live + garbage - heap.frozen), garbage)
        self.middle_coming = heap.middle_coming(self.thresholds[1])
        self.middle_ns = self.cost.cost_ns(MIDDLE, heap.middle, heap.garbage[MIDDLE])

    def later_blocks(self, more: float, coming: float) -> float:
        """The most that is allocated at once in a run that goes on for `more` times its length.

        Old garbage of `coming` blocks comes with each captured collection, and
        collections come as on average.
        """
        if not self.stretch.live:
            return 0.0
        length = len(self.stretch.timeline)
        held = sum(
            self._piled(generation, span, more * length, coming)
            for generation, span in self._spans(length).items()
        )
        live = self.stretch.timeline.blocks[-1] - self.stretch.held[-1]
        return max(self.crest.blocks, live + held)

    def _piled(self, generation: int, span: float, more: float, coming: float) -> float:
        """Blocks of garbage in a generation at the most: before its next collection, or later."""
        heap = self.heap
        ahead = max(0.0, span - heap.gone(generation, len(self.stretch.timeline)))
        rate = coming * heap.reached(generation)
        soon = heap.held[generation] + rate * min(more, ahead)
        return max(soon, rate * min(span, more - ahead))

    def _spans(self, length: int) -> dict[int, float]:
        """How many captured collections lie between two of generations 1 and 2 on average."""
        old = self.counts[OLD] + self.coming
        middle = self.counts[MIDDLE] + self.counts[OLD] + self.middle_coming
        return {MIDDLE: length / max(middle, _LEAST), OLD: length / max(old, _LEAST)}

    def under(self, thresholds: Thresholds) -> Tally:
        """The same collections under a threshold2 that leads to the same."""
        tally = replace(self, thresholds=thresholds)
        tally.end()
        return tally

    def _progress(self, heap: Heap) -> float:
        _, threshold1, threshold2 = self.thresholds
        return heap.coming(threshold1, threshold2, self.stretch.quarters[-1])


@lru_cache(maxsize=_REMEMBERED)
def _unlike_ns(cost: CostModel, stretch: Stretch, start: int) -> int:
    """CPU time of the longest young collection from a position on that was nothing like the model.

    The counts do not tell what it looks at, so that it comes again at any thresholds.
    """
    samples = stretch.samples[start:]
    return max((one.cpu_ns for one in samples if cost.is_unlike(one)), default=0)


def _soon(coming: float, before: int) -> float:
    """Of a collection that has come so far, what falls on runs of about that length.

    One after others falls on all of them; the first only on those that are long enough.
    """
    return coming if before else max(0.0, 1 - (1 - coming) / (1 - 1 / LONGER_RUN))


class _Replays:
    """Replays of a stretch that differ in threshold2; as few as lead to different collections."""

    def __init__(
        self, cost: CostModel, stretch: Stretch, count1: int, freeze_at: int | None
    ) -> None:
        self._cost, self._stretch = cost, stretch
        self._count1, self._freeze_at = count1, freeze_at
        self._tallies: list[Tally] = []

    def under(self, thresholds: Thresholds) -> Tally:
        """What the collections add up to under thresholds that have the rest in common."""
        for tally in self._tallies:
            if tally.heap.ripe_at <= thresholds[OLD] < tally.heap.full_at:
                return tally.under(thresholds)
        self._tallies.append(self._replayed(thresholds))
        return self._tallies[-1]

    def _replayed(self, thresholds: Thresholds) -> Tally:
        stretch = self._stretch
        youngs = youngs_of(self._cost, stretch, thresholds[YOUNG])
        tally = Tally(youngs, self._cost, stretch, thresholds, stretch.heap_at(self._count1))
        for turn in Replay(youngs.runs, tally.heap, thresholds, self._freeze_at):
            tally.add(turn)
        tally.gc_ns += self._freeze_ns()
        tally.end()
        return tally

    def _freeze_ns(self) -> float:
        """CPU time of the collection before a freeze, in the stretch in which that falls."""
        place, live = self._freeze_at, self._stretch.live
        if not place or place >= len(live):
            return 0.0
        return self._cost.cost_ns(OLD, live[place], 0.0)


def tallied(
    cost: CostModel,
    stretch: Stretch,
    thresholds: Thresholds,
    count1: int,
    freeze_at: int | None = None,
) -> Tally:
    """Replay a stretch from `count1` in generation 1 on, and add up its collections."""
    replays = _replays(cost, stretch, thresholds[:OLD], count1, freeze_at)
    return replays.under(thresholds)


@lru_cache(maxsize=_REMEMBERED)
def _replays(
    cost: CostModel,
    stretch: Stretch,
    younger: tuple[int, ...],  # noqa: ARG001 - the thresholds that they have in common
    count1: int,
    freeze_at: int | None,
) -> _Replays:
    return _Replays(cost, stretch, count1, freeze_at)
