"""Run one program again and again in one process, with a capture and without in turn.

    python turns.py PROGRAM SCALE PAIRS

Prints the CPU time of each pair of runs, without and with, as JSON. Two runs that
follow each other in one process share its memory, its caches and what the machine
does meanwhile, where two processes differ by more than a capture costs. Each run
starts from a collected heap, and from a capture that is under way; which of a pair
goes first alternates.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

import gctune

sys.path.insert(0, str(Path(__file__).parent / "programs"))
SEED = 1


@contextmanager
def under_way(path: Path) -> Iterator[None]:
    """A capture whose header is written: what it costs once is not counted."""
    with gctune.capture(path):
        while not path.exists():
            time.sleep(0.001)
        yield
    path.unlink()


def cpu_seconds(act: Callable[[], object], around: AbstractContextManager[object]) -> float:
    """What `act` takes within `around`, whose own start and end are not counted."""
    gc.collect()
    with around:
        start = time.process_time()
        act()
        return time.process_time() - start


def pairs(act: Callable[[], object], number: int, folder: Path) -> list[tuple[float, float]]:
    """Time `act` without and with a capture, `number` times each, after a run of each untimed."""

    def without() -> float:
        return cpu_seconds(act, nullcontext())

    def captured() -> float:
        return cpu_seconds(act, under_way(folder / "profile"))

    def pair(turn: int) -> tuple[float, float]:
        if turn % 2:
            return without(), captured()
        after = captured()
        return without(), after

    return [pair(turn) for turn in range(-1, number)][1:]


def main() -> None:
    program, scale, number = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    run = import_module(program).main
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(pairs(lambda: run(scale, SEED), number, Path(folder))))


if __name__ == "__main__":
    main()
