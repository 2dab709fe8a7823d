"""What changed between two captures of one service, before and after.

The time between two readings of a profile is a window. Each figure is told
from the sums of all windows, and its interval by resampling them in blocks, as
windows that follow each other are alike. A peak is seen once a capture, so it
has no interval.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, pairwise
from operator import mul
from typing import TypeAlias

from gctune.profile.file import Profile
from gctune.profile.records import Reading, Three
from gctune.recommender.bootstrap import Interval, of_blocks
from gctune.recommender.crowds import peak_rss_bytes
from gctune.simulator.columns import Columns
from gctune.verifier.verdict import (
    CPU,
    CPU_TIME,
    PAUSE,
    RSS,
    Figure,
    Finding,
    Question,
    Verdict,
    decide,
)

_FEWEST = 20  # windows that an interval is told from
_MOST = 200  # windows; of more, neighbours are taken together
_LETTERS = 100  # of a command that is told
_REASONS = 3  # of adaptive mode's changes, that are told

# GC seconds, CPU seconds, seconds, rss times seconds, and operations.
Window: TypeAlias = tuple[float, ...]
Sides: TypeAlias = tuple[Sequence[Window], Sequence[Window]]  # before and after
_GC, _CPU, _WALL, _RSS, _OPERATIONS = range(5)


def compare(before: Sequence[Profile], after: Sequence[Profile], question: Question) -> Finding:
    """Compare the captures of all processes of a service, before and after a change."""
    figures = tuple(_figures(before, after))
    verdict, reason = decide({figure.name: figure for figure in figures}, question)
    different = list(_differences(before, after))
    if different:
        verdict, reason = Verdict.UNDECIDED, f"cannot be compared: {different[0]}"
    measured = " and ".join(f"{_cpu_seconds(each):.3g} s" for each in (before, after))
    notes = (*different, *_notes(before, after))
    return Finding(verdict, reason, f"{measured} of CPU time", figures, notes)


def _figures(before: Sequence[Profile], after: Sequence[Profile]) -> Iterator[Figure]:
    kinds = _kinds(before) & _kinds(after)
    kind = next(iter(sorted(kinds)), "")
    sides = _windows(before, kind), _windows(after, kind)

    def figure(name: str, unit: str, of: Callable[[Window], float]) -> Figure:
        return _figure(name, unit, sides, of)

    yield figure(CPU, "", lambda sums: sums[_CPU] / (sums[_CPU] - sums[_GC]))
    if kind:
        per, rate = f"{CPU_TIME} of one of the {kind}", f"{kind} a second"
        yield figure(per, "s", lambda sums: sums[_CPU] / _operations(sums))
        yield figure(rate, "1/s", lambda sums: _operations(sums) / sums[_WALL])
    yield figure("rss", "B", lambda sums: sums[_RSS] / sums[_WALL])
    for name, unit, peak in ((RSS, "B", peak_rss_bytes), (PAUSE, "s", _longest_pause)):
        yield _once(name, unit, peak(before), peak(after))


def _figure(name: str, unit: str, sides: Sides, of: Callable[[Window], float]) -> Figure:
    before, after = (of(_sums(windows)) if windows else 0.0 for windows in sides)
    told = before and after and min(map(len, sides)) >= _FEWEST
    return Figure(name, unit, before, after, of_blocks(*sides, of) if told else None)


def _once(name: str, unit: str, before: float, after: float) -> Figure:
    """A figure that is seen once a capture."""
    ratio = Interval(*[after / before] * 3) if before and after else None
    return Figure(name, unit, before, after, ratio)


def _operations(sums: Window) -> float:
    return max(1.0, sums[_OPERATIONS])  # resampled windows may be without any


def _sums(windows: Sequence[Window]) -> Window:
    return tuple(map(sum, zip(*windows)))


def _kinds(profiles: Sequence[Profile]) -> set[str]:
    """What the processes count."""
    return {count.name for profile in profiles for count in profile.counts}


def _windows(profiles: Sequence[Profile], kind: str) -> list[Window]:
    """The windows of all processes, so many that resampling them takes no time."""
    windows = list(chain.from_iterable(_windows_of(profile, kind) for profile in profiles))
    together = -(-len(windows) // _MOST) or 1
    return [_sums(windows[place : place + together]) for place in range(0, len(windows), together)]


def _windows_of(profile: Profile, kind: str) -> Iterator[Window]:
    columns = Columns.of(batch.collections() for batch in profile.batches)
    costs = list(map(mul, columns.cpu_ns, columns.weights))
    counted = {count.time_ns: count.total for count in profile.counts if count.name == kind}
    totals = accumulate((counted.get(each.time_ns, 0) for each in profile.readings), max)
    for (start, end), (before, after) in zip(pairwise(profile.readings), pairwise(totals)):
        first, last = (bisect_right(columns.start_ns, each.time_ns) for each in (start, end))
        yield _window(start, end, sum(costs[first:last]), after - before)


def _window(start: Reading, end: Reading, gc_ns: int, operations: int) -> Window:
    seconds = (end.time_ns - start.time_ns) / 1e9
    cpu = (end.cpu_ns - start.cpu_ns) / 1e9
    return gc_ns / 1e9, cpu, seconds, end.rss_bytes * seconds, float(operations)


def _longest_pause(profiles: Sequence[Profile]) -> float:
    collections = chain.from_iterable(profile.collections() for profile in profiles)
    return max((collection.cpu_ns for collection in collections), default=0) / 1e9


def _cpu_seconds(profiles: Sequence[Profile]) -> float:
    return sum(sum(window[_CPU] for window in _windows_of(profile, "")) for profile in profiles)


def _differences(before: Sequence[Profile], after: Sequence[Profile]) -> Iterator[str]:
    """What else than settings differs, so that the figures do not tell of settings."""
    for what, of in (
        ("Python", lambda profile: profile.header.python),
        ("collector", lambda profile: profile.header.collector),
        ("program", _program),
    ):
        sides = [sorted({of(profile) for profile in profiles}) for profiles in (before, after)]
        if sides[0] != sides[1]:
            yield f"another {what}: {', '.join(sides[0])} before, {', '.join(sides[1])} after"


def _program(profile: Profile) -> str:
    """What was run, whatever interpreter ran it."""
    return " ".join(profile.header.command[1:])[:_LETTERS]


def _settings(profile: Profile) -> tuple[bool, Three]:
    """Whether it was paced, and the thresholds that it began at."""
    return bool(profile.paced), profile.header.thresholds


def _paced(profile: Profile) -> Iterator[str]:
    """What adaptive mode did, by its usual reasons."""
    if profile.paced:
        often = Counter(each.reason for each in profile.paced).most_common(_REASONS)
        reasons = ", ".join(f"{reason} ({times})" for reason, times in often)
        yield f"adaptive mode made {len(profile.paced)} changes; mostly: {reasons}"


def _notes(before: Sequence[Profile], after: Sequence[Profile]) -> Iterator[str]:
    for side, profiles in (("before", before), ("after", after)):
        for profile in profiles:
            told = (*profile.problems, *_paced(profile))
            yield from (f"{side}, {profile.path.name}: {each}" for each in told)
    thresholds = [{_settings(profile) for profile in side} for side in (before, after)]
    if thresholds[0] == thresholds[1]:
        yield "both began at the same thresholds"
    if _kinds(before) != _kinds(after):
        yield "the two do not count the same operations, so that these are not compared"
