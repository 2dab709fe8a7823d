"""How old cyclic garbage was when it was found: what other thresholds would find when."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from operator import add
from statistics import median
from typing import NamedTuple

from gctune.simulator.columns import Columns
from gctune.simulator.generations import MIDDLE, YOUNG
from gctune.simulator.lives import (
    Alive,
    Evidence,
    Life,
    across,
    alive,
    at_random,
    within,
)

_LATELY = 8  # young collections over which the usual catch is averaged
_RANDOM = 1 / 3  # of a span, how far two random instants of it are apart on average
_ENDING = 0.9  # of the collections of a run: where its end begins
_NEAR = 4  # collections of generation 1 before and after, that find as much of what is in flight


@dataclass
class Garbage:
    """What the captured collections found, by its age.

    `young` was born and died within the climb to a collection. `in_flight` was
    alive at the end of a climb and died soon after it. `old` lived long; since
    the last full collection, as much as it found of late, which are `of_late`
    objects a captured collection, and `on_average` over the run. `rising` is how
    many times as fast they came of late as before.
    """

    young: array[float]
    in_flight: array[float]
    old: list[Life] = field(default_factory=list)
    of_late: float = 0.0
    on_average: float = 0.0
    rising: float = 1.0

    @cached_property
    def by_position(self) -> array[float]:
        """How much young garbage, and in flight, there was in all up to each position."""
        return array("d", accumulate(map(add, self.young, self.in_flight), initial=0.0))

    @cached_property
    def by_death(self) -> tuple[Life, ...]:
        """What lived long, the first to die first."""
        return tuple(sorted(self.old, key=lambda life: life.death))


def ages(columns: Columns, blocks: int, blocks_per_garbage: float) -> Garbage:
    """Part what was collected by its age.

    `blocks` are those allocated before the program, and `blocks_per_garbage`
    what an object frees that a full collection finds.

    What a collection of generation 1 finds beyond the garbage of the last
    climb was in flight at the end of an earlier one, as far as its neighbours
    find as much. As much is in flight at the ends of climbs that generation 1
    collects, and is left to a full collection. What comes in lumps has lived
    longer: a few of many things were made and dropped within one window of
    generation 1. What a full one finds beyond that has lived longer yet.
    """
    parting = _Parting(len(columns), _in_flight(columns))
    rows = zip(columns.generation, columns.collected, columns.after)
    for position, (generation, collected, left) in enumerate(rows):
        parting.see(position, generation, collected, left)
    parting.end(alive(columns, blocks), blocks_per_garbage)
    return parting.garbage


def _in_flight(columns: Columns) -> Iterator[float]:
    """What each collection of generation 1 finds of what is always in flight: as its neighbours."""
    beyond = list(_beyond(columns))
    for place in range(len(beyond)):
        near = beyond[max(0, place - _NEAR) : place + _NEAR + 1]
        yield min(beyond[place], median(near))


def _beyond(columns: Columns) -> Iterator[float]:
    """What each collection of generation 1 finds beyond the usual catch of a young one."""
    usual = 0.0
    for generation, collected in zip(columns.generation, columns.collected):
        if generation == YOUNG:
            usual += (collected - usual) / _LATELY
        elif generation == MIDDLE:
            yield max(0.0, collected - usual)


class _Found(NamedTuple):
    """What a full collection found of what lived long: since when, and where generation 1 ran.

    `left` are the blocks that it left.
    """

    start: int
    middles: tuple[int, ...]
    stop: int
    objects: float
    left: int

    @property
    def rate(self) -> float:
        """What it found, a captured collection."""
        return self.objects / (self.stop - self.start)

    def takes_down(self, *before: _Found) -> bool:
        """Whether a program took down what it had built: more garbage, and a smaller heap."""
        return any(self.objects > each.objects and self.left < each.left for each in before)


class _Parting:
    """Parts the catches of one collection after another.

    `in_flight` is what collections of generation 1 find of what is always in flight.
    """

    def __init__(self, collections: int, in_flight: Iterator[float]) -> None:
        zeros = bytes(8 * collections)
        self.garbage = Garbage(array("d", zeros), array("d", zeros))
        self._in_flight = in_flight
        self._usual = 0.0  # what a young collection found of late
        self._flying = 0.0  # what was in flight at the end of a climb, of late
        self._cycle = self._span = 0  # where the spans of generations 1 and 2 began
        self._middles: list[int] = []  # collections of generation 1 in the span of generation 2
        self._lumps: list[float] = []
        self._found: list[_Found] = []

    def see(self, position: int, generation: int, collected: int, left: int) -> None:
        """Take note of the next collection: what it found, and the old objects that it left."""
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
            self._full(position, ends, collected - own, left)
        self._cycle = position + 1

    def _middle(self, position: int, ends: range, rest: float) -> None:
        flying = next(self._in_flight)
        self._flying = flying / max(1, len(ends))
        self._middles.append(position)
        self._spread([*ends] or [position], flying)
        self._lumps.append(rest - flying)
        if rest > flying:
            self.garbage.old.append(within(self._cycle, position + 1, rest - flying))

    def _full(self, position: int, ends: range, rest: float, left: int) -> None:
        places = [*self._middles, *ends]
        short = min(rest, self._flying * len(places))
        self._spread(places, short)
        if rest > short:
            middles = tuple(self._middles)
            self._found.append(_Found(self._span, middles, position + 1, rest - short, left))
        self._span = position + 1
        self._middles.clear()

    def _spread(self, places: list[int], objects: float) -> None:
        for place in places:
            self.garbage.in_flight[place] += objects / len(places)

    def end(self, alive: Alive, blocks_per_garbage: float) -> None:
        """Give what lived long its lives."""
        if not self._found:
            return
        life = self._evidence(alive, blocks_per_garbage).life
        self._go_on(len(self.garbage.young))
        for found in self._found:
            self.garbage.old.extend(_lives(found, life))

    def _evidence(self, alive: Alive, blocks_per_garbage: float) -> Evidence:
        length = len(self.garbage.young)
        left = sum(found.objects for found in self._found)
        return Evidence(
            alive=alive,
            rate=left * blocks_per_garbage / length,
            window=length / max(1, len(self._lumps)),
            caught=sum(self.garbage.in_flight) + sum(self._lumps),
            left=left,
        )

    def _go_on(self, length: int) -> None:
        """Reckon with as much garbage to the end as was found of late, a captured collection."""
        found, garbage = self._found[:], self.garbage
        if found[-1].stop > _ENDING * length and found[-1].takes_down(*found[-2:-1]):
            found.pop()
        elif len(found) > 2:  # noqa: PLR2004 - the first span has the program's start in it
            garbage.rising = found[-1].rate / found[-2].rate
        last = found[-1]
        garbage.of_late = last.rate
        garbage.on_average = sum(each.objects for each in found) / last.stop
        if self._span < length:
            rest = last.rate * (length - self._span)
            self._found.append(_Found(self._span, tuple(self._middles), length, rest, 0))


def _lives(found: _Found, life: float) -> Iterator[Life]:
    if found.middles and life < _RANDOM * (found.stop - found.start):
        return across(found.middles, life, found.stop, found.objects)
    return at_random(found.start, found.stop, found.objects)
