"""How old cyclic garbage was when it was found: what other thresholds would find when."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import inf
from operator import add
from statistics import median
from typing import NamedTuple

from gctune.recommender.columns import Columns
from gctune.recommender.generations import MIDDLE, OLD, YOUNG

_LATELY = 8  # young collections over which the usual catch is averaged
_PIECES = 4  # parts of the span before a full collection, for lives that nothing tells
_RANDOM = 1 / 3  # of a span, how far two random instants of it are apart on average
_TELLING = 4  # full collections that tell how long what comes and goes has lived
# Things that one is made of while the last is still alive, again and again, are
# one to two alive at a time.
_ALIVE = 1.5
_SPREAD = (2 / 3, 1.0, 4 / 3)  # times the mean: from one period of making them to two
_LONGEST = 4 / 3  # windows, that a life may last of which they catch enough to tell
_ENDING = 0.9  # of the collections of a run: where its end begins
_NEAR = 4  # collections of generation 1 before and after, that find as much of what is in flight
_HALVINGS = 20  # of a range, to a millionth of it


class Life(NamedTuple):
    """Objects that lived long before they became garbage; positions in the timeline."""

    birth: float
    death: float
    objects: float


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
    def latest_first(self) -> tuple[Life, ...]:
        """What lived long, the last to die first."""
        return tuple(sorted(self.old, key=lambda life: life.death, reverse=True))


def ages(columns: Columns, blocks_per_garbage: float) -> Garbage:
    """Part what was collected by its age.

    `blocks_per_garbage` is what an object frees that a full collection finds.

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
    parting.end(_by_turns(columns, blocks_per_garbage))
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


def _by_turns(columns: Columns, blocks_per_garbage: float) -> float:
    """How long garbage of full collections lived on average, in collections, by Little's law.

    As much as comes and goes is alive by turns, so the blocks that full
    collections leave tell how much that is; where the heap grows, too much.
    """
    full = [place for place, generation in enumerate(columns.generation) if generation == OLD]
    left = [columns.after[place] for place in full if columns.after[place]]
    found = sum(columns.collected[place] for place in full)
    if len(left) < _TELLING or not found:
        return inf
    # Of an even spread, the expected distance of the ends of a sample is shorter.
    by_turns = (max(left) - min(left)) * (len(left) + 1) / (len(left) - 1)
    return _ALIVE * by_turns / blocks_per_garbage * len(columns) / found


class _Told(NamedTuple):
    """What windows tell: how long garbage of full collections lived, and what share of it."""

    life: float
    share: float


def _by_windows(lumps: Sequence[float], young: float, left: float, window: float) -> _Told:
    """What windows of generation 1 tell by what they caught, in `lumps`, and `left`.

    A window catches what is born and dies within it: of things that live
    `life`, made at any time, 1 - life / window. Where they caught less than of
    the longest lives that they tell of, some of what they left is such, and
    nothing tells of the rest. The greatest lump may be of another kind; so may be
    as much as generation 0 caught, in `young`, which such things outlive.
    """
    caught = sum(lumps) - max(lumps, default=0.0) - young
    if caught <= 0:
        return _Told(window, 0.0)
    missed = left / (caught + left)
    alike = caught / (caught + left) / (1 - _missed(_LONGEST))
    return _Told(window * _solved(missed), min(1.0, alike))


def _missed(life: float) -> float:
    """The share that windows miss of what lives `life` times as long as one."""
    return sum(min(1.0, spread * life) for spread in _SPREAD) / len(_SPREAD)


def _solved(missed: float) -> float:
    """Times the window, the life of which windows miss that share, as far as they tell."""
    low, high = 0.0, _LONGEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _missed(middle) < missed else (low, middle)
    return high


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
            self.garbage.old.append(_within(self._cycle, position + 1, rest - flying))

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

    def end(self, by_turns: float) -> None:
        """Give what lived long its lives: `by_turns`, or where that is too long as windows tell."""
        whole = sum(found.objects for found in self._found)
        length = len(self.garbage.young)
        window = length / max(1, len(self._lumps))
        told = _by_windows(self._lumps, sum(self.garbage.young), whole, window)
        tells = by_turns > _RANDOM * length / max(1, len(self._found))
        share = told.share if tells and len(self._found) >= _TELLING else 0.0
        if whole:
            self._go_on(length)
        for found in self._found:
            self.garbage.old.extend(_lives(found, told.life, share))
            self.garbage.old.extend(_lives(found, by_turns, 1 - share))

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


def _lives(found: _Found, life: float, share: float) -> Iterator[Life]:
    if not share:
        return iter(())
    if found.middles and life < _RANDOM * (found.stop - found.start):
        return _across(found.middles, life, found.stop, share * found.objects)
    return _random(found.start, found.stop, share * found.objects)


def _within(start: int, stop: int, objects: float) -> Life:
    """The life of what was born and died in a window: two instants of it, on average."""
    third = (stop - start) / 3
    return Life(start + third, stop - third, objects)


def _across(places: tuple[int, ...], life: float, stop: int, objects: float) -> Iterator[Life]:
    """Lives across the collections of generation 1 that took them to generation 2."""
    share = objects / len(places) / len(_SPREAD)
    for place in places:
        for half in (life * spread / 2 for spread in _SPREAD):
            yield Life(place + 1 - half, min(place + 1 + half, stop), share)


def _random(start: int, stop: int, objects: float) -> Iterator[Life]:
    """Lives of objects that were born and died between `start` and `stop`.

    Two random instants of a span lie at a third and two thirds of it on
    average; a long span is parted first.
    """
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
