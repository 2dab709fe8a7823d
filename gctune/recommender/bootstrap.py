"""Intervals from what was measured alone: the bootstrap (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from math import ceil, exp, fsum, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

CONFIDENCE = 0.95
_RESAMPLES = 2000
_BEYOND = 1  # of the resamples at least beyond a bound, for which more are drawn
_SEED = 1979  # the same measurements always give the same interval


class Interval(NamedTuple):
    """A measured figure, and the bounds that hold it as often as was asked."""

    value: float
    low: float
    high: float


def paired(ratios: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The geometric mean of the ratios of pairs, resampling pairs.

    The bounds are percentiles, expanded as Student's t asks for few pairs
    (Hesterberg 2015, "What teachers should know about the bootstrap"). They
    never lie beyond the least and the greatest of the pairs, which hold the
    median of n pairs but for 2**(1 - n) of the time. Of normal ratios, those of
    eight pairs miss 2 or 3 times in 100 where they are asked to miss once.
    """
    logs = list(map(log, ratios))
    draw = Random(_SEED)  # noqa: S311 - resampling is no secret
    tail = _expanded(len(logs), confidence)
    number = max(_RESAMPLES, ceil(_BEYOND / tail) if tail else 0)
    means = sorted(fsum(draw.choices(logs, k=len(logs))) / len(logs) for _ in range(number))
    low, high = _percentiles(means, tail)
    return Interval(exp(fsum(logs) / len(logs)), exp(low), exp(high))


def of_blocks(
    before: Sequence[tuple[float, ...]],
    after: Sequence[tuple[float, ...]],
    figure: Callable[[tuple[float, ...]], float],
    confidence: float = CONFIDENCE,
) -> Interval:
    """The ratio of a figure after to before, each told from the sums of its windows.

    Windows that follow each other are alike, so blocks of them are resampled,
    round the end to the start (Politis and Romano 1992), each as long as the
    cube root of their number.
    """
    draw = Random(_SEED)  # noqa: S311 - resampling is no secret
    value = figure(_sums(after)) / figure(_sums(before))
    ratios = sorted(
        figure(_sums(_resampled(after, draw))) / figure(_sums(_resampled(before, draw)))
        for _ in range(_RESAMPLES // 2)
    )
    blocks = min(len(windows) // _block(windows) for windows in (before, after))
    return Interval(value, *_percentiles(ratios, _expanded(blocks, confidence)))


class Sums(Generic[T]):
    """Sums over blocks, and those over resampled blocks, each made into what figures are told from.

    `whole` is that of all blocks. Those that follow each other are resampled
    together, as in `of_blocks`: what comes at regular intervals stays regular.
    """

    def __init__(
        self, blocks: Sequence[tuple[float, ...]], made: Callable[[tuple[float, ...]], T]
    ) -> None:
        draw = Random(_SEED)  # noqa: S311 - resampling is no secret
        self.whole = made(_sums(blocks))
        self._blocks = len(blocks) // _block(blocks)
        self._resampled = [made(_sums(_resampled(blocks, draw))) for _ in range(_RESAMPLES)]

    def interval(self, figure: Callable[[T], float], confidence: float = CONFIDENCE) -> Interval:
        """The figure of all blocks with its interval."""
        values = sorted(map(figure, self._resampled))
        return Interval(
            figure(self.whole), *_percentiles(values, _expanded(self._blocks, confidence))
        )


def _sums(windows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(map(fsum, zip(*windows)))


def _block(windows: Sequence[object]) -> int:
    return max(1, int(len(windows) ** (1 / 3) + 0.5))


def _resampled(windows: Sequence[tuple[float, ...]], draw: Random) -> Sequence[tuple[float, ...]]:
    number, length = len(windows), _block(windows)
    starts = (draw.randrange(number) for _ in range(-(-number // length)))
    places = chain.from_iterable(range(start, start + length) for start in starts)
    return [windows[place % number] for place in islice(places, number)]


def _percentiles(ordered: Sequence[float], tail: float) -> tuple[float, float]:
    place = int(tail * len(ordered))
    return ordered[place], ordered[-1 - place]


def _expanded(number: int, confidence: float) -> float:
    """The tail to cut off each side of a bootstrap from so few, for it to be `confidence`."""
    if number < 2:  # noqa: PLR2004 - nothing can be told from one
        return 0.0
    return NormalDist().cdf(-sqrt(number / (number - 1)) * _student(number - 1, confidence))


def _student(freedom: int, confidence: float) -> float:
    """Student's t by its expansion about the normal (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return fsum(term / freedom**power for power, term in enumerate(terms))
