"""The generations of CPython's generational collector, and what its thresholds let through."""

from __future__ import annotations

from sys import maxsize

YOUNG, MIDDLE, OLD = 0, 1, 2
AUTOMATIC = -1  # in place of a generation: the one that the counters call for


def highest(threshold0: int) -> int:
    """The highest count of generation 0 at which no collection comes.

    0 turns them off, and every allocation passes a negative threshold.
    """
    return max(0, threshold0) if threshold0 else maxsize


def needed(threshold: int) -> int:
    """How many collections of a generation call for one of the next: none under a negative."""
    return max(0, threshold + 1)
