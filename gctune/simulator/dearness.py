"""How dear the captured collections about a place were, against the model of the whole run.

A program's phases differ in what an object costs to look at: one builds what
another wanders through. The mean over the run tells what all collections cost,
but not the longest.
"""

from __future__ import annotations

from functools import lru_cache

from gctune.simulator.cost import CostModel
from gctune.simulator.stretch import Stretch

_FEWEST = 2  # captured collections that tell: one alone may have been interrupted
_REMEMBERED = 64  # stretches, that a search compares all candidates with


class Dearness:
    """What sampled collections of a generation took, and the model tells of them, in sums.

    `until` are how many of those there are up to each place.
    """

    def __init__(self, cost: CostModel, stretch: Stretch, generation: int) -> None:
        self._until = [0]
        self._took, self._told = [0.0], [0.0]
        for one in stretch.samples:
            usable = one.generation == generation and one.weight > 0 and one.examined > 0
            if usable and not cost.is_unlike(one):
                self._took.append(self._took[-1] + one.cpu_ns)
                self._told.append(
                    self._told[-1] + cost.cost_ns(generation, one.examined, one.collected)
                )
            self._until.append(len(self._took) - 1)

    def between(self, start: int, stop: int) -> float:
        """How many times what the model tells those after `start` took, up to `stop`.

        The model counts as one more of them: what few took varies by itself.
        """
        first, last = self._until[start], self._until[stop]
        lacking = _FEWEST - (last - first)
        if lacking > 0:
            first = max(0, first - (lacking + 1) // 2)
            last = min(self._until[-1], max(last, first + _FEWEST))
        told = self._told[last] - self._told[first]
        if not told:
            return 1.0
        usual = told / (last - first)
        return (self._took[last] - self._took[first] + usual) / (told + usual)


@lru_cache(maxsize=_REMEMBERED)
def dearness(cost: CostModel, stretch: Stretch, generation: int) -> Dearness:
    """That of collections of a generation."""
    return Dearness(cost, stretch, generation)
