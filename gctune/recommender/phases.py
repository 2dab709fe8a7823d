"""When a program has started up: from then on its heap has its later size."""

from __future__ import annotations

from itertools import chain
from statistics import median
from typing import NamedTuple

from gctune.simulator.summary import Summary

# Of the live objects of a run's second half: a program that has started up. The
# most that it comes to in time, for what it adds later is looked at each time.
_STEADY = (0.98, 0.95, 0.9, 0.8)
_STARTED_BY = 0.3  # of the run's time: later than that, it never stops starting up


class StartUp(NamedTuple):
    """The end of a start-up: the collections and the seconds gone by, and the live objects."""

    collections: int
    seconds: float
    objects: int


def started_up(summary: Summary) -> StartUp | None:
    """When the heap had its later size; None where it goes on to grow."""
    live = list(chain.from_iterable(stretch.live for stretch in summary.stretches))
    if not live:
        return None
    later = median(live[len(live) // 2 :])
    columns = [stretch.timeline.columns for stretch in summary.stretches]
    times = list(chain.from_iterable(each.start_ns for each in columns))
    latest = _STARTED_BY * (summary.ended - summary.began)
    for steady in _STEADY:
        place = next(place for place, objects in enumerate(live) if objects >= steady * later)
        seconds = (times[place] - summary.header.start_ns) / 1e9
        if seconds <= latest:
            return StartUp(place + 1, seconds, round(live[place]))
    return None
