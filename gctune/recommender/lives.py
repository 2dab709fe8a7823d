"""How long objects lived that were found as garbage, in captured collections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from gctune.recommender.columns import Columns
from gctune.recommender.generations import OLD

TELLING = 4  # full collections that tell how long what comes and goes has lived
_PIECES = 4  # parts of the span before a full collection, for lives that nothing tells
# Things that one is made of while the last is still alive, again and again, are
# one to two alive at a time.
_ALIVE = 1.5
_SPREAD = (2 / 3, 1.0, 4 / 3)  # times the mean: from one period of making them to two
_LONGEST = 4 / 3  # windows, that a life may last of which they catch enough to tell
_HALVINGS = 20  # of a range, to a millionth of it


class Life(NamedTuple):
    """Objects that lived long before they became garbage; positions in the timeline."""

    birth: float
    death: float
    objects: float


def by_turns(columns: Columns, blocks_per_garbage: float) -> float:
    """How long garbage of full collections lived on average, in collections, by Little's law.

    As much as comes and goes is alive by turns, so the blocks that full
    collections leave tell how much that is; where the heap grows, too much.
    """
    full = [place for place, generation in enumerate(columns.generation) if generation == OLD]
    left = [columns.after[place] for place in full if columns.after[place]]
    found = sum(columns.collected[place] for place in full)
    if len(left) < TELLING or not found:
        return inf
    # Of an even spread, the expected distance of the ends of a sample is shorter.
    turned = (max(left) - min(left)) * (len(left) + 1) / (len(left) - 1)
    return _ALIVE * turned / blocks_per_garbage * len(columns) / found


class Told(NamedTuple):
    """What windows tell: how long garbage of full collections lived, and what share of it."""

    life: float
    share: float


def by_windows(lumps: Sequence[float], young: float, left: float, window: float) -> Told:
    """What windows of generation 1 tell by what they caught, in `lumps`, and `left`.

    A window catches what is born and dies within it: of things that live
    `life`, made at any time, 1 - life / window. Where they caught less than of
    the longest lives that they tell of, some of what they left is such, and
    nothing tells of the rest. The greatest lump may be of another kind; so may be
    as much as generation 0 caught, in `young`, which such things outlive.
    """
    caught = sum(lumps) - max(lumps, default=0.0) - young
    if caught <= 0:
        return Told(window, 0.0)
    missed = left / (caught + left)
    alike = caught / (caught + left) / (1 - _missed(_LONGEST))
    return Told(window * _solved(missed), min(1.0, alike))


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
