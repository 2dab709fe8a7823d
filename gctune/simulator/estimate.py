"""A predicted figure with the range that it is expected to fall in."""

from __future__ import annotations

from math import hypot
from statistics import NormalDist
from typing import NamedTuple

_NINE_IN_TEN = NormalDist().inv_cdf(0.9)  # standard deviations, that a bound is away


class Estimate(NamedTuple):
    """What is expected, and the bounds that hold nine times in ten."""

    expected: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Estimate:
        """The estimate of what is known."""
        return cls(value, value, value)

    def map(self, scale: float, offset: float = 0.0) -> Estimate:
        """The estimate of `offset + scale * figure`, with `scale` positive."""
        return Estimate(*(offset + scale * value for value in self))

    def chance_above(self, value: float) -> float:
        """How likely the figure is above, where it errs as normal on either side."""
        expected, low, high = self
        side = high - expected if value >= expected else expected - low
        if not side:
            return float(expected > value)
        return NormalDist().cdf(_NINE_IN_TEN * (expected - value) / side)

    def doubted(self, above: float, below: float) -> Estimate:
        """The same with one more thing that it may err by; what is independent adds up squared."""
        expected, low, high = self
        return Estimate(
            expected,
            expected - hypot(expected - low, below),
            expected + hypot(high - expected, above),
        )


def total(estimates: list[Estimate]) -> Estimate:
    """The sum of estimates that may err together."""
    return Estimate(*map(sum, zip(*estimates)))


def mean(estimates: list[Estimate]) -> Estimate:
    """The mean of estimates of the same figure."""
    return total(estimates).map(1 / len(estimates))


def spread(estimates: list[Estimate]) -> Estimate:
    """The mean of estimates of a figure that any of them may come true of."""
    expected, low, high = zip(*estimates)
    return Estimate(sum(expected) / len(expected), min(low), max(high))


def by_chance(estimates: list[Estimate]) -> Estimate:
    """The mean of estimates of a figure, any of which may come true by chance."""
    figures = [one.expected for one in estimates]
    whole = mean(estimates)
    return whole.doubted(max(figures) - whole.expected, whole.expected - min(figures))


def greatest(estimates: list[Estimate]) -> Estimate:
    """The greatest of several figures."""
    return Estimate(*map(max, zip(*estimates)))
