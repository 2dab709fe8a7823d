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
from gctune.recommender.generations import MIDDLE, OLD, YOUNG

_LATELY = 8  # young collections over which the usual catch is averaged
_PIECES = 4  # parts of the span before a full collection, for lives that nothing tells
_RANDOM = 1 / 3  # of a span, how far two random instants of it are apart on average
_SPREAD = (0.5, 1.0, 1.5)  # times the mean, the lives that stand for all
_TELLING = 4  # full collections that tell how much of the heap comes and goes
# Things that one is made of while the last is still alive, again and again, are
# one to two alive at a time.
_ALIVE = 1.5


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


def ages(columns: Columns, blocks_per_garbage: float) -> Garbage:
    """Part what was collected by its age.

    `blocks_per_garbage` is what an object frees that a full collection finds.

    What a collection of generation 1 finds beyond the garbage of the last
    climb was in flight at the end of an earlier one. As much is in flight at
    the ends of climbs that generation 1 collects, and is left to a full
    collection; what a full one finds beyond that has lived long.
    """
    parting = _Parting(len(columns), _life(columns, blocks_per_garbage))
    for position, (generation, collected) in enumerate(zip(columns.generation, columns.collected)):
        parting.see(position, generation, collected)
    return parting.garbage


def _life(columns: Columns, blocks_per_garbage: float) -> float:
    """How long garbage of full collections lived on average, in collections, by Little's law.

    As much as comes and goes is alive by turns, so the blocks that full
    collections leave tell how much that is; where the heap grows, too much.
    """
    full = [place for place, generation in enumerate(columns.generation) if generation == OLD]
    left = [columns.after[place] for place in full if columns.after[place]]
    found = sum(columns.collected[place] for place in full)
    if len(left) < _TELLING or not found:
        return float("inf")
    # Of an even spread, the expected distance of the ends of a sample is shorter.
    by_turns = (max(left) - min(left)) * (len(left) + 1) / (len(left) - 1)
    return _ALIVE * by_turns / blocks_per_garbage * len(columns) / found


class _Parting:
    """Parts the catches of one collection after another."""

    def __init__(self, collections: int, life: float) -> None:
        self._life = life
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
        self.garbage.old.extend(self._lives(position + 1, rest - short))
        self._span = position + 1
        self._middles.clear()

    def _spread(self, places: list[int], objects: float) -> None:
        for place in places:
            self.garbage.in_flight[place] += objects / len(places)

    def _lives(self, stop: int, objects: float) -> Iterator[Life]:
        if self._middles and self._life < _RANDOM * (stop - self._span):
            return _across(self._middles, self._life, stop, objects)
        return _random(self._span, stop, objects)


def _across(places: list[int], life: float, stop: int, objects: float) -> Iterator[Life]:
    """Lives across the collections of generation 1 that took them to generation 2."""
    share = objects / len(places) / len(_SPREAD)
    for place in places if objects > 0 else ():
        for half in (life * spread / 2 for spread in _SPREAD):
            yield Life(place + 1 - half, min(place + 1 + half, stop), share)


def _random(start: int, stop: int, objects: float) -> Iterator[Life]:
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
