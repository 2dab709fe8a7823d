"""What a collection costs on this program and machine, from the capture itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log2
from statistics import fmean, median, stdev
from typing import NamedTuple

from gctune.recommender.generations import OLD, YOUNG

_EXAMINE_NS = 50.0  # looking at an object in the caches: one visit of each reference, twice
_FREE_NS = 200.0  # freeing an object found dead; 100 to 400 were measured on thirteen programs
# How much dearer an object gets each time that the young ones double in number
# and fit the caches less: 0.05 to 0.35 of its cost on programs made for this.
_COOLING = 0.18
_OLD_COLDNESS = 3.0  # an object of a full collection against a young one; 2 to 8 were seen
_ENOUGH = 8  # collections that make their mean worth something
_SPREAD = 0.02  # least deviation of yields that tells looking at objects from freeing them
_SIZES = 64


class Sample(NamedTuple):
    """One captured collection: what it looked at and freed, and its CPU time."""

    generation: int
    examined: float
    collected: float
    cpu_ns: int


@dataclass(frozen=True)
class CostModel:
    """CPU time of a collection, from the objects that it looks at and those that it frees.

    `examine_ns` and `free_ns` are for an object of the captured young
    collections, which had `young_size` objects. `coldness` says how many times
    that an older object costs among 2**n, by n. `error` is the relative
    standard error of the mean, `tail` how many times the model the dearest
    collections took.
    """

    examine_ns: float
    free_ns: float
    young_size: float
    coldness: tuple[float, ...]
    error: float
    tail: float

    def warm_ns(self, examined: float, collected: float) -> float:
        """CPU time if every object were as close at hand as in a captured young collection."""
        return self.examine_ns * examined + self.free_ns * collected

    def factor(self, generation: int, examined: float) -> float:
        """How many times dearer an object of `generation` is among `examined`."""
        if generation == YOUNG:
            return 1.0 + _COOLING * max(0.0, log2(max(1.0, examined) / self.young_size))
        size = max(1, int(examined))
        power = size.bit_length() - 1
        low, high = self.coldness[power : power + 2]
        return low + (high - low) * (size / (1 << power) - 1)


def fit(samples: Sequence[Sample]) -> CostModel:
    """Fit the model to captured collections."""
    usable = [sample for sample in samples if sample.examined > 0 and sample.cpu_ns > 0]
    young = [sample for sample in usable if sample.generation == YOUNG]
    examine, free = _costs(young)
    size = fmean(sample.examined for sample in young) if young else 1000.0
    curve = _curve(list(_points(usable, examine, free)), size)
    model = CostModel(examine, free, size, curve, 0.0, 1.0)
    ratios = [
        sample.cpu_ns
        / model.warm_ns(sample.examined, sample.collected)
        / model.factor(sample.generation, sample.examined)
        for sample in usable
    ]
    error = stdev(ratios) / len(ratios) ** 0.5 if len(young) >= _ENOUGH else 0.5
    return CostModel(examine, free, size, curve, error, _tail(usable, ratios))


def _costs(young: Sequence[Sample]) -> tuple[float, float]:
    """Nanoseconds to look at an object of a young collection, and to free one."""
    if not young:
        return _EXAMINE_NS, _FREE_NS
    costs = [sample.cpu_ns / sample.examined for sample in young]
    yields = [min(1.0, sample.collected / sample.examined) for sample in young]
    most = 4 * median(costs)  # what was interrupted tells nothing
    pairs = [(x, y) for x, y in zip(yields, costs) if y <= most]
    mean_yield = fmean(x for x, _ in pairs)
    mean_cost = fmean(y for _, y in pairs)
    free = _slope(pairs, mean_yield, mean_cost)
    if mean_yield * free > mean_cost / 2:  # looking at the objects takes its half at least
        free = mean_cost / 2 / mean_yield
    return mean_cost - free * mean_yield, free


def _slope(pairs: Sequence[tuple[float, float]], mean_x: float, mean_y: float) -> float:
    spread = fmean((x - mean_x) ** 2 for x, _ in pairs)
    if len(pairs) < _ENOUGH or spread < _SPREAD**2:
        return _FREE_NS
    slope = fmean((x - mean_x) * (y - mean_y) for x, y in pairs) / spread
    return min(max(slope, _FREE_NS / 4), _FREE_NS * 2)


def _points(
    samples: Iterable[Sample], examine: float, free: float
) -> Iterable[tuple[float, float]]:
    """How cold the older generations were: size as a power of two, and times a young object."""
    groups: dict[tuple[int, int], list[Sample]] = {}
    for sample in samples:
        if sample.generation != YOUNG:
            size = int(sample.examined).bit_length() if sample.generation == OLD else 0
            groups.setdefault((sample.generation, size), []).append(sample)
    for group in groups.values():
        warm = sum(examine * sample.examined + free * sample.collected for sample in group)
        mean_size = fmean(sample.examined for sample in group)
        yield log2(max(1.0, mean_size)), sum(sample.cpu_ns for sample in group) / warm


def _curve(points: list[tuple[float, float]], young_size: float) -> tuple[float, ...]:
    """The coldness by powers of two: straight between the points, never falling."""
    ordered = sorted([*points, (log2(young_size), 1.0)])
    if len(ordered) == 1:
        ordered.append((20.0, _OLD_COLDNESS))
    sizes = [size for size, _ in ordered]
    values = list(accumulate((value for _, value in ordered), max))
    return tuple(_at(sizes, values, power) for power in range(_SIZES))


def _at(sizes: Sequence[float], values: Sequence[float], power: float) -> float:
    place = bisect_left(sizes, power)
    if place == 0:
        return values[0]
    if place == len(sizes):
        return values[-1] + _COOLING * (power - sizes[-1])
    share = (power - sizes[place - 1]) / (sizes[place] - sizes[place - 1])
    return values[place - 1] + share * (values[place] - values[place - 1])


def _tail(samples: Sequence[Sample], ratios: Sequence[float]) -> float:
    """How far the dearest collections of the capture exceed the model, nine times in ten."""
    dearest = sorted(zip((sample.cpu_ns for sample in samples), ratios), reverse=True)
    exceeding = sorted(ratio for _, ratio in dearest[: 1 + len(ratios) // 20])
    return max(1.0, exceeding[9 * len(exceeding) // 10]) if exceeding else 1.0
