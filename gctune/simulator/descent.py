"""How far a program descended while the collector's count stood at 0.

The count never falls below 0, so deaths just after a collection go unseen by
it: a server that frees each request's objects climbs again and again to the
same height. At higher thresholds the count would have followed it down. The
allocated blocks tell: they grew by less than the climb.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import NamedTuple

from gctune.simulator.columns import Columns

_NEIGHBOURS = 41  # spans that tell the blocks of a container at that time of the run
_CLIMB_ONLY = 0.9  # quantile of their growth a container, taken as that of a climb alone
_CERTAIN = 0.75  # blocks a container below which some must have died: each is a block at least


class Span(NamedTuple):
    """A stretch between two readings of the blocks, in positions of the timeline."""

    start: int
    stop: int
    climb: int
    growth: float


def descents(columns: Columns, blocks: int, blocks_per_garbage: float) -> array[int]:
    """The containers that died before each collection's climb, as the blocks tell.

    `blocks` were allocated when recording began.
    """
    found = array("q", bytes(8 * len(columns)))
    spans = list(_spans(columns, blocks, blocks_per_garbage))
    falls = [
        (span, round(span.climb - span.growth / container))
        for span, container in zip(spans, _blocks_per_container(spans))
        if span.growth < _CERTAIN * span.climb
    ]
    single = [fallen for span, fallen in falls if span.stop - span.start == 1]
    usual = median(single) if single else 0
    for span, fallen in falls:
        _fall(found, span, fallen, usual)
    return found


def _fall(found: array[int], span: Span, fallen: int, usual: float) -> None:
    """Put what fell within a span at as many of its climbs as falls of the usual size make."""
    length = span.stop - span.start
    times = min(max(1, round(fallen / usual)), length) if usual else 1
    for time in range(times):
        place = span.start + (2 * time + 1) * length // (2 * times)
        found[place] += fallen // times


def _spans(columns: Columns, blocks: int, blocks_per_garbage: float) -> Iterator[Span]:
    start = climb = 0
    freed = 0.0
    rows = zip(columns.count0, columns.before, columns.after, columns.collected)
    for position, (count, before, after, collected) in enumerate(rows):
        climb += count
        if not before:
            freed += collected * blocks_per_garbage
            continue
        if climb:
            yield Span(start, position + 1, climb, before - blocks + freed)
        start, climb, freed, blocks = position + 1, 0, 0.0, after


def _blocks_per_container(spans: list[Span]) -> Iterator[float]:
    """Blocks that come with a container about each span.

    They differ between the phases of a program. Spans without a descent grew
    the most for their climb; those at the very top also took in what is no
    container, hence the quantile.
    """
    ratios = [span.growth / span.climb for span in spans]
    half = _NEIGHBOURS // 2
    coming = islice(ratios, half, None)
    window, order = deque(ratios[:half]), sorted(ratios[:half])
    for position in range(len(ratios)):
        for ratio in islice(coming, 1):
            window.append(ratio)
            insort(order, ratio)
        if position > half:
            del order[bisect_left(order, window.popleft())]
        yield max(1.0, order[int(_CLIMB_ONLY * (len(order) - 1))])
