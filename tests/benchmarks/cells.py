"""What a program costs at one setting: the medians of its runs there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rows import Row


@dataclass(frozen=True)
class Cell:
    """`share` is GC's CPU time over the other, `pause_ms` the longest pause in CPU time."""

    share: float
    peak_bytes: float
    pause_ms: float
    collections: tuple[float, float, float]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Cell:
        def middle(name: str) -> float:
            return median(row[name] for row in rows)

        young, second, old = (median(counts) for counts in zip(*map(_automatic, rows)))
        return cls(
            middle("share"),
            middle("peak_rss_bytes"),
            middle("longest_cpu_ms"),
            (young, second, old),
        )

    def cpu_ratio(self, default: Cell) -> float:
        """CPU time against the default's, by the shares: the other CPU time is the same."""
        return (1 + self.share) / (1 + default.share)

    def memory_ratio(self, default: Cell) -> float:
        return self.peak_bytes / default.peak_bytes

    def pause_ratio(self, default: Cell) -> float:
        return self.pause_ms / default.pause_ms if default.pause_ms else 1.0


def _automatic(row: Row) -> list[int]:
    """The collections by generation, without the one that goes before a freeze."""
    young, second, old = row["collections"]
    return [young, second, old - ("freeze" in row["setting"])]


def print_row(cells: Iterable[object]) -> None:
    """A row of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_head(columns: Sequence[str]) -> None:
    print_row(columns)
    print(f"|{'---|' * len(columns)}")
