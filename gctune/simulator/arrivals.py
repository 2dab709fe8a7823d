"""What comes before each collection: how full generation 0 is, and what becomes garbage."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from gctune.simulator.generations import AUTOMATIC, highest
from gctune.simulator.lives import Life
from gctune.simulator.timeline import Timeline, reusable


class Young(NamedTuple):
    """Generation 0 is full, or the program asks for a collection.

    `position` is the number of captured collections gone by, `objects` are in
    generation 0, `died` those of older generations that died since the last;
    `generation` is what the program asks for, or AUTOMATIC.
    """

    position: int
    objects: int
    died: int
    generation: int


class Arrival(NamedTuple):
    """What becomes garbage before a collection, whatever collections came before.

    So many objects of `young` have, since the last one; `in_flight` are those that
    do right after, of the `climbing` ones that do with the climb; `lives` have ended.
    """

    young: float
    in_flight: float
    climbing: float
    lives: tuple[Life, ...]


def young_collections(timeline: Timeline, threshold0: int) -> Iterator[Young]:
    """When the count of generation 0 passes `threshold0`, whatever the other thresholds.

    An allocation in bulk is one step: the collection waits until it is over.
    """
    counter, most = Counter(), highest(threshold0)
    rows = zip(count(), timeline.climbs, timeline.steps, timeline.descents, timeline.explicit)
    unseen = zip(timeline.reused, timeline.garbage.young, timeline.garbage.in_flight)
    for (position, climb, step, descent, asked), (reused, dead, in_flight) in zip(rows, unseen):
        counter.fall(descent)
        counter.climb(climb - step + reused)
        while counter.level > most:
            yield counter.collected(position, most + 1, AUTOMATIC)
        counter.level += step
        counter.garbage += dead
        if counter.level > most or asked != AUTOMATIC:
            yield counter.collected(position + 1, counter.level, asked)
        else:
            counter.garbage += in_flight


class Counter:
    """The count of generation 0, and what it does not see."""

    __slots__ = ("died", "free", "garbage", "level")

    def __init__(self) -> None:
        self.level = self.died = self.free = 0
        self.garbage = 0.0

    def fall(self, containers: int) -> None:
        """Containers die; those beyond the count are of older generations."""
        self.level -= containers
        if self.level < 0:
            self.died -= self.level
            self.level = 0

    def climb(self, containers: int) -> None:
        """Containers are made, from the free lists as long as these last."""
        used = min(self.free, containers)
        self.free -= used
        self.level += containers - used

    def collected(self, position: int, objects: int, generation: int) -> Young:
        """A collection comes, with `objects` in the generation."""
        young = Young(position, objects, self.died, generation)
        self.level -= objects
        self.free = reusable(self.garbage)
        self.died, self.garbage = 0, 0.0
        return young


def arrivals(timeline: Timeline, youngs: Iterable[Young]) -> Iterator[Arrival]:
    """What becomes garbage before each of the young collections, and by the end."""
    climbs = Climbs(timeline)
    for young in youngs:
        yield climbs.advance(young.position, young.objects)
    yield climbs.advance(len(timeline))


def captured_collections(timeline: Timeline) -> Iterator[Young]:
    """The collections as they were captured, each of its own generation."""
    rows = zip(count(1), timeline.climbs, timeline.descents, timeline.columns.generation)
    for position, climb, descent, generation in rows:
        yield Young(position, climb, descent, generation)


class Climbs:
    """Garbage as it arises along a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        garbage = timeline.garbage
        self._climbs = timeline.climbs
        self._in_flight = garbage.in_flight
        self._young = garbage.by_position
        self._lives, self._ended = garbage.by_death, 0
        self._deaths = [life.death for life in self._lives]
        self._position = 0
        self._arisen = 0.0  # of the climb that is under way

    def advance(self, position: int, objects: int = 0) -> Arrival:
        """Let the garbage up to `position` arise.

        A collection of `objects` within a climb, as there was none in the captured
        run, meets their share of its garbage.
        """
        last, self._position = self._position, position
        if position > last:
            arisen = max(0.0, self._young[position] - self._young[last] - self._arisen)
            in_flight, self._arisen = min(self._in_flight[position - 1], arisen), 0.0
        else:
            arisen, in_flight = self._within(position, objects)
            self._arisen += arisen
        ended, self._ended = self._ended, bisect_right(self._deaths, position, self._ended)
        lives = self._lives[ended : self._ended]
        return Arrival(arisen - in_flight, in_flight, self._climbing(position), lives)

    def _within(self, position: int, objects: int) -> tuple[float, float]:
        """Of the garbage of a climb, what arises with so many objects, and is then in flight."""
        if position >= len(self._in_flight):
            return 0.0, 0.0
        share = min(1.0, objects / max(1, self._climbs[position]))
        arisen = share * (self._young[position + 1] - self._young[position])
        return arisen, min(self._in_flight[position], arisen)

    def _climbing(self, position: int) -> float:
        """What is in flight in all at the climb that begins there, or at the last."""
        places = len(self._in_flight)
        return self._in_flight[min(position, places - 1)] if places else 0.0
