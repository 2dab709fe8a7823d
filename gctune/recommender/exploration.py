"""What an exploring capture saw: the cost of each setting that it tried, against the program's own.

Each window is charged with its young collections, those of generations 0 and 1.
What comes before the first of generation 1 in a window, half of it at most, is
left out: there the settings before it still have their effect.

Full collections are rarer. One falls due when enough has survived, whatever was
in force meanwhile, and happens as soon as a window lets it. So their rate is that
of the whole time while there is less than one for each window that lets them,
else that of these windows alone; and no setting has more than its threshold2
lets it have. All of it is told from sums over blocks, in each of which every
setting has one window, so that resampling blocks gives the intervals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress, pairwise
from operator import mul
from typing import NamedTuple

from gctune.profile.exploring import WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Switch, Three
from gctune.recommender.bootstrap import of_sums
from gctune.recommender.columns import Columns
from gctune.recommender.estimate import Estimate

_FEWEST = 6  # blocks that tell anything
_CONFIDENCE = 0.9  # as all of a recommendation's intervals
_UNSETTLED = 0.5  # of a window, at most
_MIDDLE, _OLD = 1, 2


@dataclass(frozen=True)
class Tried:
    """One setting as it was seen; `cpu` is the ratio of CPU time to that of the program's own.

    `gc_share` is the collector's part of CPU time, `pause_seconds` the longest
    collection in its windows, in CPU time, `peak_rss_bytes` the most memory
    that was seen in them.
    """

    thresholds: Three
    cpu: Estimate
    gc_share: float
    pause_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Explored:
    """All that was tried, in the order of CPU time; `own` are the program's thresholds.

    `blocks` says how often each setting had a window, `ended` why exploring did.
    """

    own: Three
    tried: tuple[Tried, ...]
    blocks: int
    ended: tuple[str, ...]

    def of(self, thresholds: Three) -> Tried:
        """What was seen of one setting."""
        return next(one for one in self.tried if one.thresholds == thresholds)


class _Window(NamedTuple):
    """One setting in force for a while; times in nanoseconds, of CPU where nothing else is said."""

    thresholds: Three
    young: float  # within collections of generations 0 and 1, settled
    other: float  # outside of collections, settled
    middles: float  # collections of generation 1, settled
    fulls: float
    full: float  # within them
    all_other: float
    pause: float
    rss: float  # bytes


def explored(profiles: Sequence[Profile]) -> Explored | None:
    """Tell what was seen while exploring; None where that was too little, or nothing."""
    blocks = [block for profile in profiles for block in _blocks(list(_windows(profile)))]
    settings = sorted({window.thresholds for block in blocks for window in block})
    whole = [block for block in blocks if len(block) == len(settings)]
    if len(whole) < _FEWEST:
        return None
    own = _own(next(profile for profile in profiles if profile.switches))
    costs = _Costs(settings, own)
    sums = [costs.summed(block) for block in whole]
    tried = [_tried(place, costs, sums, whole) for place in range(len(settings))]
    return Explored(
        own=own,
        tried=tuple(sorted(tried, key=lambda one: one.cpu.expected)),
        blocks=len(whole),
        ended=tuple(dict.fromkeys(_ended(profile) for profile in profiles if profile.switches)),
    )


def _own(profile: Profile) -> Three:
    """The thresholds that the program itself ran with when exploring began."""
    began = profile.switches[0].time_ns
    before = [one.thresholds for one in profile.readings if one.time_ns <= began]
    return before[-1] if before else profile.header.thresholds


def _ended(profile: Profile) -> str:
    last = profile.switches[-1].reason
    return "the recording was cut off" if last == WINDOW else last


def _windows(profile: Profile) -> Iterator[_Window]:
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


def _window(start: Switch, end: Switch, columns: Columns, rss: int) -> _Window:
    costs = list(map(mul, columns.cpu_ns, columns.weights))
    settled = _settled(columns, end.time_ns - (end.time_ns - start.time_ns) * (1 - _UNSETTLED))
    generations = columns.generation[settled:]
    full = sum(compress(costs, map(_OLD.__eq__, columns.generation)))
    young = sum(compress(costs[settled:], map(_OLD.__ne__, generations)))
    cpu = end.cpu_ns - start.cpu_ns
    begin = columns.start_ns[settled - 1] if settled else start.time_ns
    kept = (end.time_ns - begin) / (end.time_ns - start.time_ns)
    all_other = max(1.0, cpu - sum(costs))
    return _Window(
        thresholds=start.thresholds,
        young=young,
        other=all_other * kept,
        middles=generations.count(_MIDDLE),
        fulls=columns.generation.count(_OLD),
        full=full,
        all_other=all_other,
        pause=max(columns.cpu_ns, default=0),
        rss=rss,
    )


def _settled(columns: Columns, latest_ns: float) -> int:
    """How many collections to leave out: up to the first that is not of the youngest."""
    for place, (generation, start) in enumerate(zip(columns.generation, columns.start_ns)):
        if start > latest_ns:
            return place
        if generation >= _MIDDLE:
            return place + 1
    return len(columns)


def _blocks(windows: Sequence[_Window]) -> Iterator[list[_Window]]:
    """Windows in groups, in none of which a setting comes twice."""
    block: list[_Window] = []
    for window in windows:
        if window.thresholds in {one.thresholds for one in block}:
            yield block
            block = []
        block.append(window)
    yield block


class _Costs:
    """The cost of settings, from sums over blocks."""

    def __init__(self, settings: Sequence[Three], own: Three) -> None:
        self.settings = settings
        self._own = settings.index(own)
        self._least = min(two for _, _, two in settings)  # what lets full collections happen

    def summed(self, block: Sequence[_Window]) -> tuple[float, ...]:
        """A block as figures that add up: three for each setting, then those of all."""
        ordered = sorted(block)
        letting = [one for one in ordered if one.thresholds[_OLD] == self._least]
        return (
            *chain.from_iterable((one.young, one.other, one.middles) for one in ordered),
            sum(one.fulls for one in ordered),
            sum(one.full for one in ordered),
            sum(one.all_other for one in ordered),
            sum(one.all_other for one in letting),
            len(letting),
        )

    def share(self, place: int, sums: Sequence[float]) -> float:
        """The collector's CPU time for each second that the program itself uses."""
        young, other, middles = sums[3 * place : 3 * place + 3]
        fulls, full, all_other, letting_other, letting = sums[-5:]
        rate = fulls / (letting_other if fulls > letting else all_other)
        most = middles / other / (self.settings[place][_OLD] + 1)
        return young / other + full / max(1, fulls) * min(rate, most)

    def ratio(self, place: int, sums: Sequence[float]) -> float:
        """CPU time against that of the program's own settings."""
        return (1 + self.share(place, sums)) / (1 + self.share(self._own, sums))


def _tried(
    place: int,
    costs: _Costs,
    sums: Sequence[tuple[float, ...]],
    blocks: Sequence[Sequence[_Window]],
) -> Tried:
    own = [sorted(block)[place] for block in blocks]
    share = costs.share(place, tuple(map(sum, zip(*sums))))
    return Tried(
        thresholds=costs.settings[place],
        cpu=Estimate(*of_sums(sums, lambda each: costs.ratio(place, each), _CONFIDENCE)),
        gc_share=share / (1 + share),
        pause_seconds=max(window.pause for window in own) / 1e9,
        peak_rss_bytes=round(max(window.rss for window in own)),
    )
