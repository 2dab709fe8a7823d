"""Histograms with buckets that double, so that a few numbers hold every duration."""

from __future__ import annotations

from math import frexp

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST, MOST = -20, 6  # exponents of two: from a microsecond to a minute
BOUNDS = tuple(2.0**exponent for exponent in range(LEAST, MOST + 1))  # seconds


class Histogram(Record):
    """Durations by the power of two that they stay below.

    `counts[i]` is how many lasted less than BOUNDS[i] seconds and no less than
    the bound before it; the last of `counts` has those that lasted longer than
    every bound.
    """

    counts: tuple[int, ...]
    sum_ns: int

    @property
    def number(self) -> int:
        """How many durations there were."""
        return sum(self.counts)

    def with_durations(self, durations_ns: Iterable[int]) -> Histogram:
        """Count further durations."""
        counts, sum_ns = list(self.counts), self.sum_ns
        for duration_ns in durations_ns:
            counts[_bucket(duration_ns)] += 1
            sum_ns += duration_ns
        return Histogram(tuple(counts), sum_ns)

    def merged(self, other: Histogram) -> Histogram:
        """Those of two processes, or of two times, as one."""
        counts = tuple(map(sum, zip(self.counts, other.counts)))
        return Histogram(counts, self.sum_ns + other.sum_ns)


EMPTY = Histogram((0,) * (len(BOUNDS) + 1), 0)


def _bucket(duration_ns: int) -> int:
    _, exponent = frexp(max(duration_ns, 1) / 1e9)  # the duration is less than 2 ** exponent
    return min(max(exponent - LEAST, 0), len(BOUNDS))
