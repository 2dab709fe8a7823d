"""A type checker: mypy over generated modules that import one another.

Its trees and types live to the end of the run. mypy tunes the collector for
itself wherever it finds itself on CPython (thresholds of 200000, 30, 30, none
at all while it loads); here it is kept from that, so that what is measured is
the program as its authors had it before they tuned it by hand.
"""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from random import Random

from command import run
from mypy import api

MODULES = 160
FEWEST, MOST = 4, 12  # classes of a module
HEAD = """
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
"""
CLASS = """
@dataclass
class Item{n}(Generic[T]):
    name: str
    value: T
    parts: list[Item{n}[T]] = field(default_factory=list)
    index: dict[str, tuple[int, float]] = field(default_factory=dict)

    def walk(self) -> Iterator[Item{n}[T]]:
        yield self
        for part in self.parts:
            yield from part.walk()

    def total(self, weigh: Callable[[T], float]) -> float:
        weights = {{part.name: weigh(part.value) for part in self.walk()}}
        return sum(weight for name, weight in weights.items() if name in self.index)

    def best(self, other: Mapping[str, T] | None = None) -> T | None:
        found = [self.value, *(each.value for each in self.parts)]
        if other is not None and self.name in other:
            found.append(other[self.name])
        return max(found, key=lambda each: len(str(each))) if len(found) > 1 else None


def build{n}(sizes: list[int]) -> Item{n}[int]:
    root = Item{n}("root", 0)
    for size in sizes:
        root.parts.append(Item{n}(f"part{{size}}", size, [], {{"x": (size, size / 2)}}))
    return root


TOTAL{n}: float = build{n}([1, 2, 3]).total(lambda each: each * 1.5)
"""


def module(number: int, classes: int) -> str:
    imported = "".join(
        f"from generated.module{other} import Item0 as Other{other}, build0 as other{other}\n"
        for other in range(max(0, number - 3), number)
    )
    used = "".join(
        f"\nUSED{other}: Other{other}[int] = other{other}([{number}])\n"
        for other in range(max(0, number - 3), number)
    )
    return HEAD + imported + "".join(CLASS.format(n=n) for n in range(classes)) + used


def write_source(folder: Path, modules: int, choice: Random) -> None:
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for number in range(modules):
        (folder / f"module{number}.py").write_text(module(number, choice.randint(FEWEST, MOST)))


def main(scale: float, seed: int) -> None:
    platform.python_implementation = lambda: "CPython, left alone"
    with tempfile.TemporaryDirectory() as root:
        source = Path(root, "generated")
        write_source(source, max(1, round(MODULES * scale)), Random(seed))
        out, error, code = api.run(
            ["--strict", "--no-incremental", "--cache-dir=/dev/null", str(source)]
        )
    if code != 0:
        raise SystemExit(f"{error}{out[:2000]}")


if __name__ == "__main__":
    run(main)
