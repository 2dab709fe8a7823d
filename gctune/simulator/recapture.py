"""The captured collections once more: what CPython's rules tell of them that was not captured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gctune.simulator.arrivals import Climbs, captured_collections
from gctune.simulator.flow import Flow
from gctune.simulator.heap import Collected, Heap
from gctune.simulator.timeline import Timeline


class Step(NamedTuple):
    """One collection, and just before it the live objects and the blocks that garbage held.

    `ripeness` is that of the heap for a full collection.
    """

    position: int
    live: float
    held_blocks: float
    ripeness: float
    collected: Collected


def recapture(timeline: Timeline, heap: Heap) -> Iterator[Step]:
    """Yield the captured collections, with the sizes that the same rules give them."""
    climbs, flow = Climbs(timeline), Flow(timeline, heap)
    for position, objects, died, generation in captured_collections(timeline):
        arrival = climbs.advance(position, objects)
        flow.arrive(arrival)
        heap.lose(died)
        held, ripe = heap.held_blocks, heap.ripeness
        live = timeline.live(position - 1, held)
        yield Step(position, live, held, ripe, heap.collect(generation, objects, live, position))
        flow.land(generation, arrival.in_flight)
