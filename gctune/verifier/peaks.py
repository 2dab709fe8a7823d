"""What a capture sees once, its peak of memory and its longest pause, before and after.

No interval of such a figure can be told from the capture itself, so it is that
of captures alike: by as much they differ though nothing was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from gctune.profile.file import Profile
from gctune.recommender.bootstrap import Interval
from gctune.recommender.crowds import peak_rss_bytes
from gctune.verifier.verdict import COLLECTION_SECONDS, PAUSE, RSS, Figure

# What covers the ratios of captures alike. Five of one service had peaks of rss of up to 1.035
# times another's; the longest pauses of two runs alike are within 1.5 times in nine of ten.
_MEMORY = 1.05
_PAUSES = 2.2
_CHANCE = 0.025  # that all the long pauses fall into one of two captures alike: its side of 5%


def peak_of_rss(before: Sequence[Profile], after: Sequence[Profile]) -> Figure:
    """The peak of rss of processes that ran at once."""
    peaks = peak_rss_bytes(before), peak_rss_bytes(after)
    ratio = _spread(peaks[1] / peaks[0], _MEMORY) if all(peaks) else None
    return Figure(RSS, "B", *peaks, ratio)


def longest_pause(before: Sequence[Profile], after: Sequence[Profile], share: float) -> Figure:
    """The longest collection; `share` of all CPU time was captured before.

    It is surely shorter only where pauses beyond all of those after came so often
    before that chance does not explain it: a full collection may just not have come.
    """
    pauses = [_pauses(profiles) for profiles in (before, after)]
    own, other = (max(each, default=0.0) for each in pauses)
    if not (own or other):
        return Figure(PAUSE, "s", own, other, None)
    value = max(other, COLLECTION_SECONDS) / max(own, COLLECTION_SECONDS)
    beyond = sum(pause > _PAUSES * other for pause in pauses[0])
    ratio = _spread(value, _PAUSES)
    if share**beyond > _CHANCE:
        ratio = ratio._replace(high=max(1.0, ratio.high))
    return Figure(PAUSE, "s", own, other, ratio)


def _spread(value: float, times: float) -> Interval:
    return Interval(value, value / times, value * times)


def _pauses(profiles: Sequence[Profile]) -> list[float]:
    collections = chain.from_iterable(profile.collections() for profile in profiles)
    return [collection.cpu_ns / 1e9 for collection in collections]
