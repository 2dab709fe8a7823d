"""The windows of an exploring capture: one setting in force, and what it took meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from gctune.profile.exploring import WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Switch, Three
from gctune.recommender.columns import Columns
from gctune.recommender.generations import MIDDLE, OLD

_UNSETTLED = 0.5  # of a window, at most
_LEAST = 1e-9  # seconds, to divide by


class _Row(NamedTuple):
    """One collection, and how many it stands for."""

    generation: int
    cpu_ns: int
    weight: int


class Window(NamedTuple):
    """One setting in force for a while; times in seconds, of CPU where nothing else is said."""

    thresholds: Three
    young: float  # within collections of generations 0 and 1, settled
    other: float  # outside of collections, settled
    youngs: float  # collections of generation 0, settled
    middles: float  # and of generation 1
    fulls: float
    full: float  # within them
    all_other: float
    pause: float  # the longest young collection, settled
    full_pause: float
    blocks: float  # the most that were allocated
    rss: float  # bytes


def windows_of(profile: Profile) -> Iterator[Window]:
    """The windows of one process, in the order that they came; one that was cut off is left out."""
    if not profile.switches:
        return
    columns = Columns.of(batch.collections() for batch in profile.batches)
    for start, end in pairwise(profile.switches):
        if start.reason == WINDOW:
            first, last = (bisect_left(columns.start_ns, each.time_ns) for each in (start, end))
            rss = max(
                (one.rss_bytes for one in profile.readings if _within(one.time_ns, start, end)),
                default=0,
            )
            yield _window(start, end, columns.part(first, last), rss)


def _within(time_ns: int, start: Switch, end: Switch) -> bool:
    return start.time_ns < time_ns <= end.time_ns


def _window(start: Switch, end: Switch, columns: Columns, rss: int) -> Window:
    rows = list(map(_Row, columns.generation, columns.cpu_ns, columns.weights))
    length = end.time_ns - start.time_ns
    settled = _settled(columns, start.time_ns + length * _UNSETTLED)
    kept = (end.time_ns - columns.start_ns[settled - 1]) / length if settled else 1.0
    young = [row for row in rows[settled:] if row.generation != OLD]
    old = [row for row in rows if row.generation == OLD]
    cpu = (end.cpu_ns - start.cpu_ns) / 1e9
    middles = sum(row.generation == MIDDLE for row in young)
    return Window(
        thresholds=start.thresholds,
        young=_seconds(young),
        other=max(_LEAST, cpu * kept - _seconds(rows[settled:])),
        youngs=len(young) - middles,
        middles=middles,
        fulls=len(old),
        full=_seconds(old),
        all_other=max(_LEAST, cpu - _seconds(rows)),
        pause=_longest(young),
        full_pause=_longest(old),
        blocks=max(columns.before, default=0),
        rss=rss,
    )


def _seconds(rows: Sequence[_Row]) -> float:
    return sum(row.cpu_ns * row.weight for row in rows) / 1e9


def _longest(rows: Sequence[_Row]) -> float:
    return max((row.cpu_ns for row in rows), default=0) / 1e9


def _settled(columns: Columns, latest_ns: float) -> int:
    """How many collections to leave out: up to the first that is not of the youngest."""
    for place, (generation, start) in enumerate(zip(columns.generation, columns.start_ns)):
        if start > latest_ns:
            return place
        if generation >= MIDDLE:
            return place + 1
    return len(columns)


def blocks_of(windows: Sequence[Window], settings: Sequence[Three]) -> Iterator[list[Window]]:
    """Windows of these settings in groups, in none of which one comes twice."""
    block: list[Window] = []
    for window in windows:
        if window.thresholds not in settings:
            continue
        if window.thresholds in {one.thresholds for one in block}:
            yield block
            block = []
        block.append(window)
    yield block
