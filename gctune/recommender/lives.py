"""How long objects lived that were found as garbage, in captured collections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from statistics import fmean
from typing import NamedTuple

from gctune.recommender.columns import Columns
from gctune.recommender.generations import OLD

_PIECES = 4  # parts of the span before a full collection, for lives that nothing tells
_SPREAD = (2 / 3, 1.0, 4 / 3)  # times the mean: from one period of making them to two
_LONGEST = 4 / 3  # windows, that a life may last of which they catch enough to tell
_HALVINGS = 20  # of a range, to a millionth of it


class Life(NamedTuple):
    """Objects that lived long before they became garbage; positions in the timeline."""

    birth: float
    death: float
    objects: float


def at_most(columns: Columns, blocks: int, blocks_per_garbage: float) -> float:
    """How long garbage of full collections lived on average at most, in collections.

    By Little's law, as much of it is alive at a time as comes in a life; and
    what is alive is part of what full collections leave, beyond the `blocks`
    from before the program.
    """
    full = [place for place, generation in enumerate(columns.generation) if generation == OLD]
    left = [columns.after[place] for place in full if columns.after[place]]
    found = sum(columns.collected[place] for place in full)
    if not left or not found:
        return inf
    alive = max(0.0, fmean(left) - blocks)
    return alive / blocks_per_garbage * len(columns) / found


def at_least(lumps: Sequence[float], young: float, left: float, window: float) -> float:
    """How long garbage of full collections lived at least, in collections.

    Windows of generation 1 tell by what they caught, in `lumps`, and `left`: one
    catches what is born and dies within it, of things that live `life`, made at
    any time, 1 - life / window. The greatest lump may be of another kind; so may be
    as much as generation 0 caught, in `young`, which such things outlive.
    """
    caught = max(0.0, sum(lumps) - max(lumps, default=0.0) - young)
    return window * _solved(left / ((caught + left) or 1.0))


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
