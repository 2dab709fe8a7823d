"""The windows of an exploring capture: one setting in force, and what it took meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from gctune.profile.exploring import DONE, WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Switch, Three
from gctune.simulator.columns import Columns
from gctune.simulator.generations import MIDDLE, OLD, YOUNG

_LEAST = 1e-9  # seconds, to divide by


class _Row(NamedTuple):
    """One collection, and how many its CPU time and its blocks stand for."""

    generation: int
    start_ns: int
    cpu_ns: int
    weight: int
    block_weight: int
    count0: int
    before: int
    after: int


class Window(NamedTuple):
    """One setting in force for a while; times in seconds, of CPU where nothing else is said.

    `due` counts how often threshold0 was reached; the collection that ends the
    window counts as far as it had come. `freed` are blocks, by generation, and
    `aged` are those that outlived the collections of the young, net of what died
    old meanwhile, in so many seconds of `other`; none where that was not sampled.
    `came` says how many seconds of `other` into the window each full collection
    came. `waits` are such seconds from one of them to the next, and how many of
    those waits ended in this window.
    """

    thresholds: Three
    other: float  # outside of collections
    due: float
    young: float  # within collections of generation 0
    middle: float  # and of generation 1
    full: float  # and of generation 2
    fulls: int
    freed: tuple[float, float, float]
    aged: tuple[float, float]
    came: tuple[float, ...]
    waits: tuple[float, int]
    pause: float  # the longest young collection
    full_pause: float
    blocks: float  # the most that were allocated
    rss: float  # bytes


def windows_of(profile: Profile) -> Iterator[Window]:
    """The windows of one process, in the order that they came; one that was cut off is left out."""
    passed, last = 0.0, None
    for window in _windows(profile):
        times = [passed + each for each in window.came]
        ends = times if last is None else [last, *times]
        waits = (ends[-1] - ends[0], len(ends) - 1) if ends else (0.0, 0)
        yield window._replace(waits=waits)
        passed, last = passed + window.other, times[-1] if times else last


def _windows(profile: Profile) -> Iterator[Window]:
    if not profile.switches:
        return
    columns = Columns.of(profile.columns())
    for start, end in pairwise(profile.switches):
        if start.reason == WINDOW and end.reason in (WINDOW, DONE):
            first, last = (bisect_left(columns.start_ns, each.time_ns) for each in (start, end))
            rss = max(
                (one.rss_bytes for one in profile.readings if _within(one.time_ns, start, end)),
                default=0,
            )
            before = columns.after[first - 1] if first else 0
            yield _window(start, end, columns.part(first, last), before, rss)


def _within(time_ns: int, start: Switch, end: Switch) -> bool:
    return start.time_ns < time_ns <= end.time_ns


def _window(start: Switch, end: Switch, columns: Columns, before: int, rss: int) -> Window:
    rows = list(
        map(
            _Row,
            columns.generation,
            columns.start_ns,
            columns.cpu_ns,
            columns.weights,
            columns.block_weights,
            columns.count0,
            columns.before,
            columns.after,
        )
    )
    by_generation = [
        [row for row in rows if row.generation == each] for each in (YOUNG, MIDDLE, OLD)
    ]
    young, middle, old = by_generation
    threshold0 = start.thresholds[0]
    first, second, third = map(_freed, by_generation)
    other = max(_LEAST, (end.cpu_ns - start.cpu_ns) / 1e9 - _seconds(rows))
    after = rows[-1].after if rows else 0
    return Window(
        thresholds=start.thresholds,
        other=other,
        due=sum(min(1.0, row.count0 / (threshold0 + 1)) for row in rows),
        young=_seconds(young),
        middle=_seconds(middle),
        full=_seconds(old),
        fulls=len(old),
        freed=(first, second, third),
        aged=(after - before + third, other) if before and after else (0.0, 0.0),
        came=tuple(_share(row.start_ns, start, end) * other for row in old),
        waits=(0.0, 0),
        pause=_longest([*young, *middle]),
        full_pause=_longest(old),
        blocks=max(columns.before, default=0),
        rss=rss,
    )


def _share(time_ns: int, start: Switch, end: Switch) -> float:
    return (time_ns - start.time_ns) / (end.time_ns - start.time_ns)


def _seconds(rows: Sequence[_Row]) -> float:
    return sum(row.cpu_ns * row.weight for row in rows) / 1e9


def _freed(rows: Sequence[_Row]) -> float:
    return float(sum((row.before - row.after) * row.block_weight for row in rows))


def _longest(rows: Sequence[_Row]) -> float:
    return max((row.cpu_ns for row in rows), default=0) / 1e9


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
    if block:
        yield block
