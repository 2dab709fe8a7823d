"""CPython's generations as a program fills them, in numbers of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from gctune.simulator.generations import MIDDLE, OLD, YOUNG, needed
from gctune.simulator.lives import Life


class Collected(NamedTuple):
    """One collection: its generation, the objects it looked at, those it freed."""

    generation: int
    examined: float
    collected: float


class Run(NamedTuple):
    """Collections of generation 0 in a row, the last one at a position.

    `joined` objects joined generation 1 less those that died there, which never get it
    below where it would be with `sunk` as it began. `in_flight` garbage joined it,
    too, `lived` was young though it had outlived a climb, and `lives` ended in older generations.
    """

    number: int
    position: int
    joined: float
    sunk: float
    in_flight: float
    in_flight_blocks: float
    lived: float
    lives: Sequence[Life]


def _three() -> list[float]:
    return [0.0, 0.0, 0.0]


@dataclass
class Heap:
    """Counters, survivors and garbage held, by the rules of CPython's gc.c.

    `middle` are the objects of generation 1, garbage included; `pending` those
    that joined generation 2 since the last full collection, and `settled` what
    that one left there. `garbage` and `held` are garbage not yet found, in
    objects and in blocks, by the generation it is in, and `buried` all that lived
    long, by the generation that it died in. `ripe_at` is the highest count of
    generation 2 at which threshold2 alone kept a full collection off, and
    `full_at` the lowest at which one came.
    """

    settled: float
    count1: int
    count2: int
    middle: float = 0.0
    pending: float = 0.0
    frozen: float = 0.0
    frozen_blocks: float = 0.0
    ripe_at: int = 0
    full_at: float = inf
    garbage: list[float] = field(default_factory=_three)
    held: list[float] = field(default_factory=_three)
    buried: list[float] = field(default_factory=_three)
    _since: list[float] = field(default_factory=_three)
    _frozen_at: float = -1.0

    @property
    def held_blocks(self) -> float:
        """Blocks of all garbage that was not yet freed."""
        young, middle, old = self.held
        return young + middle + old + self.frozen_blocks

    def discard(self, generation: int, objects: float, blocks: float) -> None:
        """Some objects of a generation have become garbage."""
        self.garbage[generation] += objects
        self.held[generation] += blocks

    def bury(self, life: Life, blocks: float) -> None:
        """Objects of the past die; where they are follows from what ran since their birth."""
        birth, _, objects = life
        if birth < self._frozen_at:
            self.frozen = max(0.0, self.frozen - objects)
            self.frozen_blocks += blocks
            return
        since = self._since
        generation = YOUNG if birth >= since[YOUNG] else MIDDLE if birth >= since[MIDDLE] else OLD
        self.buried[generation] += objects
        self.discard(generation, objects, blocks)

    def reached(self, generation: int) -> float:
        """The share of the garbage that lived long which died in that generation."""
        return self.buried[generation] / (sum(self.buried) or 1.0)

    def gone(self, generation: int, position: float) -> float:
        """How many captured collections ago generation was last collected."""
        return position - self._since[generation]

    @property
    def ripeness(self) -> float:
        """What joined generation 2 since the last full collection, against what that left."""
        return self.pending / self.settled if self.settled else inf

    def coming(self, threshold1: int, threshold2: int, quarter: float) -> float:
        """How far the next full collection has come, from 0 to 1."""
        counted = (self.count2 + self.middle_coming(threshold1)) / max(1, needed(threshold2))
        return min(1.0, counted, self.ripeness / quarter)

    def middle_coming(self, threshold1: int) -> float:
        """The same of the next one of generation 1: one comes, however far the count is above."""
        return min(1.0, self.count1 / max(1, needed(threshold1)))

    def due(self, threshold1: int, threshold2: int, ripe: bool) -> int:
        """The generation that CPython collects when generation 0 is full.

        `ripe` says that enough is new for a full collection.
        """
        if ripe:
            if self.count2 > threshold2:
                self.full_at = min(self.full_at, self.count2)
                return OLD
            self.hold_off()
        return MIDDLE if self.count1 > threshold1 else YOUNG

    def hold_off(self) -> None:
        """A full collection would come, but for threshold2."""
        self.ripe_at = max(self.ripe_at, self.count2)

    def lose(self, objects: int) -> None:
        """Some of generation 1 die."""
        self.middle = max(0.0, self.middle - objects)

    def collect(self, generation: int, young: float, live: float, position: float) -> Collected:
        """Collect a generation and those younger.

        `young` objects are in generation 0, `live` in the whole heap, garbage
        aside.
        """
        objects = young + (self.middle if generation else 0.0)
        if generation == OLD:
            objects = max(live + sum(self.garbage) - self.frozen, young)
        collected = min(self._free(generation), objects)
        self._promote(generation, objects - collected)
        self._since[: generation + 1] = [position] * (generation + 1)
        return Collected(generation, objects, collected)

    def collect_young(self, run: Run) -> None:
        """Collect generation 0 alone, again and again: in one step, as most collections do."""
        self._since[YOUNG] = run.position
        self.middle = run.joined + max(self.middle, run.sunk)
        self.count1 += run.number
        self.buried[YOUNG] += run.lived
        self.discard(MIDDLE, run.in_flight, run.in_flight_blocks)

    def freeze(self, live: float, position: float) -> None:
        """Put everything out of reach of later collections, garbage with it."""
        self.frozen = live
        self.frozen_blocks += sum(self.held)
        self.garbage, self.held = _three(), _three()
        self.middle = 0.0
        self.count1 = self.count2 = 0
        self._since = [position] * 3
        self._frozen_at = position

    def _promote(self, generation: int, survivors: float) -> None:
        if generation == YOUNG:
            self.middle += survivors
            self.count1 += 1
        elif generation == MIDDLE:
            self.pending += survivors
            self.middle, self.count1 = 0.0, 0
            self.count2 += 1
        else:
            self.settled = survivors
            self.middle = self.pending = 0.0
            self.count1 = self.count2 = 0

    def _free(self, generation: int) -> float:
        freed = 0.0
        for each in range(generation + 1):
            freed += self.garbage[each]
            self.garbage[each] = self.held[each] = 0.0
        return freed
