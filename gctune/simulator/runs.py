"""Runs of young collections: what those between two older ones come to, at once.

Whatever the other thresholds are, a young collection looks at the same objects and
finds the same, as every collection takes all of generation 0. So what a run of them
leaves to older generations is told by sums, which are made once for each threshold0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from gctune.simulator.arrivals import Arrival, arrivals, young_collections
from gctune.simulator.generations import AUTOMATIC
from gctune.simulator.heap import Run
from gctune.simulator.lives import Life
from gctune.simulator.stretch import Stretch


class _Met(NamedTuple):
    """What a collection meets: `found` garbage in generation 0, in `blocks`.

    So much of that has `lived` longer than the climb; `older` lives have ended in older
    generations.
    """

    found: float
    blocks: float
    lived: float
    older: tuple[Life, ...]


class Runs:
    """The collections under a threshold0, each at its place in their order, and runs of them.

    `positions` are captured collections gone by, `quarters` how ripe the heap has to be about
    there for a full one.
    `freed` are the objects that each frees where it is young, and `held` the blocks
    of what young garbage it meets. `aged` are the blocks of the garbage that older
    generations get before it, of what is in flight and of what dies there, were it
    never found; they get those of `dying` at the last.
    """

    def __init__(self, stretch: Stretch, threshold0: int) -> None:
        self.stretch, timeline = stretch, stretch.timeline
        last = len(stretch.quarters) - 1
        self.youngs = youngs = list(young_collections(timeline, threshold0))
        self.arrivals = list(arrivals(timeline, youngs))
        self.positions = [young.position for young in youngs]
        self.quarters = [stretch.quarters[min(each, last)] for each in self.positions]
        ratios = self._young_ratio, old_ratio = timeline.blocks_per_garbage
        sinces = [0, *self.positions]
        met = [_met(*each, ratios) for each in zip(self.arrivals[: len(youngs)], sinces)]
        self.freed = [min(one.found, young.objects) for one, young in zip(met, youngs)]
        self.held = [one.blocks for one in met]
        self.dying = [sum(life.objects for life in one.older) * old_ratio for one in met]
        landing = (arrival.in_flight * self._young_ratio for arrival in self.arrivals)
        landed = [0.0, *accumulate(landing)]
        self.aged = [before + died for before, died in zip(landed, accumulate(self.dying))]
        self._asked = [place for place, one in enumerate(youngs) if one.generation != AUTOMATIC]
        self._lives = [life for one in met for life in one.older]
        self._gone = list(accumulate((len(one.older) for one in met), initial=0))
        self._lived = _sums(one.lived for one in met)
        self._in_flight = _sums(arrival.in_flight for arrival in self.arrivals)
        stays = (young.objects - freed for young, freed in zip(youngs, self.freed))
        self._joined = _sums(stay - young.died for stay, young in zip(stays, youngs))
        self._sunk = [joined - young.died for joined, young in zip(self._joined, youngs)]

    def __len__(self) -> int:
        return len(self.youngs)

    def next_asked(self, place: int) -> int:
        """The place of the next collection that the program asks for, or the end."""
        later = bisect_left(self._asked, place)
        return self._asked[later] if later < len(self._asked) else len(self)

    def run(self, start: int, stop: int) -> Run:
        """The collections from a place to before another."""
        joined, in_flight, gone = self._joined, self._in_flight, self._gone
        flying = in_flight[stop] - in_flight[start]
        return Run(
            number=stop - start,
            position=self.positions[stop - 1],
            joined=joined[stop] - joined[start],
            sunk=joined[start] - min(self._sunk[start:stop]),
            in_flight=flying,
            in_flight_blocks=flying * self._young_ratio,
            lived=self._lived[stop] - self._lived[start],
            lives=self._lives[gone[start] : gone[stop]],
        )


def _met(arrival: Arrival, since: int, ratios: tuple[float, float]) -> _Met:
    young_ratio, old_ratio = ratios
    if not arrival.lives:  # mostly
        return _Met(arrival.young, arrival.young * young_ratio, 0.0, ())
    lived = sum(life.objects for life in arrival.lives if life.birth >= since)
    older = tuple(life for life in arrival.lives if life.birth < since)
    blocks = arrival.young * young_ratio + lived * old_ratio
    return _Met(arrival.young + lived, blocks, lived, older)


def _sums(each: Iterable[float]) -> list[float]:
    return list(accumulate(each, initial=0.0))
