"""The heap of this process, as tracemalloc knows it."""

from __future__ import annotations

import time
import tracemalloc

from gctune.errors import ProfileError, problem
from gctune.profile.functions import Names
from gctune.profile.sites import Heap, Site, gather
from gctune.runtime.knobs import collect

MOST_FRAMES = 1000  # of a stack; where recursion ends, unless a program raises that
USUAL_FRAMES = 25
# Measured on programs that do little but allocate.
COST = (
    "while its allocations are traced, a program takes 3 to 20 times the CPU"
    " and 2 to 3 times the memory; the fewer frames, the less"
)
_BLOCKS = "objects are memory blocks: an object is one, or two where its items have their own"


def under_way() -> bool:
    """Whether allocations are traced."""
    return tracemalloc.is_tracing()


def start(frames: int = USUAL_FRAMES) -> None:
    """Trace every allocation from now on, with up to so many frames of its stack.

    Where tracing is under way already it goes on as it is.
    """
    if not under_way():
        tracemalloc.start(frames)


def stop() -> None:
    """Trace no more, and forget what was traced."""
    tracemalloc.stop()


def take(*, last: bool = False) -> Heap:
    """Take what is in use now, after a full collection; the `last` time, tracing ends.

    Only what was allocated since tracing started is known of; sizes are what
    Python asked its allocators for. Never looks into an object. Raises
    ProfileError where nothing is traced.
    """
    if not under_way():
        wrong = "no allocation is traced"
        remedy = "start the program by gctune heap, or with -X tracemalloc=25"
        raise ProfileError(problem("tracemalloc", "off", wrong, remedy))
    collect()
    snapshot, taken_ns = tracemalloc.take_snapshot(), time.time_ns()
    if last:
        stop()  # what follows takes ten times as long while it is traced
    names = Names()
    found = (
        Site(
            names.stack((frame.filename, frame.lineno) for frame in statistic.traceback),
            statistic.count,
            statistic.size,
        )
        for statistic in snapshot.statistics("traceback")
    )
    cut = f"stacks of up to {snapshot.traceback_limit} frames, by tracemalloc"
    return Heap(gather(found), taken_ns, (cut, _BLOCKS))
