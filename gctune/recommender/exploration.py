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

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from gctune.profile.exploring import WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Three
from gctune.recommender.bootstrap import of_sums
from gctune.recommender.conduct import slashed
from gctune.recommender.estimate import Estimate
from gctune.recommender.generations import OLD
from gctune.recommender.simulator import Prediction, Toll
from gctune.recommender.windows import Window, blocks_of, windows_of

_FEWEST = 6  # blocks that tell anything
_CONFIDENCE = 0.9  # as all of a recommendation's intervals
_OFTEN = 0.8  # of the windows of others: settings with fewer were given up


@dataclass(frozen=True)
class Tried:
    """One setting as it was seen; `cpu` is the ratio of CPU time to that of the program's own.

    `gc_share` is the collector's CPU time, and `collections` are those of each
    generation, for each second of CPU time that the program itself uses.
    `pause_seconds` is the longest collection that the setting lets happen, in
    CPU time. `extra_bytes` is what memory peaks above that of the program's
    own settings, told from blocks: rss does not fall between windows.
    """

    thresholds: Three
    cpu: Estimate
    gc_share: float
    collections: tuple[float, float, float]
    pause_seconds: float
    extra_bytes: int


@dataclass(frozen=True)
class Explored:
    """All that was tried, in the order of CPU time; `own` are the program's thresholds.

    `greedy` are settings that were given up because memory grew under them.
    `blocks` says how often each of the others had a window, `ended` why
    exploring did.
    """

    own: Three
    tried: tuple[Tried, ...]
    greedy: tuple[Three, ...]
    blocks: int
    ended: tuple[str, ...]

    def of(self, thresholds: Three) -> Tried:
        """What was seen of one setting."""
        return next(one for one in self.tried if one.thresholds == thresholds)

    def told(self) -> Iterator[str]:
        """What a reader should know of it."""
        yield (
            f"told from {self.blocks} windows at each of {len(self.tried)} settings, and not from"
            f" a replay; exploring ended: {', '.join(self.ended)}"
        )

        for one in self.greedy:
            yield f"{slashed(one)} was given up: memory grew under it"

    def predictions(self, other_seconds: float) -> list[Prediction]:
        """What each setting leads to in a run with so much CPU time outside of collections."""
        own = self.of(self.own)
        return [_prediction(one, own, other_seconds) for one in self.tried]


def _prediction(one: Tried, own: Tried, other: float) -> Prediction:
    was, seconds = own.gc_share * other, one.cpu.map(other * (1 + own.gc_share), -other)
    young, middle, old = (round(rate * other) for rate in one.collections)
    return Prediction(
        thresholds=one.thresholds,
        freeze=False,
        collections=(young, middle, old),
        gc_seconds=seconds,
        pause_seconds=Estimate.exact(one.pause_seconds),
        grown_bytes=Estimate.exact(one.extra_bytes),
        later_bytes=0.0,
        was_seconds=was,
        other_seconds=other,
        toll=Toll(seconds.expected, one.pause_seconds, one.pause_seconds),
        was=Toll(was, own.pause_seconds, own.pause_seconds),
        worst=one.cpu.expected,
    )


def too_short(profiles: Sequence[Profile]) -> Iterator[str]:
    """Say so where exploring began and came to nothing."""
    if any(profile.switches for profile in profiles):
        yield (
            f"exploring ended before each setting had {_FEWEST} windows:"
            " what it tried is not gone by"
        )


def explored(profiles: Sequence[Profile]) -> Explored | None:
    """Tell what was seen while exploring; None where that was too little, or nothing."""
    windows = [list(windows_of(profile)) for profile in profiles]
    settings, greedy = _settings(chain.from_iterable(windows))
    blocks = [block for each in windows for block in blocks_of(each, settings)]
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
        greedy=greedy,
        blocks=len(whole),
        ended=tuple(dict.fromkeys(_ended(profile) for profile in profiles if profile.switches)),
    )


