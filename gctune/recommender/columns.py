"""Captured collections as columns of integers, small enough for a million of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from gctune.monitor.recorder import Collection


@dataclass(frozen=True)
class Columns:
    """An entry in each column a captured collection, oldest first; see `Collection`."""

    generation: array[int]
    start_ns: array[int]
    wall_ns: array[int]
    cpu_ns: array[int]
    count0: array[int]
    count1: array[int]
    count2: array[int]
    collected: array[int]
    uncollectable: array[int]
    before: array[int]
    after: array[int]

    def __len__(self) -> int:
        return len(self.generation)

    @classmethod
    def of(cls, batches: Iterable[Iterable[Collection]]) -> Columns:
        """Gather collections, 81 bytes each.

        A thread has no more CPU time than passed: what claims more was paired
        from the start and the stop of two collections.
        """
        columns = cls(array("b"), *(array("q") for _ in range(10)))
        for batch in batches:
            for column, values in zip(vars(columns).values(), zip(*batch)):
                column.extend(values)
        columns.cpu_ns[:] = array("q", map(min, columns.cpu_ns, columns.wall_ns))
        return columns

    def part(self, start: int, stop: int) -> Columns:
        """The collections from `start` on, up to `stop`."""
        return Columns(*(column[start:stop] for column in vars(self).values()))
