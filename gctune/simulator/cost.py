"""What a collection costs on this program and machine, from the capture itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, log2
from operator import mul
from statistics import median
from typing import NamedTuple

from gctune.simulator.generations import OLD, YOUNG

_EXAMINE_NS = 50.0  # looking at an object in the caches: one visit of each reference, twice
_FREE_NS = 200.0  # freeing an object found dead; 100 to 400 were measured on thirteen programs
_OLD_FREE_NS = 400.0  # one that has grown old, and is in no cache any more, takes at least
# How much dearer an object gets each time that the young ones double in number
# and fit the caches less: 0.05 to 0.35 of its cost on programs made for this.
_COOLING = 0.18
_USUAL_POWER = 10.0  # of a young collection's objects, about, by the defaults of CPython
_OLD_COLDNESS = 3.0  # an object of a full collection against a young one; 2 to 8 were seen
_OLD_POWER = 20.0  # of the full collections that these were seen in
_ENOUGH = 8  # collections that make their mean worth something
_SPREAD = 0.02  # least deviation of yields that tells looking at objects from freeing them
_UNLIKE = 4.0  # times what the model tells, that no young collection takes by chance
_SIZES = 64


class Sample(NamedTuple):
    """One captured collection: what it looked at and freed, and its CPU time.

    `weight` says for how many collections of the run it stands, 0 where its
    CPU time was not read.
    """

    generation: int
    examined: float
    collected: float
    cpu_ns: int
    weight: int


class Point(NamedTuple):
    """How many times a warm object's cost one is among 2**power objects."""

    power: float
    factor: float


@dataclass(frozen=True, eq=False)
class CostModel:
    """CPU time of a collection, from the objects that it looks at and those that it frees.

    `examine_ns` and `free_ns` are for a warm object, as of the captured young
    collections; `curves` tell how many times dearer one is to look at, by generation
    and size. To free what has grown old is dearer, too, however few there are. The
    model comes to what the captured collections took.
    `error` is the relative standard error of the mean.
    """

    examine_ns: float
    free_ns: float
    curves: tuple[tuple[float, ...], ...]
    error: float

    def freeing_ns(self, generation: int, collected: float) -> float:
        """CPU time that freeing so many takes."""
        each = max(self.free_ns, _OLD_FREE_NS) if generation == OLD else self.free_ns
        return each * collected

    def factor(self, generation: int, examined: float) -> float:
        """How many times dearer an object of `generation` is among `examined`."""
        size = max(1, int(examined))
        power = size.bit_length() - 1
        low, high = self.curves[generation][power : power + 2]
        return low + (high - low) * (size / (1 << power) - 1)

    def cost_ns(self, generation: int, examined: float, collected: float) -> float:
        """CPU time of a collection of `generation`."""
        looking = self.examine_ns * examined * self.factor(generation, examined)
        return looking + self.freeing_ns(generation, collected)

    def ratio(self, sample: Sample) -> float:
        """How many times the model a captured collection took."""
        return sample.cpu_ns / self.cost_ns(sample.generation, sample.examined, sample.collected)

    def is_unlike(self, sample: Sample) -> bool:
        """Whether a young collection took far more than the model tells."""
        young = sample.generation == YOUNG and sample.examined > 0
        return young and self.ratio(sample) > _UNLIKE


def fit(samples: Sequence[Sample]) -> CostModel:
    """Fit the model to captured collections."""
    usable = [sample for sample in samples if sample.examined > 0 and sample.weight > 0]
    young, middle, old = (
        [sample for sample in usable if sample.generation == number] for number in range(3)
    )
    examine, free = _costs(young)
    warm = CostModel(examine, free, ((1.0,) * _SIZES,) * 3, 0.5)
    first = _point(warm, young) if young else Point(_USUAL_POWER, 1.0)
    curves = (
        _curve([first]),
        _curve([_point(warm, middle) if middle else first]),
        _curve([first, *(_by_size(warm, old) or [Point(_OLD_POWER, _OLD_COLDNESS)])]),
    )
    model = replace(warm, curves=curves)
    ratios = list(map(model.ratio, usable))
    if len(young) >= _ENOUGH:
        model = replace(model, error=_error(usable, ratios))
    return model


def _costs(young: Sequence[Sample]) -> tuple[float, float]:
    """Nanoseconds to look at an object of a young collection, and to free one."""
    if not young:
        return _EXAMINE_NS, _FREE_NS
    costs = [sample.cpu_ns / sample.examined for sample in young]
    yields = [min(1.0, sample.collected / sample.examined) for sample in young]
    most = 4 * median(costs)  # what was interrupted tells nothing
    weights = [sample.weight * (cost <= most) for sample, cost in zip(young, costs)]
    mean_yield, mean_cost = _mean(yields, weights), _mean(costs, weights)
    free = _slope(yields, costs, weights)
    if mean_yield * free > mean_cost / 2:  # looking at the objects takes its half at least
        free = mean_cost / 2 / mean_yield
    return mean_cost - free * mean_yield, free


def _slope(xs: Sequence[float], ys: Sequence[float], weights: Sequence[int]) -> float:
    mean_x, mean_y = _mean(xs, weights), _mean(ys, weights)
    spread = _mean([(x - mean_x) ** 2 for x in xs], weights)
    if len(xs) < _ENOUGH or spread < _SPREAD**2:
        return _FREE_NS
    slope = _mean([(x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)], weights) / spread
    return min(max(slope, _FREE_NS / 4), _FREE_NS * 2)


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    total: float = sum(map(mul, values, weights))
    return total / sum(weights)


def _by_size(warm: CostModel, samples: Sequence[Sample]) -> list[Point]:
    """A point for each power of two that collections had as their size."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(int(sample.examined).bit_length(), []).append(sample)
    return [_point(warm, group) for group in groups.values()]


def _point(warm: CostModel, samples: Sequence[Sample]) -> Point:
    """The mean size of collections, and what looking took against looking at warm objects."""
    weights = [sample.weight for sample in samples]
    examined = _mean([sample.examined for sample in samples], weights)
    looked = _mean([_looking_ns(warm, sample) for sample in samples], weights)
    return Point(log2(max(1.0, examined)), looked / (warm.examine_ns * examined))


def _looking_ns(warm: CostModel, sample: Sample) -> float:
    """What is left of a collection's CPU time without freeing: the half of it at least."""
    freeing = warm.freeing_ns(sample.generation, sample.collected)
    return max(sample.cpu_ns - freeing, sample.cpu_ns / 2)


def _curve(points: Sequence[Point]) -> tuple[float, ...]:
    """How dear an object is by powers of two: straight between the points, and cooling above."""
    powers, factors = zip(*sorted(points))
    return tuple(_at(powers, factors, power) for power in range(_SIZES))


def _at(powers: Sequence[float], factors: Sequence[float], power: float) -> float:
    place = bisect_left(powers, power)
    if place == 0:
        return factors[0]
    if place == len(powers):
        return factors[-1] * (1.0 + _COOLING * (power - powers[-1]))
    share = (power - powers[place - 1]) / (powers[place] - powers[place - 1])
    return factors[place - 1] + share * (factors[place] - factors[place - 1])


def _error(samples: Sequence[Sample], ratios: Sequence[float]) -> float:
    """The relative standard error of the whole, by what each collection adds to it."""
    spent = [float(sample.weight * sample.cpu_ns) for sample in samples]
    amiss = [own - own / ratio for own, ratio in zip(spent, ratios)]
    return hypot(*amiss) / sum(spent)
