"""The collector's three generations, as it tells of each: the youngest first."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeAlias

    Three: TypeAlias = tuple[int, int, int]  # of generation 0, 1 and 2


def three(values: Iterable[int]) -> Three:
    """Tell a type checker that there are as many."""
    young, middle, old = values
    return young, middle, old


def by_generation(stats: Iterable[Mapping[str, Any]], name: str) -> Three:
    """One of the totals of gc.get_stats(), of each generation."""
    return three(generation[name] for generation in stats)
