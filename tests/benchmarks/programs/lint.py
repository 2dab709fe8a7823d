"""A linter: pylint reads generated modules and infers the types in them.

Its syntax trees are cached to the end of the run, and point both ways.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from random import Random

from command import run
from pylint.lint import Run
from pylint.reporters.text import TextReporter

MODULES = 40
FEWEST, MOST = 8, 20  # classes of a module
CLASS = '''

class Shape{n}(dict):
    """The shape of {n}."""

    def __init__(self, width, height={n}):
        super().__init__(width=width, height=height)
        self.width = width
        self.others = [Shape{n}(each) for each in range(width) if each > height]

    def area(self, factor=1):
        """Say how large it is."""
        total = self.width * factor
        for other in self.others:
            if other.width > total and factor != {n}:
                total += other.area(factor + 1)
            elif isinstance(other, dict):
                total -= len(other.get("width", "x" * {n}))
        return {{"total": total, "names": [name.upper() for name in self if name]}}


def use{n}(shapes, unused=None):
    """Use shapes."""
    made = [Shape{n}(size) for size in range({n})] + list(shapes)
    return sorted(made, key=lambda shape: shape.area()["total"])[0].width
'''


def module(classes: int) -> str:
    return '"""Shapes."""' + "".join(CLASS.format(n=n) for n in range(classes))


def write_source(folder: Path, modules: int, choice: Random) -> list[str]:
    files = [folder / f"shapes{number}.py" for number in range(modules)]
    for file in files:
        file.write_text(module(choice.randint(FEWEST, MOST)))
    return [str(file) for file in files]


def main(scale: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = write_source(Path(folder), max(1, round(MODULES * scale)), Random(seed))
        Run(["--persistent=n", *files], reporter=TextReporter(io.StringIO()), exit=False)


if __name__ == "__main__":
    run(main)
