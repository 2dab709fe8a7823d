"""Allocation sites: which stacks hold how much of the heap, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias


class Function(NamedTuple):
    """A function and where it begins; `line` is 0 where that is not known."""

    name: str
    file: str
    line: int


class Frame(NamedTuple):
    """A line of a function."""

    function: Function
    line: int


Stack: TypeAlias = tuple[Frame, ...]  # leaf first


class Site(NamedTuple):
    """What was allocated by one stack, and is in use unless it says otherwise."""

    stack: Stack
    blocks: int
    bytes: int


@dataclass(frozen=True)
class Heap:
    """The sites of a heap, each stack once, the largest first.

    `taken_ns` is when, in nanoseconds since 1970; `comments` say how.
    `allocated` is the same of all that was ever allocated, freed or not; None
    where no more is known of than what is in use.
    """

    sites: tuple[Site, ...]
    taken_ns: int
    comments: tuple[str, ...] = ()
    allocated: tuple[Site, ...] | None = None


def gather(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Add up the sites of each stack, leave out what comes to nothing, put the largest first."""
    amounts: dict[Stack, tuple[int, int]] = {}
    for stack, blocks, size in sites:
        more, larger = amounts.get(stack, (0, 0))
        amounts[stack] = more + blocks, larger + size
    gathered = (Site(stack, *amount) for stack, amount in amounts.items() if any(amount))
    return tuple(sorted(gathered, key=_largest_first))


def difference(heap: Heap, base: Heap) -> Heap:
    """What `heap` has more than `base`, stack by stack; less is negative."""
    known = heap.allocated is not None and base.allocated is not None
    allocated = _less(heap.allocated or (), base.allocated or ()) if known else None
    return Heap(_less(heap.sites, base.sites), heap.taken_ns, heap.comments, allocated)


def _less(sites: Iterable[Site], base: Iterable[Site]) -> tuple[Site, ...]:
    less = (Site(stack, -blocks, -size) for stack, blocks, size in base)
    return gather(chain(sites, less))


def _largest_first(site: Site) -> tuple[int, int, Stack]:
    return -abs(site.bytes), -abs(site.blocks), site.stack
