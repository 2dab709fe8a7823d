"""The collector's three generations, as it tells of each, and what it keeps out of all of them."""

from __future__ import annotations

import gc

from gctune.host.interpreter import FREE_THREADED

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
    """One of the totals of gc.get_stats(), of each generation, the youngest first."""
    return three(generation[name] for generation in stats)


def frozen_count() -> int | None:
    """How many objects gc.freeze() keeps from collections; takes 10 ms for a million of them.

    None without the GIL: a forked child may wait there for ever, for a lock that
    another thread of its parent held (python/cpython#137433).
    """
    return None if FREE_THREADED else gc.get_freeze_count()
