"""What changed between two captures of one service, before and after.

The time that a capture covers is cut into windows, and what all processes did
is summed up in each. A figure is told from the sums of all windows, and its
interval by resampling them in blocks, as windows that follow each other are
alike. A peak is seen once a capture, so its interval is that of captures alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import mul, sub
from typing import TypeAlias

from gctune.profile.file import Profile
from gctune.profile.records import Three
from gctune.recommender.bootstrap import of_blocks
from gctune.simulator.columns import Columns
from gctune.verifier.peaks import longest_pause, peak_of_rss
from gctune.verifier.verdict import (
    CPU,
    Figure,
    Finding,
    Question,
    Verdict,
    decide,
    extra_cost,
    per_operation,
)
from gctune.verifier.windows import Span, Window, in_windows

_FEWEST = 20  # windows that an interval is told from
_MOST = 200  # windows, so that resampling them takes no time
_LEAST = 1e-9  # seconds, to divide by
_LETTERS = 100  # of a command that is told
_REASONS = 3  # of adaptive mode's changes, that are told

Sides: TypeAlias = tuple[Sequence[Window], Sequence[Window]]  # before and after
_WALL, _GC, _CPU, _RSS, _OPERATIONS = range(5)  # of a window; rss times seconds, each kind


def compare(before: Sequence[Profile], after: Sequence[Profile], question: Question) -> Finding:
    """Compare the captures of all processes of a service, before and after a change."""
    kinds = _kinds_of_both(before, after)
    sides = _windows(before, kinds), _windows(after, kinds)
    figures = (
        *_figures(sides, kinds),
        peak_of_rss(before, after),
        longest_pause(before, after, _share_before(sides)),
    )
    verdict, reason = _told({figure.name: figure for figure in figures}, kinds, question)
    if verdict == Verdict.UNDECIDED:
        reason = _lacking(sides) or reason
    different = list(_differences(before, after))
    if different:
        verdict, reason = Verdict.UNDECIDED, f"cannot be compared: {different[0]}"
    measured = " and ".join(f"{_total(each, _CPU):.3g} s" for each in sides)
    notes = (*different, *_notes(before, after))
    return Finding(verdict, reason, f"{measured} of CPU time", figures, notes)


def _told(
    figures: Mapping[str, Figure], kinds: Sequence[str], question: Question
) -> tuple[str, str]:
    """The verdict and the reason for it.

    What an operation takes only casts doubt: captures of two hours differ in it by their load.
    """
    verdict, reason = decide(figures, question)
    dearer = extra_cost(figures[per_operation(kinds[0])], question.precision) if kinds else ""
    if verdict == Verdict.KEEP and dearer:
        return Verdict.UNDECIDED, f"{reason}, but {dearer}"
    return verdict, reason


def _lacking(sides: Sides) -> str:
    """Why no interval of CPU time can be told; empty where one can."""
    for side, windows in zip(("before", "after"), sides):
        if len(windows) < _FEWEST:
            few = f"{len(windows)} windows of time, and it takes {_FEWEST}"
            return f"the capture {side} has {few}: capture for longer"
        if not _is_seen(windows):
            return f"no more CPU time was seen {side} than in the collector"
    return ""


def _is_seen(windows: Sequence[Window]) -> bool:
    """Whether more CPU time was seen than within collections, as there must have been."""
    return _total(windows, _CPU) > _total(windows, _GC)


def _figures(sides: Sides, kinds: Sequence[str]) -> Iterator[Figure]:
    yield _figure(CPU, "", sides if all(map(_is_seen, sides)) else ([], []), _cpu_cost)
    for place, kind in enumerate(kinds, _OPERATIONS):
        yield from _of_kind(kind, place, sides)
    yield _figure("rss", "B", sides, lambda sums: sums[_RSS] / sums[_WALL])


def _of_kind(kind: str, place: int, sides: Sides) -> Iterator[Figure]:
    """What is told of one kind of operations; resampled windows may be without any."""
    per, rate = per_operation(kind), f"{kind} a second"
    yield _figure(per, "s", sides, lambda sums: sums[_CPU] / max(1.0, sums[place]))
    yield _figure(rate, "1/s", sides, lambda sums: max(1.0, sums[place]) / sums[_WALL])


def _share_before(sides: Sides) -> float:
    """The share that the captures before have in all CPU time."""
    before, after = (_total(windows, _CPU) for windows in sides)
    return before / (before + after) if before + after else 1.0


def _cpu_cost(sums: Window) -> float:
    """CPU time for each second of it outside the collector; resampled windows may have none."""
    return max(_LEAST, sums[_CPU]) / max(_LEAST, sums[_CPU] - sums[_GC])


def _figure(name: str, unit: str, sides: Sides, of: Callable[[Window], float]) -> Figure:
    before, after = (of(_sums(windows)) if windows else 0.0 for windows in sides)
    told = before and after and min(map(len, sides)) >= _FEWEST
    return Figure(name, unit, before, after, of_blocks(*sides, of) if told else None)


def _sums(windows: Sequence[Window]) -> Window:
    return tuple(map(sum, zip(*windows)))


def _total(windows: Sequence[Window], place: int) -> float:
    return sum(window[place] for window in windows)


def _kinds(profiles: Sequence[Profile]) -> set[str]:
    """What the processes count."""
    return {count.name for profile in profiles for count in profile.counts}


def _kinds_of_both(before: Sequence[Profile], after: Sequence[Profile]) -> list[str]:
    """What both count, the most often counted first."""
    totals = Counter[str]()
    for profile in before:
        totals.update({count.name: count.total for count in profile.counts})  # the last of each
    return [kind for kind, _ in totals.most_common() if kind in _kinds(after)]


def _windows(profiles: Sequence[Profile], kinds: Sequence[str]) -> list[Window]:
    """The windows of all processes together, with the operations of these kinds."""
    return in_windows([span for profile in profiles for span in _spans(profile, kinds)], _MOST)


def _spans(profile: Profile, kinds: Sequence[str]) -> Iterator[Span]:
    """What one process did from each reading to the next."""
    columns = Columns.of(profile.columns())
    costs = list(map(mul, columns.cpu_ns, columns.weights))
    counted = [_counted(profile, kind) for kind in kinds]
    for place, (start, end) in enumerate(pairwise(profile.readings)):
        began, ended = (profile.unix_time(each.time_ns) for each in (start, end))
        first, last = (bisect_right(columns.start_ns, each.time_ns) for each in (start, end))
        gc_ns, cpu_ns = sum(costs[first:last]), end.cpu_ns - start.cpu_ns
        memory = end.rss_bytes * (ended - began)
        operations = [each[place] for each in counted]
        yield Span(began, ended, (gc_ns / 1e9, cpu_ns / 1e9, memory, *operations))


def _counted(profile: Profile, kind: str) -> list[int]:
    """How many operations there were from each reading to the next."""
    told = {count.time_ns: count.total for count in profile.counts if count.name == kind}
    totals = list(accumulate((told.get(each.time_ns, 0) for each in profile.readings), max))
    return list(map(sub, totals[1:], totals))


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
