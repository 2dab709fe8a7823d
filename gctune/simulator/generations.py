"""The generations of CPython's generational collector."""

YOUNG, MIDDLE, OLD = 0, 1, 2
AUTOMATIC = -1  # in place of a generation: the one that the counters call for
