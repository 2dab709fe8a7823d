"""What adaptive mode is worth, beside the best that any static setting does.

    python tests/benchmarks/pacing.py --folder kept --python .venv/bin/python

Runs each program as it is, with the collector off, at each setting of a sweep,
and in adaptive mode, as `regret.py` does, whose rows it shares. The best of the
sweep is that of the least CPU time whose peak of memory is at most 1.1 times
that of the defaults; it is run afresh, in turn with the others. CPU is compared
by the share of collections, and in adaptive mode of gctune's thread, in each
run's other CPU time; pauses are in CPU time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from cells import Cell, print_head, print_row
from regret import BUDGET, HIGH, MEASURED, OFF, OVER, SLOWER, Cells, Promise, best_of
from rows import FOLDER, ROWS, Rows, Run, programs, version
from sweep import SETTINGS

ADAPTIVE = "adaptive"
LONGEST_MS, FIFTH = 15.0, 0.2
SMALL = ("default", HIGH, OFF, "2000,10,1000", "5000,10,100", "20000,10,100", "10000,10,1000")


@dataclass(frozen=True)
class Found:
    """One program: its cells by setting, and the best of the sweep."""

    program: str
    cells: Cells
    best: str

    @property
    def default(self) -> Cell:
        return self.cells["default"]

    def cpu(self, setting: str) -> float:
        return self.cells[setting].cpu_ratio(self.default)

    def memory(self, setting: str) -> float:
        return self.cells[setting].memory_ratio(self.default)

    def pause_ms(self, setting: str) -> float:
        return self.cells[setting].pause_ms


def compare(asked: argparse.Namespace, rows: Rows, python: str, program: str) -> Found:
    def run(setting: str) -> Run:
        return Run(program, version(python), setting, asked.scale, asked.seed)

    swept = {setting: Cell.of(rows.measured(run(setting))[:1]) for setting in asked.settings}
    best = best_of(swept)
    judged = dict.fromkeys(["default", ADAPTIVE, best, HIGH, OFF])
    for repeat in range(asked.repeats):
        for setting in judged:
            rows.measured(run(setting), repeat + 1 + (setting in swept))
    cells = {each: Cell.of(rows.kept(run(each))[each in swept :]) for each in judged}
    return Found(program, cells, best)


COLUMNS = (
    "program",
    "CPU: adaptive",
    "best static",
    HIGH,
    "off",
    "peak rss: adaptive",
    HIGH,
    "off",
    "longest pause, ms: default",
    "adaptive",
    HIGH,
)


def print_found(one: Found) -> None:
    cpu = [f"{one.cpu(each):.3f}" for each in (ADAPTIVE, one.best, HIGH, OFF)]
    cpu[1] += f" ({one.best})"
    memory = [f"{one.memory(each):.2f}" for each in (ADAPTIVE, HIGH, OFF)]
    pauses = [f"{one.pause_ms(each):.1f}" for each in ("default", ADAPTIVE, HIGH)]
    print_row([one.program, *cpu, *memory, *pauses])


def promises(found: list[Found]) -> Iterator[Promise]:
    ours, best, off = (
        fmean(one.cpu(setting(one)) for one in found)
        for setting in (lambda _: ADAPTIVE, lambda one: one.best, lambda _: OFF)
    )
    told = f"{ours:.4f}, {best:.4f} (half way to off: {(best + off) / 2:.4f})"
    yield Promise("mean CPU below that of the best static settings", told, ours < best)
    over = [one for one in found if one.memory(ADAPTIVE) > BUDGET + OVER]
    yield _none(f"above {BUDGET + OVER:.2f} times the memory", over)
    slower = [one for one in found if one.cpu(ADAPTIVE) > 1 + SLOWER]
    yield _none(f"above {1 + SLOWER:.2f} times the CPU time", slower)
    longer = [one for one in found if one.pause_ms(ADAPTIVE) > LONGEST_MS]
    yield _none(f"with a pause above {LONGEST_MS:.0f} ms", longer)
    full = [one for one in found if one.default.collections[2]]
    fifth = [one for one in full if one.pause_ms(ADAPTIVE) > FIFTH * one.pause_ms("default")]
    yield _none("with full collections by default, its pause above a fifth of theirs", fifth)


def _none(words: str, offenders: list[Found]) -> Promise:
    names = ", ".join(one.program for one in offenders)
    return Promise(f"no program {words}", names or "none", not offenders)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="an interpreter to measure on")
    parser.add_argument("--folder", type=Path, help="where rows are kept")
    parser.add_argument("--programs", type=Path, default=FOLDER, help="folder of the programs")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--repeats", type=int, default=3, help="runs of what is compared")
    parser.add_argument("--small", action="store_true", help="a sweep of six settings")
    asked = parser.parse_args()
    asked.settings = SMALL if asked.small else SETTINGS
    asked.scale, asked.seed = MEASURED
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        rows = Rows(folder / ROWS, {version(asked.python): asked.python}, asked.programs)
        print_head(COLUMNS)
        found = []
        for program in asked.program or programs(asked.programs):
            found.append(compare(asked, rows, asked.python, program))
            print_found(found[-1])
    print(f"\nPython {version(asked.python)}, {len(found)} programs\n")
    print_head(["promise", "measured", "holds"])
    for promise in promises(found):
        print_row([promise.words, promise.measured, "yes" if promise.holds else "NO"])


if __name__ == "__main__":
    main()
