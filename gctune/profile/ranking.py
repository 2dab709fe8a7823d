"""Which functions and lines hold a heap: flat, cumulative, and who called whom.

Flat is what a function allocated itself, cumulative what it and all that it
called allocated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from gctune.profile.sites import Frame, Function, Heap, Stack

_Key = TypeVar("_Key", Function, Frame)


@dataclass(frozen=True)
class Weight(Generic[_Key]):
    """What one function or line weighs; `blocks` are counted flat."""

    key: _Key
    flat_bytes: int
    cumulative_bytes: int
    blocks: int


def by_function(heap: Heap) -> list[Weight[Function]]:
    """Weigh the functions of a heap, the largest flat first."""
    return _weigh(heap, lambda frame: frame.function)


def by_line(heap: Heap) -> dict[Function, dict[int, Weight[Frame]]]:
    """Weigh the lines of each function that are on any stack."""
    lines: defaultdict[Function, dict[int, Weight[Frame]]] = defaultdict(dict)
    for weight in _weigh(heap, lambda frame: frame):
        lines[weight.key.function][weight.key.line] = weight
    return lines


def _weigh(heap: Heap, key: Callable[[Frame], _Key]) -> list[Weight[_Key]]:
    flat, cumulative, blocks = Counter[_Key](), Counter[_Key](), Counter[_Key]()
    for stack, count, size in heap.sites:
        flat[key(stack[0])] += size
        blocks[key(stack[0])] += count
        for each in set(map(key, stack)):
            cumulative[each] += size
    weights = (Weight(each, flat[each], size, blocks[each]) for each, size in cumulative.items())
    return sorted(weights, key=_largest_first)


def _largest_first(weight: Weight[_Key]) -> tuple[int, int, _Key]:
    return -abs(weight.flat_bytes), -abs(weight.cumulative_bytes), weight.key


@dataclass(frozen=True)
class Neighbours:
    """The cumulative bytes that a function's callers and callees share with it, largest first."""

    callers: tuple[tuple[Function, int], ...]
    callees: tuple[tuple[Function, int], ...]


def neighbours(heap: Heap) -> dict[Function, Neighbours]:
    """Weigh the calls between the functions of a heap; one that recurs counts once a stack."""
    callers: defaultdict[Function, Counter[Function]] = defaultdict(Counter)
    callees: defaultdict[Function, Counter[Function]] = defaultdict(Counter)
    for site in heap.sites:
        for callee, caller in set(_calls(site.stack)):
            callers[callee][caller] += site.bytes
            callees[caller][callee] += site.bytes
    return {
        weight.key: Neighbours(_sorted(callers[weight.key]), _sorted(callees[weight.key]))
        for weight in by_function(heap)
    }


def _calls(stack: Stack) -> Iterator[tuple[Function, Function]]:
    """Yield each callee with its caller."""
    return pairwise(frame.function for frame in stack)


def _sorted(weights: Counter[Function]) -> tuple[tuple[Function, int], ...]:
    return tuple(sorted(weights.items(), key=lambda item: (-abs(item[1]), item[0])))


def total_bytes(heap: Heap) -> int:
    """What shares are taken of; of a difference, growth and shrinkage both count."""
    return sum(abs(site.bytes) for site in heap.sites)
