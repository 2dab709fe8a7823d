"""What following a recommendation leaves on the table, against the best of a sweep.

    python tests/benchmarks/regret.py --folder kept --python .venv/bin/python
    python tests/benchmarks/regret.py --quick

Each interpreter needs gctune and `programs/requirements.txt`. A program is captured
at one scale and seed, `gctune recommend` answers by goal, and what it says is run
at another scale and seed (more work, on other input) beside the defaults, what
folklore says, the collector switched off, and a sweep. The sweep's best within the
memory budget is run afresh before it is compared, since the best of a dozen noisy
cells is flattered: the sweep decides by the first run at a setting, and defaults,
recommended and best are medians of later runs, which go in turn. CPU is compared by
GC's share of each run's other CPU time (`sweep.py` says why); pauses are in CPU time.

What was measured is kept in `--folder` and not measured again; `prediction.py`
compares it with what was predicted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from cells import Cell, print_head, print_row
from rows import FOLDER, ROWS, Rows, Run, capture, programs, version
from sweep import FOLK, SETTINGS

GOALS = ("throughput", "latency", "memory")
HIGH, OFF = "50000,20,50", "disabled"
BUDGET, OVER = 1.1, 0.02  # times the peak of rss
SLOWER = 0.01  # of CPU time, that is within the noise
SHORT = 1 / 3  # of default's longest pause, that one for latency is to take at most
CAPTURED, MEASURED = (0.4, 1), (0.6, 2)  # scale and seed
QUICK = {
    "programs": ("docs_build", "sql_translate", "service"),
    "settings": ("default", HIGH, FOLK, OFF, "5000,10,100", "2000,10,1000", "5000,10,10"),
    "captured": (0.1, 1),
    "measured": (0.15, 2),
}


Cells = dict[str, Cell]


@dataclass(frozen=True)
class Comparison:
    """One program on one Python: its cells by setting, and what was recommended by goal.

    `swept` are those of the sweep, `fresh` of the later runs in turn. A cell is
    compared with the default's of its own time.
    """

    program: str
    python: str
    swept: Cells
    fresh: Cells
    recommended: dict[str, str]
    best: str

    @property
    def default(self) -> Cell:
        return self.fresh["default"]

    def cell(self, setting: str) -> Cell:
        return self._cells(setting)[setting]

    def cpu(self, setting: str) -> float:
        return self.cell(setting).cpu_ratio(self._cells(setting)["default"])

    def memory(self, setting: str) -> float:
        return self.cell(setting).memory_ratio(self._cells(setting)["default"])

    def pause(self, setting: str) -> float:
        return self.cell(setting).pause_ratio(self._cells(setting)["default"])

    def _cells(self, setting: str) -> Cells:
        return self.fresh if setting in self.fresh else self.swept

    @property
    def regret(self) -> float:
        """CPU time beyond that of the sweep's best, of the default's."""
        return self.cpu(self.recommended["throughput"]) - self.cpu(self.best)


def recommended(python: str, profile: Path, goal: str) -> str:
    """The setting that is recommended, as `measured.py` takes it; `default` for no change."""
    command = [python, "-m", "gctune", "recommend", "--json", "--goal", goal, profile]
    answer = json.loads(subprocess.check_output(command))
    changed = {change["setting"]: change["new"] for change in answer["changes"]}
    if not changed:
        return "default"
    was = answer["evidence"][0]["thresholds"]
    thresholds = (changed.get(f"gc.threshold{n}", each) for n, each in enumerate(was))
    return ",".join(map(str, thresholds)) + ("+freeze" if "gc.freeze" in changed else "")


def best_of(swept: Cells) -> str:
    """The setting of the least CPU time in the sweep, within the budget and not switched off."""
    fitting = {
        setting: cell.share
        for setting, cell in swept.items()
        if setting != OFF and cell.memory_ratio(swept["default"]) <= BUDGET
    }
    return min(fitting, key=fitting.__getitem__)


def compare(asked: argparse.Namespace, rows: Rows, python: str, program: str) -> Comparison:
    capture(python, program, *asked.measured, asked.folder, asked.programs)  # for prediction.py
    profile = capture(python, program, *asked.captured, asked.folder, asked.programs)
    answers = {goal: recommended(python, profile, goal) for goal in GOALS}

    def run(setting: str) -> Run:
        return Run(program, version(python), setting, *asked.measured)

    swept = {setting: Cell.of(rows.measured(run(setting))[:1]) for setting in asked.settings}
    best = best_of(swept)
    judged = dict.fromkeys(["default", *answers.values(), best])
    for repeat in range(asked.repeats):
        for setting in judged:
            rows.measured(run(setting), repeat + 1 + (setting in swept))
    fresh = {each: Cell.of(rows.kept(run(each))[each in swept :]) for each in judged}
    return Comparison(program, version(python), swept, fresh, answers, best)


COLUMNS = (
    "program",
    "Python",
    "GC share",
    "recommended",
    "CPU",
    "best of sweep",
    "its CPU",
    "regret",
    f"CPU: folk, {HIGH}, off",
    "peak rss: recommended, folk, off",
    "longest pause, ms: default, recommended, for latency, folk",
)


def print_comparison(one: Comparison) -> None:
    fast, smooth = one.recommended["throughput"], one.recommended["latency"]
    cpu, least, *others = (f"{one.cpu(each):.3f}" for each in (fast, one.best, FOLK, HIGH, OFF))
    memory = (f"{one.memory(each):.2f}" for each in (fast, FOLK, OFF))
    pauses = (f"{one.cell(each).pause_ms:.1f}" for each in ("default", fast, smooth, FOLK))
    share, regret = f"{one.default.share:.1%}", f"{one.regret:.2%}"
    gain = [share, fast, cpu, one.best, least, regret]
    print_row([one.program, one.python, *gain, *map(", ".join, (others, memory, pauses))])


@dataclass(frozen=True)
class Promise:
    """Something that is to hold, with what was measured of it."""

    words: str
    measured: str
    holds: bool


def promises(found: Sequence[Comparison]) -> Iterator[Promise]:
    regrets = [one.regret for one in found]
    yield _at_most("mean regret", fmean(regrets), 0.005)
    yield _at_most("worst regret", max(regrets), 0.02)
    budget, slower = BUDGET + OVER, 1 + SLOWER
    yield _none(f"above {budget:.2f} times the memory", _above(found, Comparison.memory, budget))
    yield _none(f"above {slower:.2f} times the CPU time", _above(found, Comparison.cpu, slower))
    paused = [one for one in found if one.default.collections[2]]
    longer = [_against_sweep(one) for one in paused if _latency_pause(one) > SHORT]
    yield _none("with full collections, its pause for latency above a third of default's", longer)
    yield from _against_folk(found)


def _latency_pause(one: Comparison) -> float:
    return one.pause(one.recommended["latency"])


def _against_sweep(one: Comparison) -> str:
    """The pause for latency, and the shortest in the sweep that costs neither memory nor CPU."""
    pauses = [
        cell.pause_ratio(one.swept["default"])
        for setting, cell in one.swept.items()
        if setting != OFF
        and cell.memory_ratio(one.swept["default"]) <= BUDGET + OVER
        and cell.cpu_ratio(one.swept["default"]) <= 1 + SLOWER
    ]
    return f"{one.program} ({_latency_pause(one):.3f}; in the sweep {min(pauses):.3f})"


def _above(
    found: Sequence[Comparison],
    ratio: Callable[[Comparison, str], float],
    bound: float,
    goals: Sequence[str] = GOALS,
) -> list[str]:
    """The programs whose ratio to default is above a bound with what is recommended."""
    ratios = ((one, goal, ratio(one, one.recommended[goal])) for one in found for goal in goals)
    return [f"{one.program} ({goal}, {each:.3f})" for one, goal, each in ratios if each > bound]


def _against_folk(found: Sequence[Comparison]) -> Iterator[Promise]:
    for words, ratio in (("CPU", Comparison.cpu), ("peak rss", Comparison.memory)):
        ours = fmean(ratio(one, one.recommended["throughput"]) for one in found)
        folk = fmean(ratio(one, FOLK) for one in found)
        yield Promise(f"mean {words} no worse than folk's", f"{ours:.4f}, {folk:.4f}", ours <= folk)
    for goal in ("throughput", "latency"):
        pauses = [_times(one.pause(one.recommended[goal]), one.pause(FOLK)) for one in found]
        words = f"longest pause for {goal} shorter than folk's, median"
        yield Promise(words, f"{median(pauses):.2f} times", median(pauses) < 1)


def _times(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _at_most(words: str, measured: float, bound: float) -> Promise:
    return Promise(f"{words} at most {bound:.1%}", f"{measured:.2%}", measured <= bound)


def _none(words: str, offenders: list[str]) -> Promise:
    return Promise(f"no program {words}", ", ".join(offenders) or "none", not offenders)


def print_means(found: Sequence[Comparison]) -> None:
    """The means over programs, the verdict on each promise."""
    print(f"\nPython {found[0].python}, {len(found)} programs\n")
    print_head(
        ["mean of ratios to default", "CPU", "peak rss", "longest pause", "programs over memory"]
    )
    picks = {f"recommended for {goal}": [one.recommended[goal] for one in found] for goal in GOALS}
    picks |= {setting: [setting] * len(found) for setting in (FOLK, HIGH, OFF)}
    picks["best of sweep"] = [one.best for one in found]
    for words, settings in picks.items():
        pairs = list(zip(found, settings))
        cpu = fmean(one.cpu(setting) for one, setting in pairs)
        memory = [one.memory(setting) for one, setting in pairs]
        pause = fmean(one.pause(setting) for one, setting in pairs)
        over = sum(ratio > BUDGET for ratio in memory)
        print_row([words, f"{cpu:.4f}", f"{fmean(memory):.3f}", f"{pause:.3f}", over])
    print()
    print_head(["promise", "measured", "holds"])
    for promise in promises(found):
        print_row([promise.words, promise.measured, "yes" if promise.holds else "NO"])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", action="append", help="an interpreter to measure on")
    parser.add_argument("--folder", type=Path, help="where captures and rows are kept")
    parser.add_argument("--programs", type=Path, default=FOLDER, help="folder of the programs")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--repeats", type=int, default=5, help="runs of what is compared")
    parser.add_argument("--quick", action="store_true", help="three programs, in minutes")
    asked = parser.parse_args()
    asked.python = asked.python or [sys.executable]
    asked.settings, asked.captured, asked.measured = SETTINGS, CAPTURED, MEASURED
    asked.program = asked.program or programs(asked.programs)
    if asked.quick:
        asked.repeats = 1
        asked.program, asked.settings = QUICK["programs"], QUICK["settings"]
        asked.captured, asked.measured = QUICK["captured"], QUICK["measured"]
    return asked


def main() -> None:
    asked = parsed()
    with tempfile.TemporaryDirectory() as temporary:
        asked.folder = asked.folder or Path(temporary)
        pythons = {version(python): python for python in asked.python}
        rows = Rows(asked.folder / ROWS, pythons, asked.programs)
        for python in asked.python:
            print_head(COLUMNS)
            found = []
            for program in asked.program:
                found.append(compare(asked, rows, python, program))
                print_comparison(found[-1])
            print_means(found)


if __name__ == "__main__":
    main()
