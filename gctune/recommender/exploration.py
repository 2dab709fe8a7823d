"""What an exploring capture saw comes to the cost of settings, against the program's own.

Each window is charged with its young collections, those of generations 0 and 1,
of which the last comes at its end: all that was made in a window is paid in it.

Full collections are rarer: what they took and found is that of all windows together.
They fall due when enough has survived, so that each setting has them as it lets
objects grow old, and no more of them than its thresholds let it have, which the
collector's rules tell from its rate of young collections. That tells what a larger
threshold2 does, which no window is long enough to show: so much fewer full
collections, and so much longer that the garbage waits which they were seen to find.
All of it is told from sums over blocks, in each of which every setting has one
window, so that resampling blocks gives the intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from gctune.profile.exploring import WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Three
from gctune.recommender.bootstrap import Sums
from gctune.recommender.seen import Against, Costs, Together, summed
from gctune.recommender.windows import Window, blocks_of, windows_of
from gctune.runtime.knob import INT_MAX
from gctune.simulator.conduct import slashed
from gctune.simulator.estimate import Estimate
from gctune.simulator.generations import OLD
from gctune.simulator.simulator import HORIZON, LIKELY, Prediction, Toll

_FEWEST = 6  # blocks that tell anything
_CONFIDENCE = 0.9  # as all of a recommendation's intervals
# Times the least threshold2, that is told of. What would have full collections
# more often than they were seen is not.
_TIMES = (1, 1.5, 2, 3, 5, 10, 30, 100)
_OFTEN = 0.8  # of the windows of others: settings with fewer were given up


@dataclass(frozen=True)
class Tried:
    """One setting, told from what was seen; `cpu` is its CPU time against the program's own's.

    `gc_share` is the collector's CPU time, and `collections` are those of each
    generation, for each second of CPU time that the program itself uses.
    `pause_seconds` is the longest collection that the setting lets happen, in
    CPU time. `extra_bytes` is what memory peaks above that of the program's own
    settings in a run as long as was explored, `later_bytes` what more it may in
    a longer one.
    """

    thresholds: Three
    cpu: Estimate
    gc_share: float
    collections: tuple[float, float, float]
    pause_seconds: float
    extra_bytes: Estimate
    later_bytes: float


@dataclass(frozen=True)
class Explored:
    """All that can be told, in the order of CPU time; `own` are the program's thresholds.

    `settings` were in force in windows, `blocks` says how often each; `greedy`
    were given up because memory grew under them, and `ended` says why
    exploring did.
    """

    own: Three
    settings: tuple[Three, ...]
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
            f"told from {self.blocks} windows at each of {', '.join(map(slashed, self.settings))},"
            f" and not from a replay; exploring ended: {', '.join(self.ended)}"
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
        grown_bytes=one.extra_bytes,
        later_bytes=one.later_bytes,
        was_seconds=was,
        other_seconds=other,
        settled_seconds=one.pause_seconds,
        settled_before=own.pause_seconds,
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
    settings = _settings(chain.from_iterable(windows))
    blocks = [block for each in windows for block in blocks_of(each, settings)]
    whole = [block for block in blocks if len(block) == len(settings)]
    if len(whole) < _FEWEST:
        return None
    own = _own(next(profile for profile in profiles if profile.switches))
    if own not in settings:
        return None
    tried = _Seen(own, settings, whole).told()
    return Explored(
        own=own,
        settings=tuple(settings),
        tried=tuple(sorted(tried, key=lambda one: one.cpu.expected)),
        greedy=tuple(sorted(_begun(profiles) - set(settings))),
        blocks=len(whole),
        ended=tuple(dict.fromkeys(_ended(profile) for profile in profiles if profile.switches)),
    )


def _own(profile: Profile) -> Three:
    """The thresholds that the program itself ran with when exploring began."""
    began = profile.switches[0].time_ns
    before = [one.thresholds for one in profile.readings if one.time_ns <= began]
    return before[-1] if before else profile.header.thresholds


def _settings(windows: Iterable[Window]) -> list[Three]:
    """The settings that were tried to the end."""
    times = Counter(window.thresholds for window in windows)
    often = _OFTEN * max(times.values(), default=0)
    return sorted(one for one, number in times.items() if number >= often)


def _begun(profiles: Sequence[Profile]) -> set[Three]:
    """All settings that were in force in a window, though it was cut off."""
    switches = chain.from_iterable(profile.switches for profile in profiles)
    return {switch.thresholds for switch in switches if switch.reason == WINDOW}


def _ended(profile: Profile) -> str:
    last = profile.switches[-1].reason
    return "the recording was cut off" if last == WINDOW else last


class _Seen:
    """What was seen in blocks of windows, one of each of the `settings`."""

    def __init__(self, own: Three, settings: Sequence[Three], blocks: Sequence[list[Window]]):
        self._own = own
        self._settings = settings
        self._windows = [*chain.from_iterable(blocks)]
        self._sums = Sums([summed(block) for block in blocks], Together.made)

    def told(self) -> Iterator[Tried]:
        """Each threshold0 that was tried, with the program's own threshold2 and larger ones.

        One below the program's own was tried with a larger threshold2, and none below that
        is told of.
        """
        for zero, one, tried in self._settings:
            two = max(self._own[OLD], tried)
            larger = dict.fromkeys(min(round(times * two), INT_MAX) for times in _TIMES)
            yield from (self._tried((zero, one, each)) for each in larger)

    def _tried(self, thresholds: Three) -> Tried:
        whole = self._against(thresholds, self._sums.whole)
        seconds, size = whole.this.fulls.other, _bytes_per_block(self._windows)
        extra = self._interval(thresholds, lambda each: each.extra_blocks(seconds))
        later = whole.extra_blocks(HORIZON * seconds) - extra.expected
        return Tried(
            thresholds=thresholds,
            cpu=self._interval(thresholds, lambda each: each.ratio),
            gc_share=whole.this.share,
            collections=whole.this.collections,
            pause_seconds=_pause(whole.this, self._windows),
            extra_bytes=extra.map(size),
            later_bytes=max(0.0, later * size),
        )

    def _interval(self, thresholds: Three, figure: Callable[[Against], float]) -> Estimate:
        return Estimate(
            *self._sums.interval(lambda sums: figure(self._against(thresholds, sums)), _CONFIDENCE)
        )

    def _against(self, thresholds: Three, sums: Together) -> Against:
        return Against(self._costs(thresholds, sums), self._costs(self._own, sums))

    def _costs(self, thresholds: Three, sums: Together) -> Costs:
        """By the windows of its threshold0, which with threshold1 young collections go by."""
        place = next(place for place, one in enumerate(self._settings) if one[0] == thresholds[0])
        return Costs(thresholds, sums.of[place], sums.fulls, sums.aging[place])


def _pause(costs: Costs, windows: Sequence[Window]) -> float:
    """The longest collection in as long as was explored."""
    own = (window.pause for window in windows if window.thresholds[0] == costs.thresholds[0])
    comes = costs.rates[OLD] * costs.fulls.other >= LIKELY
    full = max(window.full_pause for window in windows) if comes else 0.0
    return max(full, costs.middle_seconds, *own)


def _bytes_per_block(windows: Sequence[Window]) -> float:
    most = max(window.blocks for window in windows)
    return max(window.rss for window in windows) / most if most else 0.0
