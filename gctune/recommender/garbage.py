"""How old cyclic garbage was when it was found: what other thresholds would find when."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from operator import add
from typing import NamedTuple

from gctune.recommender.columns import Columns
from gctune.recommender.generations import MIDDLE, YOUNG

_LATELY = 8  # young collections over which the usual catch is averaged
_PIECES = 4  # parts of the span before a full collection, for the lives of its garbage


class Life(NamedTuple):
    """Objects that lived long before they became garbage; positions in the timeline."""

    birth: float
    death: float
    objects: float


@dataclass
class Garbage:
    """What the captured collections found, by its age.

    `young` was born and died within the climb to a collection. `in_flight` was
    alive at the end of a climb and died soon after it. `old` lived long.
    """

    young: array[float]
    in_flight: array[float]
    old: list[Life] = field(default_factory=list)

    @cached_property
    def by_position(self) -> array[float]:
        """How much young garbage, and in flight, there was in all up to each position."""
        return array("d", accumulate(map(add, self.young, self.in_flight), initial=0.0))

    @cached_property
    def latest_first(self) -> tuple[Life, ...]:
        """What lived long, the last to die first."""
        return tuple(sorted(self.old, key=lambda life: life.death, reverse=True))


def ages(columns: Columns) -> Garbage:
    """Part what was collected by its age.

    What a collection of generation 1 finds beyond the garbage of the last
    climb was in flight at the end of an earlier one. As much is in flight at
    the ends of climbs that generation 1 collects, and is left to a full
    collection; what a full one finds beyond that has lived long.
    """
    parting = _Parting(len(columns))
    for position, (generation, collected) in enumerate(zip(columns.generation, columns.collected)):
        parting.see(position, generation, collected)
    return parting.garbage


class _Parting:
    """Parts the catches of one collection after another."""

    def __init__(self, collections: int) -> None:
        zeros = bytes(8 * collections)
        self.garbage = Garbage(array("d", zeros), array("d", zeros))
        self._usual = 0.0  # what a young collection found of late
        self._flying = 0.0  # what was in flight at the end of a climb, of late
        self._cycle = self._span = 0  # where the spans of generations 1 and 2 began
        self._middles: list[int] = []  # collections of generation 1 in the span of generation 2

    def see(self, position: int, generation: int, collected: int) -> None:
        if generation == YOUNG:
            self._usual += (collected - self._usual) / _LATELY
            self.garbage.young[position] = collected
            return
        own = min(float(collected), self._usual)
        self.garbage.young[position] = own
        ends = range(self._cycle, position)
        if generation == MIDDLE:
            self._middle(position, ends, collected - own)
        else:
            self._full(position, ends, collected - own)
        self._cycle = position + 1

    def _middle(self, position: int, ends: range, rest: float) -> None:
        self._flying = rest / max(1, len(ends))
        self._middles.append(position)
        self._spread([*ends] or [position], rest)

    def _full(self, position: int, ends: range, rest: float) -> None:
        places = [*self._middles, *ends]
        short = min(rest, self._flying * len(places))
        self._spread(places, short)
        self.garbage.old.extend(_lives(self._span, position + 1, rest - short))
        self._span = position + 1
        self._middles.clear()

    def _spread(self, places: list[int], objects: float) -> None:
        for place in places:
            self.garbage.in_flight[place] += objects / len(places)


def _lives(start: int, stop: int, objects: float) -> Iterator[Life]:
    """Lives of objects that were born and died between `start` and `stop`.

    Two random instants of a span lie at a third and two thirds of it on
    average; a long span is parted first.
    """
    if objects <= 0:
        return
    length = (stop - start) / _PIECES
    for first in range(_PIECES):
        yield Life(
            start + length * (first + 1 / 3),
            start + length * (first + 2 / 3),
            objects / _PIECES**2,
        )
        for second in range(first + 1, _PIECES):
            yield Life(
                start + length * (first + 1 / 2),
                start + length * (second + 1 / 2),
                2 * objects / _PIECES**2,
            )