def _own(profile: Profile) -> Three:
    """The thresholds that the program itself ran with when exploring began."""
    began = profile.switches[0].time_ns
    before = [one.thresholds for one in profile.readings if one.time_ns <= began]
    return before[-1] if before else profile.header.thresholds


def _settings(windows: Iterable[Window]) -> tuple[list[Three], tuple[Three, ...]]:
    """The settings that were tried to the end, and those that were given up."""
    times = Counter(window.thresholds for window in windows)
    often = _OFTEN * max(times.values(), default=0)
    kept = sorted(one for one, number in times.items() if number >= often)
    return kept, tuple(sorted(times.keys() - set(kept)))


def _ended(profile: Profile) -> str:
    last = profile.switches[-1].reason
    return "the recording was cut off" if last == WINDOW else last


def _extra_bytes(windows: Sequence[Window], thresholds: Three, own: Three) -> int:
    peaks = [
        max(window.blocks for window in windows if window.thresholds == each)
        for each in (thresholds, own)
    ]
    rss = max(window.rss for window in windows)
    most = max(window.blocks for window in windows)
    return round((peaks[0] - peaks[1]) * rss / most) if most else 0


class _Costs:
    """The cost of settings, from sums over blocks."""

    def __init__(self, settings: Sequence[Three], own: Three) -> None:
        self.settings = settings
        self.own = own
        self._least = min(two for _, _, two in settings)  # what lets full collections happen

    def summed(self, block: Sequence[Window]) -> tuple[float, ...]:
        """A block as figures that add up: four for each setting, then those of all."""
        ordered = sorted(block)
        letting = [one for one in ordered if one.thresholds[OLD] == self._least]
        return (
            *chain.from_iterable(
                (one.young, one.other, one.youngs, one.middles) for one in ordered
            ),
            sum(one.fulls for one in ordered),
            sum(one.full for one in ordered),
            sum(one.all_other for one in ordered),
            sum(one.all_other for one in letting),
            len(letting),
        )

    def rates(self, place: int, sums: Sequence[float]) -> tuple[float, float, float]:
        """Collections of each generation, for each second that the program itself uses."""
        _, other, youngs, middles = sums[4 * place : 4 * place + 4]
        fulls, _, all_other, letting_other, letting = sums[-5:]
        falls_due = fulls / (letting_other if fulls > letting else all_other)
        most = middles / other / (self.settings[place][OLD] + 1)
        return youngs / other, middles / other, min(falls_due, most)

    def share(self, place: int, sums: Sequence[float]) -> float:
        """The collector's CPU time for each second that the program itself uses."""
        young, other = sums[4 * place : 4 * place + 2]
        fulls, full = sums[-5:-3]
        return young / other + full / max(1, fulls) * self.rates(place, sums)[OLD]

    def ratio(self, place: int, sums: Sequence[float]) -> float:
        """CPU time against that of the program's own settings."""
        return (1 + self.share(place, sums)) / (1 + self.share(self.settings.index(self.own), sums))

    def lets(self, thresholds: Three) -> bool:
        """Whether full collections happen while exploring under `thresholds`."""
        return thresholds[OLD] == self._least


def _tried(
    place: int,
    costs: _Costs,
    sums: Sequence[tuple[float, ...]],
    blocks: Sequence[Sequence[Window]],
) -> Tried:
    thresholds = costs.settings[place]
    windows = [window for block in blocks for window in block]
    own = [window for window in windows if window.thresholds == thresholds]
    full = max(window.full_pause for window in windows) if costs.lets(thresholds) else 0.0
    whole = tuple(map(sum, zip(*sums)))
    return Tried(
        thresholds=thresholds,
        cpu=Estimate(*of_sums(sums, lambda each: costs.ratio(place, each), _CONFIDENCE)),
        gc_share=costs.share(place, whole),
        collections=costs.rates(place, whole),
        pause_seconds=max(full, *(window.pause for window in own)),
        extra_bytes=_extra_bytes(windows, thresholds, costs.own),
    )
