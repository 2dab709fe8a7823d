"""The parts of a captured run that are replayed: the whole, or samples of a long one."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import sub

from gctune.simulator.columns import Columns
from gctune.simulator.conduct import Thresholds
from gctune.simulator.cost import Sample
from gctune.simulator.heap import Heap
from gctune.simulator.quarter import Seen, quarters
from gctune.simulator.recapture import recapture
from gctune.simulator.timeline import Start, Timeline, build

# Replays take a few microseconds a collection, and some sixty are made. Of a
# long run, evenly spaced stretches stand for the whole; at the default
# thresholds each holds two full collections or more.
_MOST = 4096
_STRETCHES = 4


@dataclass(frozen=True, eq=False)
class Stretch:
    """A part of a run from `start` on, with the sizes that the collector's rules give its heap.

    `live` are the objects alive and `held` the blocks held by garbage at each
    captured collection, `quarters` how ripe the heap had to be for a full one,
    `samples` what each of them did.
    """

    timeline: Timeline
    start: Start
    live: array[float]
    held: array[float]
    quarters: array[float]
    samples: tuple[Sample, ...]

    @cached_property
    def unheld(self) -> array[float]:
        """The blocks at each captured collection that garbage did not hold."""
        return array("d", map(sub, self.timeline.blocks, self.held))

    def heap(self) -> Heap:
        """The collector's counters as the captured stretch began."""
        columns, settled = self.timeline.columns, self.start.settled
        if not columns:
            return Heap(settled, 0, 0)
        count1, count2 = columns.count1[0], columns.count2[0]
        return Heap(settled, count1, count2, float(self._middle(count1, count2)))

    def _middle(self, count1: int, count2: int) -> int:
        """The objects that generation 1 begins with: all, where none older was collected yet."""
        objects = self.start.objects
        if count1 and not count2 and not self.start.settled:
            return objects
        return min(objects, count1 * self.timeline.columns.count0[0])

    def heap_at(self, count1: int) -> Heap:
        """The same with another count of generation 1, as in another run, and what goes with it."""
        heap = self.heap()
        middle = heap.middle * count1 / max(heap.count1, count1, 1)
        return replace(heap, count1=count1, middle=middle)


InForce = Callable[[Columns], Sequence[Thresholds]]


def stretches(columns: Columns, in_force: InForce, start: Start) -> Iterator[Stretch]:
    """Cut out what is to be replayed; `in_force` tells the thresholds at each collection."""
    if len(columns) <= _MOST:
        yield _stretch(columns, in_force(columns), start)
        return
    length = _MOST // _STRETCHES
    for number in range(_STRETCHES):
        first = (len(columns) - length) * number // (_STRETCHES - 1)
        part = columns.part(first, first + length)
        blocks = next(filter(None, part.before), start.blocks)
        objects = max(1, round(start.objects * blocks / max(1, start.blocks)))
        yield _stretch(
            part,
            in_force(part),
            start if number == 0 else Start(objects, blocks, start.blocks, float(objects)),
        )


def _stretch(columns: Columns, thresholds: Sequence[Thresholds], start: Start) -> Stretch:
    timeline = build(columns, thresholds, start)
    stretch = Stretch(timeline, start, array("d"), array("d"), array("d"), ())
    steps = list(recapture(timeline, stretch.heap()))
    return Stretch(
        timeline=timeline,
        start=start,
        live=array("d", (step.live for step in steps)),
        held=array("d", (step.held_blocks for step in steps)),
        quarters=quarters(
            Seen(step.collected.generation, asked, called, step.ripeness)
            for step, asked, called in zip(steps, timeline.explicit, timeline.called)
        ),
        samples=tuple(
            Sample(step.collected.generation, step.collected.examined, *rest)
            for step, *rest in zip(steps, columns.collected, columns.cpu_ns, columns.weights)
        ),
    )
