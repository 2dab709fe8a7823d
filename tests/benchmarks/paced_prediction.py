"""How near the prediction of adaptive mode comes to what was measured, program by program.

    python tests/benchmarks/paced_prediction.py KEPT --python .venv/bin/python

Each program is captured at its own settings, and run there and in adaptive mode in
turn; what is kept in the folder KEPT is not run again. CPU is compared by GC's
share of each run's other CPU time (`sweep.py` says why), pauses are in CPU time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from cells import Cell, print_head, print_row
from rows import ROWS, Row, Rows, Run, capture, programs, version

from gctune.profile.file import read
from gctune.recommender.adaptive import Adaptive, adaptive
from gctune.recommender.processes import Processes
from gctune.simulator.summary import summarise

SCALE, SEED = 0.6, 2
REPEATS = 3
BUDGET = 0.1  # of the peak of rss
MODES = ("default", "adaptive")
COLUMNS = (
    "program",
    "CPU: adaptive",
    "predicted",
    "longest pause, ms: default",
    "adaptive",
    "predicted",
    "peak rss: adaptive",
    "told to be over budget",
)


def predicted(profile: Path) -> Adaptive:
    """What adaptive mode would do."""
    processes = Processes.of([summarise(read(profile))])
    found = adaptive(processes, round(BUDGET * processes.captured.peak_rss_bytes))
    if found is None:
        raise SystemExit(f"{profile}: nothing is predicted")
    return found


def ratios(default: list[Row], paced: list[Row]) -> Iterator[float]:
    """CPU time in adaptive mode against the default's, run by run."""
    return (Cell.of([own]).cpu_ratio(Cell.of([was])) for was, own in zip(default, paced))


def compare(asked: argparse.Namespace, rows: Rows, program: str) -> float:
    """Print a row of the table; how far CPU was from what was predicted."""
    one = predicted(capture(asked.python, program, SCALE, SEED, asked.kept))
    default, paced = (Run(program, version(asked.python), each, SCALE, SEED) for each in MODES)
    for repeat in range(asked.repeats):
        for run in (default, paced):
            rows.measured(run, repeat + 1)
    was, own = Cell.of(rows.kept(default)), Cell.of(rows.kept(paced))
    each = list(ratios(rows.kept(default), rows.kept(paced)))
    cpu, low, high = one.cpu
    print_row(
        [
            program,
            f"{median(each):.3f} ({min(each):.3f} to {max(each):.3f})",
            f"{cpu:.3f} ({low:.3f} to {high:.3f})",
            f"{was.pause_ms:.1f}",
            f"{own.pause_ms:.1f}",
            f"{one.pause_seconds.expected * 1e3:.1f}",
            f"{own.memory_ratio(was):.3f}",
            "yes" if one.over_budget else "no",
        ]
    )
    return abs(cpu - median(each))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kept", type=Path, help="folder of rows and profiles")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to measure on")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each")
    asked = parser.parse_args()
    rows = Rows(asked.kept / ROWS, {version(asked.python): asked.python})
    print_head(COLUMNS)
    off = [compare(asked, rows, program) for program in asked.program or programs()]
    print(f"\nCPU off by {median(off):.3f} in the median, {max(off):.3f} at most")


if __name__ == "__main__":
    main()
