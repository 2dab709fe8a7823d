"""Captured collections as columns of integers, small enough for a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from heapq import nlargest
from itertools import compress
from math import inf

from gctune.monitor.recorder import Collection

_TYPES = "bqqqiiiqqq"  # of the columns: counts are C ints
_KEPT = [name != "uncollectable" for name in Collection._fields]
_ALIKE = 3  # collections of a kind
_FAR = 4  # times what the least of so many take, that another kind takes
_TICK_NS = 16_000_000  # of a thread's CPU clock, where it is coarsest: on Windows


@dataclass(frozen=True)
class Columns:
    """An entry in each column a captured collection, oldest first; see `Collection`.

    `before` and `after` are its blocks; what was uncollectable is left out.
    """

    generation: array[int]
    start_ns: array[int]
    wall_ns: array[int]
    cpu_ns: array[int]
    count0: array[int]
    count1: array[int]
    count2: array[int]
    collected: array[int]
    before: array[int]
    after: array[int]

    def __len__(self) -> int:
        return len(self.generation)

    @classmethod
    def of(cls, parts: Iterable[Iterable[Iterable[int]]]) -> Columns:
        """Gather parts that have a column for each field of `Collection`: 61 bytes a collection."""
        columns = cls(*(array(code) for code in _TYPES))
        for part in parts:
            for column, values in zip(vars(columns).values(), compress(part, _KEPT)):
                column.extend(values)
        columns._forget_mispaired()
        return columns

    def _forget_mispaired(self) -> None:
        """Take a collection as not read that claims more CPU time than passed.

        It was paired from the start and the stop of two collections.
        """
        for place, (cpu, wall) in enumerate(zip(self.cpu_ns, self.wall_ns)):
            if cpu > wall + _TICK_NS:
                self.cpu_ns[place] = self.before[place] = self.after[place] = 0

    @cached_property
    def weights(self) -> array[int]:
        """How many collections of its generation the CPU time of each stands for.

        One that took far more than all like it stands for itself alone.
        """
        return self._stand_for(self.cpu_ns, [self._most_ns(number) for number in range(3)])

    @cached_property
    def block_weights(self) -> array[int]:
        """The same of its blocks."""
        return self._stand_for(self.before, [inf] * 3)

    def _stand_for(self, column: array[int], most: Sequence[float]) -> array[int]:
        """How many each stands for; 0 where its entry in the column was not read.

        It stands for itself and those before it that were not read, the last of its
        generation also for those after it, one with more than `most` for itself alone.
        """
        weights = array("i", bytes(4 * len(self)))
        last: list[int | None] = [None] * 3
        waiting = [0] * 3
        for place, (generation, value) in enumerate(zip(self.generation, column)):
            waiting[generation] += 1
            if value > most[generation]:
                weights[place], waiting[generation] = 1, waiting[generation] - 1
            elif value:
                weights[place], waiting[generation] = waiting[generation], 0
                last[generation] = place
        for place_or_none, left in zip(last, waiting):
            if place_or_none is not None:
                weights[place_or_none] += left
        return weights

    def _most_ns(self, generation: int) -> float:
        """The most that a collection may take to stand for others of its generation."""
        own = (cpu for each, cpu in zip(self.generation, self.cpu_ns) if cpu and each == generation)
        greatest = nlargest(_ALIKE, own)
        return _FAR * greatest[-1] if len(greatest) == _ALIKE else inf

    def part(self, start: int, stop: int) -> Columns:
        """The collections from `start` on, up to `stop`."""
        own = (getattr(self, field.name)[start:stop] for field in fields(self))
        return Columns(*own)
