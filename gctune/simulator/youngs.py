"""What young collections take, and what is allocated between them."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from operator import add
from typing import NamedTuple

from gctune.simulator.cost import CostModel
from gctune.simulator.crest import Crest, climbed
from gctune.simulator.dearness import dearness
from gctune.simulator.generations import YOUNG
from gctune.simulator.runs import Runs
from gctune.simulator.stretch import Stretch

_REMEMBERED = 8  # of the last answers, which a search asks for again and again


class Charge(NamedTuple):
    """CPU time of a collection: by the model of the whole run, and as dear as that place is."""

    whole_ns: float
    pause_ns: float


class Youngs:
    """The collections under a threshold0, as far as they are young: whatever the other thresholds.

    `whole_ns` is the CPU time of all before each place by the model of the whole run, and
    `pause_ns` what each takes, as dear as its place is. `stops` are the captured
    collections that tell of the blocks before each, and `tops` the most of those since
    the last one, without the garbage that older generations had before all of them.
    """

    def __init__(self, cost: CostModel, stretch: Stretch, threshold0: int) -> None:
        self.runs = runs = Runs(stretch, threshold0)
        facts = zip(runs.youngs, runs.freed)
        took = [cost.cost_ns(YOUNG, young.objects, freed) for young, freed in facts]
        self.whole_ns = list(accumulate(took, initial=0.0))
        dear, places = dearness(cost, stretch, YOUNG), pairwise([0, *runs.positions])
        self.pause_ns = [whole * dear.between(*span) for whole, span in zip(took, places)]
        self.stops = [max(position, 1) for position in runs.positions]
        self._spans = list(pairwise([0, *self.stops]))
        self._garbage = list(zip([0.0, *runs.aged], map(add, runs.aged, runs.held)))
        self._unheld = stretch.unheld
        self.tops = [self.crest(place).blocks for place in range(len(runs))]

    def charge(self, place: int) -> Charge:
        """What the one at a place takes."""
        return Charge(self.whole_ns[place + 1] - self.whole_ns[place], self.pause_ns[place])

    def crest(self, place: int) -> Crest:
        """The crest of the climb to the one at a place, without that garbage."""
        return climbed(self._unheld, self._spans[place], self._garbage[place])


@lru_cache(maxsize=_REMEMBERED)
def youngs_of(cost: CostModel, stretch: Stretch, threshold0: int) -> Youngs:
    """Those of a stretch under a threshold0."""
    return Youngs(cost, stretch, threshold0)
