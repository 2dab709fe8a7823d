"""When a program has started up: from then on its heap has its later size."""

from __future__ import annotations

from statistics import median

from gctune.recommender.summary import Summary

_STEADY = 0.8  # of the live objects of a run's second half: a program that has started up
_STARTED_BY = 0.5  # of the run: later than that, it never stops starting up


def started_up(summary: Summary) -> int | None:
    """The collections gone by when the heap has its later size; None where it goes on to grow."""
    live = [objects for stretch in summary.stretches for objects in stretch.live]
    if not live:
        return None
    steady = _STEADY * median(live[len(live) // 2 :])
    position = next(place for place, objects in enumerate(live, 1) if objects >= steady)
    return position if position <= _STARTED_BY * len(live) else None
