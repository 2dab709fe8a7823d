"""When a full collection is put off, as the captured collections tell.

CPython waits until the objects that joined generation 2 are a quarter of those
that the last full collection left there. The estimates of both err: tuples and
dicts that hold nothing the collector cares for are let go by it, and no count
tells. What was estimated when it came, or did not, is a quarter in truth.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import repeat
from math import inf
from typing import NamedTuple

from gctune.simulator.generations import AUTOMATIC, OLD

_QUARTER = 0.25


class Seen(NamedTuple):
    """A captured collection: its generation, and the one that the program asked for.

    `called` is 1 where the counts called for a full one; `ripeness` is the
    estimate of what joined generation 2, against what was left there.
    """

    generation: int
    asked: int
    called: int
    ripeness: float


def quarters(seen: Iterable[Seen]) -> array[float]:
    """At each captured collection, the estimate that stands for a quarter."""
    return array("d", _quarters(seen))


def _quarters(seen: Iterable[Seen]) -> Iterator[float]:
    lowest, length = 0.0, 0
    for generation, asked, called, ripeness in seen:
        length += 1
        if generation != OLD:
            lowest = max(lowest, ripeness) if called else lowest
            continue
        reached = ripeness if asked == AUTOMATIC else 2 * lowest
        yield from repeat(_between(lowest, reached), length)
        lowest, length = 0.0, 0
    yield from repeat(_between(lowest, 2 * lowest), length)


def _between(low: float, high: float) -> float:
    """What was not reached at `low`, but at `high`."""
    if low == inf or (low < _QUARTER and not low < high < _QUARTER):
        return _QUARTER
    return (low + high) / 2
