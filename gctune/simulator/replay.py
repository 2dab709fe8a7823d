"""Replay a stretch under other thresholds, by CPython's own rules."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from gctune.simulator.conduct import Thresholds
from gctune.simulator.flow import Flow
from gctune.simulator.generations import AUTOMATIC
from gctune.simulator.heap import Collected, Heap
from gctune.simulator.runs import Runs


class Turn(NamedTuple):
    """Young collections in a row from the place `first` on, and the one that ends it, if any.

    That is at `place`. Garbage held `begun` blocks before the row, and `held`
    before the last; so much was `in_flight` at its end.
    """

    first: int
    place: int
    begun: float
    held: float = 0.0
    last: Collected | None = None
    in_flight: float = 0.0


class Replay:
    """The collections that `thresholds` would have led to; they move `heap` to the end.

    `runs` are those under the first of them. With `freeze_at` the heap is frozen at the
    first one from that position on.
    """

    def __init__(
        self, runs: Runs, heap: Heap, thresholds: Thresholds, freeze_at: int | None = None
    ) -> None:
        self._runs, self._live, self._quarters = runs, runs.stretch.live, runs.quarters
        self._heap, self._flow = heap, Flow(runs.stretch.timeline, heap)
        _, self._threshold1, self._threshold2 = thresholds
        self._freezes = len(self._runs)  # the place of the collection that a freeze comes after
        if freeze_at is not None:
            self._freezes = bisect_left(self._runs.positions, freeze_at)

    def __iter__(self) -> Iterator[Turn]:
        first = 0
        while first < len(self._runs):
            turn = self._turn(first)
            yield turn
            first = self._after(turn)
        self._flow.arrive(self._runs.arrivals[-1])

    def _turn(self, first: int) -> Turn:
        begun, due = self._heap.held_blocks, self._due(first)
        freezes = first <= self._freezes < due
        place = self._freezes + 1 if freezes else due
        if first < place:
            self._flow.pass_by(self._runs.run(first, place))
        if freezes or place == len(self._runs):
            return Turn(first, place, begun)
        arrival = self._runs.arrivals[place]
        self._flow.arrive(arrival)
        held = self._heap.held_blocks
        generation = self._generation(place)
        in_flight = self._flow.spare(generation, arrival)
        return Turn(first, place, begun, held, self._collect(generation, place), in_flight)

    def _due(self, place: int) -> int:
        """The next place from there on whose collection may be of an older generation."""
        heap, asked = self._heap, self._runs.next_asked(place)
        due = min(asked, place + max(0, self._threshold1 + 1 - heap.count1))
        quarters, ripeness = self._quarters[place:due], heap.ripeness
        if quarters and ripeness >= min(quarters):
            if heap.count2 > self._threshold2:
                return place + next(n for n, each in enumerate(quarters) if ripeness >= each)
            heap.hold_off()
        return due

    def _generation(self, place: int) -> int:
        asked = self._runs.youngs[place].generation
        if asked != AUTOMATIC:
            return asked
        ripe = self._heap.ripeness >= self._quarters[place]
        return self._heap.due(self._threshold1, self._threshold2, ripe)

    def _collect(self, generation: int, place: int) -> Collected:
        position, objects, died, _ = self._runs.youngs[place]
        self._heap.lose(died)
        return self._heap.collect(generation, objects, self._at(position), position)

    def _after(self, turn: Turn) -> int:
        """The place where the next turn begins."""
        after = turn.place
        if turn.last is not None:
            self._flow.land(turn.last.generation, turn.in_flight)
            after += 1
        if turn.first <= self._freezes < after:
            position = self._runs.positions[after - 1]
            self._heap.freeze(self._at(position), position)
        return after

    def _at(self, position: int) -> float:
        return self._live[position - 1] if position else self._live[0]
