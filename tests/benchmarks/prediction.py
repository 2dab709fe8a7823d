"""How near the recommender's predictions come to what was measured, over a whole sweep.

    python tests/benchmarks/prediction.py KEPT

KEPT is the folder of regret.py. A program is judged on the profile that was captured
at the scale and seed of the runs, and left out without one. `--cells` prints each
cell too, the worst CPU time first.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cells import Cell, print_head, print_row
from rows import ROWS, Row, Run, capture_name, read_rows, run_of

from gctune.profile.file import read
from gctune.recommender.processes import Processes
from gctune.simulator.estimate import Estimate
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import summarise

_NEAR = 1.5  # times the longest pause, by which two runs at the same setting may differ
_ROUNDING_BYTES = 2**20  # between two runs at the same setting, peaks of rss differ by this


@dataclass(frozen=True)
class Error:
    """How far one predicted cell is from the measured one; `stretch` says of each interval.

    Of memory and pauses too little is no error of the interval.
    """

    run: Run
    full: float
    young_percent: float
    cpu_points: float
    rss_points: float
    pause_factor: float
    stretch: Mapping[str, float]


Program = tuple[str, str, float, int]
FIGURES = {
    "full collections, off by": lambda error: error.full,
    "young collections, percent": lambda error: error.young_percent,
    "GC time, points of CPU": lambda error: error.cpu_points,
    "peak rss, points": lambda error: error.rss_points,
    "longest pause, times": lambda error: error.pause_factor,
}


def cells(rows: Path) -> dict[Program, dict[str, Cell]]:
    """The measured cells by setting, of each program, Python, scale and seed."""
    found: dict[Program, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in read_rows(rows):
        run = run_of(row)
        found[run.program, run.python, run.scale, run.seed][run.setting].append(row)
    return {
        program: {setting: Cell.of(each) for setting, each in settings.items()}
        for program, settings in found.items()
    }


def errors(kept: Path) -> Iterator[Error]:
    for program, measured in sorted(cells(kept / ROWS).items()):
        profile = kept / capture_name(*program)
        if profile.exists() and "default" in measured:
            processes = Processes.of([summarise(read(profile))])
            for setting, cell in measured.items():
                if setting not in {"default", "disabled", "adaptive"}:
                    name, python, scale, seed = program
                    run = Run(name, python, setting, scale, seed)
                    yield compare(run, predict(processes, setting), cell, measured["default"])


def predict(processes: Processes, setting: str) -> Prediction:
    thresholds, _, freeze = setting.partition("+")
    zero, one, two = map(int, thresholds.split(","))
    return processes.predict_about((zero, one, two), bool(freeze))


def compare(run: Run, predicted: Prediction, cell: Cell, default: Cell) -> Error:
    cpu, pause = cell.cpu_ratio(default), cell.pause_ms / 1e3
    extra = cell.peak_bytes - default.peak_bytes
    memory, longest = predicted.extra_bytes, predicted.pause_seconds
    return Error(
        run,
        full=abs(predicted.collections[2] - cell.collections[2]),
        young_percent=100 * _off(sum(predicted.collections[:2]), sum(cell.collections[:2])),
        cpu_points=100 * abs(predicted.cpu.expected - cpu),
        rss_points=100 * abs(memory.expected - extra) / default.peak_bytes,
        pause_factor=_times(longest.expected, pause),
        stretch={
            "CPU": _stretch(predicted.cpu, cpu),
            "peak rss": _stretch(memory, max(memory.expected, extra - _ROUNDING_BYTES)),
            "longest pause": _stretch(longest, max(longest.expected, pause)),
        },
    )


def _stretch(predicted: Estimate, measured: float) -> float:
    """How many times as wide the interval would have to be: up to 1 it holds what was measured."""
    expected, low, high = predicted
    side = high - expected if measured > expected else expected - low
    return abs(measured - expected) / side if measured != expected else 0.0


def _off(predicted: float, measured: float) -> float:
    return abs(predicted - measured) / max(1.0, measured)


def _times(predicted: float, measured: float) -> float:
    """How many times one is the other, whichever is greater."""
    low, high = sorted((max(predicted, 1e-5), max(measured, 1e-5)))
    return high / low


def print_figures(found: list[Error]) -> None:
    print_head(["error", "cells", "median", "90th percentile", "worst"])
    for name, of in FIGURES.items():
        ordered = sorted(map(of, found))
        ninth = ordered[len(ordered) * 9 // 10]
        figures = (f"{each:.2f}" for each in (median(ordered), ninth, ordered[-1]))
        print_row([name, len(ordered), *figures])
    exact = sum(error.full < 1 for error in found)
    print(f"full collections exactly: {exact} of {len(found)}")
    near = sum(error.pause_factor <= _NEAR for error in found)
    print(f"longest pause within {_NEAR} times: {near} of {len(found)}, {near / len(found):.0%}")
    for name in found[0].stretch:
        held = sum(error.stretch[name] <= 1 for error in found)
        print(f"{name} within its interval: {held} of {len(found)}, {held / len(found):.0%}")


def print_cells(found: list[Error]) -> None:
    print_head(["program", "Python", "setting", *FIGURES, "beyond their intervals"])
    for error in sorted(found, key=lambda error: error.cpu_points, reverse=True):
        figures = (f"{of(error):.2f}" for of in FIGURES.values())
        beyond = (name for name, stretch in error.stretch.items() if stretch > 1)
        run = error.run
        print_row([run.program, run.python, run.setting, *figures, ", ".join(beyond)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kept", type=Path, help="folder of rows and profiles")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--cells", action="store_true", help="print each cell too")
    asked = parser.parse_args()
    groups: dict[str, list[Error]] = defaultdict(list)
    for error in errors(asked.kept):
        if error.run.program in (asked.program or [error.run.program]):
            frozen = ", frozen once started" if "freeze" in error.run.setting else ""
            groups[f"Python {error.run.python}{frozen}"].append(error)
    for words, found in sorted(groups.items()):
        print(f"\n{words}, {len({error.run.program for error in found})} programs\n")
        print_figures(found)
        if asked.cells:
            print_cells(found)


if __name__ == "__main__":
    main()
