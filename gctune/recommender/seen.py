"""The arithmetic of an exploring capture: what a setting costs, from sums over its windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from math import fsum
from operator import mul
from typing import NamedTuple

from gctune.profile.records import Three
from gctune.recommender.windows import Window
from gctune.simulator.generations import MIDDLE, OLD, needed

_LEAST = 1e-9  # collections, to divide by


class Setting(NamedTuple):
    """What the windows of one setting took together."""

    other: float
    due: float
    young: float
    middle: float
    freed_young: float
    freed_middle: float
    aged: float
    aged_other: float


class Fulls(NamedTuple):
    """What full collections did in the windows of all settings, and how long these were."""

    other: float
    number: float
    seconds: float
    freed: float
    waited: float  # seconds of `other` from one to the next
    waits: float

    @property
    def rate(self) -> float:
        """How often they come: by their waits, which differ less than the number in a while."""
        return self.waits / self.waited if self.waits else self.number / self.other


class Together(NamedTuple):
    """Sums over blocks, of each setting and of all; `aging` is how fast objects grow old in each.

    It is told against all windows together.
    """

    of: tuple[Setting, ...]
    fulls: Fulls
    aging: tuple[float, ...]

    @classmethod
    def made(cls, sums: Sequence[float]) -> Together:
        """Make them of figures in a row, settings in the order of threshold0."""
        width, last = len(Setting._fields), len(sums) - len(Fulls._fields)
        of = tuple(Setting(*sums[start : start + width]) for start in range(0, last, width))
        return cls(of, Fulls(*sums[last:]), tuple(_agings(of)))


def _agings(of: Sequence[Setting]) -> Iterator[float]:
    """A larger threshold0 lets no more objects grow old, which noise may seem to say."""
    rates = [one.aged / one.aged_other if one.aged_other else 0.0 for one in of]
    most = rates[0]
    shares = [min(1.0, max(0.0, rate / most)) if most > 0 else 1.0 for rate in rates]
    mean = fsum(map(mul, shares, (one.other for one in of))) / fsum(one.other for one in of)
    return (share / mean for share in shares)


class Costs(NamedTuple):
    """What one setting costs, from sums over blocks; rates and shares are by second of `other`."""

    thresholds: Three
    of: Setting
    fulls: Fulls
    aging: float

    @property
    def share(self) -> float:
        """The collector's CPU time."""
        full = self.fulls.seconds / max(1, self.fulls.number) * self.rates[OLD]
        return (self.of.young + self.of.middle) / self.of.other + full

    @property
    def rates(self) -> tuple[float, float, float]:
        """How often a generation is due; one is collected in place of the one below it."""
        _, one, two = self.thresholds
        young = self.of.due / self.of.other
        middle = young / (needed(one) + 1)
        return young, middle, min(self.aging * self.fulls.rate, middle / (needed(two) + 1))

    @property
    def collections(self) -> tuple[float, float, float]:
        """How many there are of each generation."""
        young, middle, old = self.rates
        return young - middle, middle - old, old

    @property
    def middle_seconds(self) -> float:
        """What a collection of generation 1 takes: all that survived since the last."""
        return self.of.middle / max(_LEAST, self.of.other * self.rates[MIDDLE])

    def held(self, seconds: float) -> float:
        """The blocks of garbage that wait, at most, in `seconds` of `other`."""
        of, fulls = self.of, self.fulls
        made = (
            of.freed_young / of.other,
            of.freed_middle / of.other,
            self.aging * fulls.rate * fulls.freed / max(1, fulls.number),
        )
        return sum(each / max(rate, 1 / seconds) for each, rate in zip(made, self.rates))


class Against(NamedTuple):
    """One setting against the program's own, both from the same sums over blocks."""

    this: Costs
    own: Costs

    @property
    def ratio(self) -> float:
        """Of CPU times."""
        return (1 + self.this.share) / (1 + self.own.share)

    def extra_blocks(self, seconds: float) -> float:
        """What more garbage waits."""
        return self.this.held(seconds) - self.own.held(seconds)


def summed(block: Sequence[Window]) -> tuple[float, ...]:
    """A block as figures that add up, which `Together.made` takes apart again."""
    return *chain.from_iterable(map(_of, sorted(block))), *_fulls(block)


def _of(window: Window) -> Setting:
    young, middle, _ = window.freed
    return Setting(
        window.other, window.due, window.young, window.middle, young, middle, *window.aged
    )


def _fulls(block: Sequence[Window]) -> Fulls:
    return Fulls(
        other=sum(window.other for window in block),
        number=sum(window.fulls for window in block),
        seconds=sum(window.full for window in block),
        freed=sum(window.freed[OLD] for window in block),
        waited=sum(window.waits[0] for window in block),
        waits=sum(window.waits[1] for window in block),
    )
