"""What a program did to the collector's counters, one entry a captured collection."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gctune.simulator.columns import Columns
from gctune.simulator.conduct import Thresholds
from gctune.simulator.descent import descents
from gctune.simulator.garbage import Garbage, ages
from gctune.simulator.generations import AUTOMATIC, OLD, YOUNG

# CPython keeps up to 80 freed lists and 80 freed dicts, and does not count those
# that it takes back from there (Objects/listobject.c, dictobject.c). Tuples have
# longer free lists yet, and are seldom part of garbage.
_FREE_LISTS = 160
_LISTS_AND_DICTS = 0.5  # of what is collected, about: an instance or a list with its dict
_TELLING = 1000  # objects in a full collection, so that emptied free lists do not count
_BLOCKS_PER_GARBAGE = 2.0  # an object and its dict, say; where nothing was seen freed


@dataclass(frozen=True)
class Start:
    """Where a timeline begins: the heap and the collector's counters.

    `objects` are tracked and `blocks` allocated, `blocks_before` before the
    program. `settled` is the number of objects that the last full collection left.
    """

    objects: int
    blocks: int
    blocks_before: int
    settled: float


@dataclass(frozen=True, eq=False)
class Timeline:
    """Columns with an entry each captured collection, oldest first.

    `climbs` is the count of generation 0 that led to it, `steps` the part of
    it that came at once, by an allocation in bulk; `descents` what died before
    the climb began. `explicit` is the generation of a gc.collect() of the
    program's own, else AUTOMATIC. `objects` are those alive or garbage, and
    `blocks` those allocated, at the end of the climb. `reused` are containers
    from the free lists that the collection before had filled, which no count
    saw. `blocks_per_garbage` is what an object frees that is collected young,
    and by a full collection.
    """

    columns: Columns
    climbs: array[int]
    steps: array[int]
    descents: array[int]
    reused: array[int]
    explicit: array[int]
    called: array[int]
    blocks: array[int]
    garbage: Garbage
    blocks_per_object: float
    blocks_per_garbage: tuple[float, float]

    def __len__(self) -> int:
        return len(self.climbs)

    def live(self, position: int, held_blocks: float) -> float:
        """The objects alive at the end of a climb, with so many blocks held by garbage.

        The blocks tell, with as many an object as when recording began. The counts
        do not: they take what the collector lets go of, tuples and dicts that refer
        to nothing it cares for, for objects, and miss what dies while they are 0.
        """
        return max(0.0, self.blocks[position] - held_blocks) / self.blocks_per_object


def build(columns: Columns, thresholds: Sequence[Thresholds], start: Start) -> Timeline:
    """Make the timeline of what was captured from `start` on.

    `thresholds` are those in force at each collection.
    """
    ratios = _blocks_per_garbage(columns)
    return Timeline(
        columns=columns,
        climbs=columns.count0,
        steps=array("q", map(_step, columns.count0, thresholds)),
        descents=descents(columns, start.blocks, ratios[0]),
        reused=_reused(columns),
        explicit=_explicit(columns, thresholds),
        called=array("b", (two > most for two, (_, _, most) in zip(columns.count2, thresholds))),
        blocks=array("q", _known_blocks(columns, start.blocks)),
        garbage=ages(columns, start.blocks_before, ratios[1]),
        blocks_per_object=start.blocks / max(1, start.objects),
        blocks_per_garbage=ratios,
    )


def _step(count: int, thresholds: Thresholds) -> int:
    return max(0, count - max(0, thresholds[0]))


def reusable(collected: float) -> int:
    """How many objects of those collected wait in free lists to be used again."""
    return int(min(collected * _LISTS_AND_DICTS, _FREE_LISTS))


def _reused(columns: Columns) -> array[int]:
    """What each climb took from the free lists; a full collection empties them."""
    filled = (
        0 if generation == OLD else reusable(collected)
        for generation, collected in zip(columns.generation, columns.collected)
    )
    return array("q", [0, *filled])[: len(columns)]


def _explicit(columns: Columns, thresholds: Sequence[Thresholds]) -> array[int]:
    """A collection that the counts do not account for was asked for by the program."""
    counts = zip(columns.count0, columns.count1, columns.count2)
    return array(
        "b",
        (
            AUTOMATIC if _accounted(own, count, limit) else own
            for own, count, limit in zip(columns.generation, counts, thresholds)
        ),
    )


def _accounted(own: int, count: tuple[int, int, int], limit: Thresholds) -> bool:
    """Whether the collector's rules lead to a collection of generation `own`.

    From 3.12 on it waits for the interpreter's next check; meanwhile deaths may
    take the count of generation 0 below its threshold again, though not far.
    """
    if not limit[YOUNG]:  # which turns collections off
        return False
    return count[own] > limit[own] and count[YOUNG] > limit[YOUNG] // 2


def _blocks_per_garbage(columns: Columns) -> tuple[float, float]:
    """Blocks that a collected object frees, its own and what only it held: young and old.

    A young one often frees none: lists, dicts and tuples go to free lists,
    which full collections empty.
    """
    freed, objects = [0, 0], [0, 0]
    rows = zip(columns.generation, columns.before, columns.after, columns.collected)
    for generation, before, after, collected in rows:
        full = generation == OLD
        if before > after > 0 and collected > (_TELLING if full else 0):
            freed[full] += before - after
            objects[full] += collected
    young = freed[0] / objects[0] if objects[0] else _BLOCKS_PER_GARBAGE
    old = freed[1] / objects[1] if objects[1] else max(young, _BLOCKS_PER_GARBAGE)
    return young, old


def _known_blocks(columns: Columns, known: int) -> Iterator[int]:
    """The blocks at each collection, as the last one read left them where they were not read."""
    for before, after in zip(columns.before, columns.after):
        yield before or known
        known = after or known
