"""What all processes of a service did together, in windows of the time that their capture covers.

Each process is read at times of its own, so what it did from one reading to the
next is spread evenly over that time. While no process was recorded, no time passes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import ceil
from typing import NamedTuple, TypeAlias

_FAR = 4.0  # times a common span, that one is hardly by chance

# Seconds, then what there was of each sum meanwhile.
Window: TypeAlias = tuple[float, ...]


class Span(NamedTuple):
    """What one process did from one instant to a later one, by Unix time."""

    began: float
    ended: float
    sums: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.ended - self.began


def in_windows(spans: Sequence[Span], most: int) -> list[Window]:
    """Sum spans up in windows of one length: that of the spans, or more for there to be `most`."""
    spans = [span for span in spans if span.seconds > 0]
    if not spans:
        return []
    covered = _Covered(spans)
    number = max(1, min(most, round(covered.seconds / _usual(spans))))
    length = covered.seconds / number
    sums = [[0.0] * len(spans[0].sums) for _ in range(number)]
    for span in spans:
        for place, share in _shares(covered.before(span.began) / length, span.seconds / length):
            if place < number:  # but for rounding
                sums[place] = [
                    before + share * amount for before, amount in zip(sums[place], span.sums)
                ]
    return [(length, *each) for each in sums]


class _Covered:
    """The time at which any process was recorded."""

    def __init__(self, spans: Iterable[Span]) -> None:
        stretches = list(_joined(spans))
        self._starts = [start for start, _ in stretches]
        self._before = list(accumulate((end - start for start, end in stretches), initial=0.0))

    @property
    def seconds(self) -> float:
        """How much of it there is."""
        return self._before[-1]

    def before(self, instant: float) -> float:
        """How much of it lies before an instant that is within."""
        place = bisect_right(self._starts, instant) - 1
        return self._before[place] + instant - self._starts[place]


def _joined(spans: Iterable[Span]) -> Iterator[tuple[float, float]]:
    """Begin and end of what spans cover, those that overlap or meet as one."""
    first, *others = sorted(spans)
    began, ended = first.began, first.ended
    for span in others:
        if span.began > ended:
            yield began, ended
            began = span.began
        ended = max(ended, span.ended)
    yield began, ended


def _usual(spans: Sequence[Span]) -> float:
    """How long the span is, on average, that an instant lies in.

    One far beyond the others counts as no more than `_FAR` times a common one:
    a process that was stopped for a while was not read seldom.
    """
    most = _FAR * _common(sorted(span.seconds for span in spans))
    lengths = [min(most, span.seconds) for span in spans]
    return sum(length**2 for length in lengths) / sum(lengths)


def _common(lengths: Sequence[float]) -> float:
    """The length of span below which a tenth of all time lies: a stop may be most of the rest."""
    return lengths[bisect_left(list(accumulate(lengths)), sum(lengths) / 10)]


def _shares(start: float, length: float) -> Iterator[tuple[int, float]]:
    """The windows that a span lies in, and its share in each; a window is 1 long."""
    for place in range(int(start), ceil(start + length)):
        within = min(start + length, place + 1) - max(start, place)
        yield place, within / length
