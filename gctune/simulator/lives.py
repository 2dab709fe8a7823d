"""How long objects lived that were found as garbage, in captured collections."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from statistics import fmean
from typing import NamedTuple

from gctune.simulator.columns import Columns
from gctune.simulator.generations import OLD

_PIECES = 4  # parts of the span before a full collection, for lives that nothing tells
_SPREAD = (2 / 3, 1.0, 4 / 3)  # times the mean: from one period of making them to two
_TELLING = 4  # full collections that tell how much of what they leave turns over
# Of what is built up evenly and then dropped as one, the oldest part lives twice as long as
# the parts on average; and a window finds it where it holds all of it. So it may be where
# windows hardly find any.
_AS_ONE = 2.0
# Things that one is made of while the last is still alive, again and again, are
# one to two alive at a time.
_BY_TURNS = 1.5


class Life(NamedTuple):
    """Objects that lived long before they became garbage; positions in the timeline."""

    birth: float
    death: float
    objects: float


class Alive(NamedTuple):
    """Blocks of what comes and goes that are alive at a time: at the most, and as it turns over."""

    most: float
    turned: float


def alive(columns: Columns, blocks: int) -> Alive:
    """Tell it by what full collections left, beyond the `blocks` from before the program.

    What of it turned over is told where there were enough of them. A heap that
    grows makes both too much, and what is the same all the time, such as a
    cache that is full, the latter too little.
    """
    rows = zip(columns.generation, columns.after)
    left = [after for generation, after in rows if generation == OLD and after]
    if not left:
        return Alive(inf, inf)
    most = max(0.0, fmean(left) - blocks)
    if len(left) < _TELLING:
        return Alive(most, inf)
    # Of an even spread, the expected distance of the ends of a sample is shorter.
    return Alive(most, _BY_TURNS * (max(left) - min(left)) * (len(left) + 1) / (len(left) - 1))


class Evidence(NamedTuple):
    """What tells how long garbage of full collections lived; spans in collections.

    It came in `rate` blocks a collection. Windows of generation 1 `caught` so many
    objects, and `left` so many to full collections.
    """

    alive: Alive
    rate: float
    window: float
    caught: float
    left: float

    @property
    def life(self) -> float:
        """How long a window of generation 1 has to be to hold it from birth to death.

        By Little's law as much is alive at a time as comes in the life of its parts.
        A window catches what is born and dies within it: of things that live
        `life`, made at any time, 1 - life / window. So what it mostly catches
        turns over, and nothing lives shorter than it tells.
        """
        most, turned = self.alive
        alive = min(most, turned) if self.caught > self.left else most * _AS_ONE
        return max(alive / self.rate, self.window * self.left / (self.caught + self.left))


def within(start: int, stop: int, objects: float) -> Life:
    """The life of what was born and died in a window: two instants of it, on average."""
    third = (stop - start) / 3
    return Life(start + third, stop - third, objects)


def across(places: tuple[int, ...], life: float, stop: int, objects: float) -> Iterator[Life]:
    """Lives across the collections of generation 1 that took them to generation 2."""
    share = objects / len(places) / len(_SPREAD)
    for place in places:
        for half in (life * spread / 2 for spread in _SPREAD):
            yield Life(place + 1 - half, min(place + 1 + half, stop), share)


def at_random(start: int, stop: int, objects: float) -> Iterator[Life]:
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
