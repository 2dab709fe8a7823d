"""How many blocks are allocated at once, at the most, between two collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Crest(NamedTuple):
    """The most blocks that are allocated at once, and what of them garbage held."""

    blocks: float = 0.0
    held: float = 0.0


def climbed(unheld: Sequence[float], span: tuple[int, int], garbage: tuple[float, float]) -> Crest:
    """The crest of a climb, by the blocks that garbage did not hold at captured collections.

    Those of the `span` tell, or the last of them where it is empty. Garbage held so
    many blocks more as the climb began, and so many at its end: evenly more in between.
    """
    start, stop = span
    before, held = garbage
    if start >= stop - 1:  # mostly, so without a loop
        return Crest(unheld[stop - 1] + held, held)
    more = (held - before) / (stop - start)
    steps = (
        (unheld[place - 1], held - more * (stop - place)) for place in range(start + 1, stop + 1)
    )
    return max(Crest(each + held, held) for each, held in steps)
