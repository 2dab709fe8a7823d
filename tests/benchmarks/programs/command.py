"""The command line that every program here shares.

A program is a module with a `main(scale, seed)`: the scale says how much there
is to do, the seed what it is done with. A service has a `load(scale, seed)`
besides, for what it builds before it serves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

SCALE, SEED = 1.0, 1


def run(main: Callable[[float, int], Any]) -> None:
    """Run the module that `main` is of at the scale and seed that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    start(sys.modules[main.__module__], asked.scale, asked.seed)
    warm()
    main(asked.scale, asked.seed)


def start(program: ModuleType, scale: float, seed: int) -> None:
    """Let a service build what it serves from; nothing for any other program."""
    if hasattr(program, "load"):
        program.load(scale, seed)


def warm() -> None:
    """Tell gctune, where it tunes or captures this process, that the start is over."""
    if "gctune" in sys.modules:
        sys.modules["gctune"].warmup_done()
