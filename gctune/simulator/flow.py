"""Garbage on its way into a heap, and through its generations."""

from __future__ import annotations

from collections.abc import Sequence

from gctune.simulator.arrivals import Arrival
from gctune.simulator.generations import MIDDLE, OLD, YOUNG
from gctune.simulator.heap import Heap, Run
from gctune.simulator.lives import Life
from gctune.simulator.timeline import Timeline


class Flow:
    """Garbage as it comes into a heap, by what a timeline tells of its blocks."""

    def __init__(self, timeline: Timeline, heap: Heap) -> None:
        self._heap = heap
        self._young_ratio, self._old_ratio = timeline.blocks_per_garbage

    def pass_by(self, run: Run) -> None:
        """Have young collections come in a row."""
        self._heap.collect_young(run)
        self._bury(run.lives)

    def arrive(self, arrival: Arrival) -> None:
        """Have what has become garbage be that."""
        self._heap.discard(YOUNG, arrival.young, arrival.young * self._young_ratio)
        self._bury(arrival.lives)

    def _bury(self, lives: Sequence[Life]) -> None:
        for life in lives:
            self._heap.bury(life, life.objects * self._old_ratio)

    def spare(self, generation: int, arrival: Arrival) -> float:
        """What is in flight at the end of a collection.

        After short climbs some of it has got into generation 1 before.
        """
        if generation == YOUNG:
            return arrival.in_flight
        before = max(0.0, arrival.climbing - arrival.in_flight)
        promoted = min(before, self._heap.garbage[MIDDLE])
        self._heap.discard(MIDDLE, -promoted, -promoted * self._young_ratio)
        return arrival.in_flight + promoted

    def land(self, generation: int, in_flight: float) -> None:
        """What was in flight has been promoted by a collection of `generation`, and dies."""
        if in_flight:
            blocks = in_flight * self._young_ratio
            self._heap.discard(min(generation + 1, OLD), in_flight, blocks)
