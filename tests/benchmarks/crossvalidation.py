"""What each constant of the recommender is worth on programs that did not choose it.

    python tests/benchmarks/crossvalidation.py KEPT --python .venv/bin/python

KEPT is the folder of regret.py, whose captures and rows are read; a setting that they
lack is run once. Other values of a constant are tried beside its own, all else held.
Each program in turn is left out, on all Pythons: the value that serves the others best
is judged on it. So no value is judged on a program that it was chosen by.

The loss that chooses is in points of CPU time: the regret for throughput; for each goal
the memory beyond the budget and the CPU time beyond default's, point for point; and for
latency a point for each tenth of default's longest pause, where that was a full
collection's. Where no other value is better for certain, a constant's own one stays.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from statistics import fmean
from types import ModuleType

from cells import Cell, print_head, print_row
from prediction import errors
from regret import BUDGET, CAPTURED, GOALS, MEASURED, OVER, SLOWER, best_of
from rows import ROWS, Rows, Run, capture, programs, version
from sweep import SETTINGS

from gctune.profile.file import Profile, read
from gctune.recommender import search
from gctune.recommender.judgement import Verdict, judge
from gctune.recommender.processes import Processes
from gctune.recommender.search import choose
from gctune.simulator import cost, lives, simulator, summary
from gctune.simulator.conduct import Thresholds
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import summarise

_PAUSE = 0.1  # points of CPU time that default's longest pause counts as
_CERTAIN = 0.0002  # of CPU time, by which a better value has to be better
_COVERED = 0.9  # of what is measured, that intervals are to hold


@dataclass(frozen=True)
class Constant:
    """A constant of the recommender, and other values to try."""

    module: ModuleType
    name: str
    others: tuple[float, ...]

    @property
    def own(self) -> float:
        value: float = getattr(self.module, self.name)
        return value

    @property
    def values(self) -> tuple[float, ...]:
        return (self.own, *self.others)

    @contextmanager
    def at(self, value: float) -> Iterator[None]:
        own = self.own
        setattr(self.module, self.name, value)
        try:
            yield
        finally:
            setattr(self.module, self.name, own)


CONSTANTS = (
    Constant(summary, "_BYTES_PER_BLOCK", (70.0, 140.0)),
    Constant(summary, "_HEAVIER", (0.0, inf)),
    Constant(simulator, "_SCATTER", (0.0, 0.04)),
    Constant(simulator, "_HELD", (0.0, 0.4)),
    Constant(simulator, "_MEMORY", (1.0, 1.8)),
    Constant(lives, "_AS_ONE", (1.0, 4.0)),
    Constant(cost, "_OLD_FREE_NS", (200.0, 800.0)),
    Constant(search, "_FULLS", (0.0, 0.5)),
    Constant(search, "RISK", (0.05, 0.2)),
    Constant(search, "_WORTH_IT", (0.1, 0.4)),
    Constant(search, "_EQUAL", (0.0, 0.003)),
    Constant(search, "_AS_SHORT", (1.0, 1.6)),
)


@dataclass(frozen=True)
class Outcome:
    """What recommendations come to on one program and Python; all are ratios to default's."""

    regret: float
    over: float
    slower: float
    pause: float

    @property
    def loss(self) -> float:
        return self.regret + self.over + self.slower + _PAUSE * self.pause


@dataclass(frozen=True)
class Remembering(Processes):
    """Processes that are asked for the same predictions again and again."""

    @cached_property
    def _told(self) -> dict[tuple[Thresholds, bool, float], Prediction]:
        return {}

    def predict(self, thresholds: Thresholds, freeze: bool, phase: float = 0.0) -> Prediction:
        asked = thresholds, freeze, phase
        if asked not in self._told:
            self._told[asked] = super().predict(*asked)
        return self._told[asked]


class Case:
    """A program on a Python: its profile, and its cells by setting."""

    def __init__(self, program: str, python: str, profile: Profile, rows: Rows) -> None:
        self.program, self.python, self.profile = program, python, profile
        self._rows = rows

    @cached_property
    def processes(self) -> Processes:
        return Remembering.of([summarise(self.profile)])

    def _anew(self, constant: Constant) -> Processes:
        """The same with another value of a constant, as far as it makes a difference to them."""
        if constant.module is search:
            return self.processes
        if constant.module in (cost, lives, summary):
            return Remembering.of([summarise(self.profile)])
        return Remembering.of(self.processes.summaries)

    def cell(self, setting: str) -> Cell:
        return Cell.of(self._rows.measured(Run(self.program, self.python, setting, *MEASURED)))

    @cached_property
    def default(self) -> Cell:
        return self.cell("default")

    @cached_property
    def best(self) -> Cell:
        return self.cell(best_of({setting: self.cell(setting) for setting in SETTINGS}))

    def outcome(self, constant: Constant, value: float) -> Outcome:
        """What is recommended with a constant at a value, as measured."""
        is_own = value == constant.own
        with constant.at(value):
            processes = self.processes if is_own else self._anew(constant)
            settings = {goal: recommended(processes, goal) for goal in GOALS}
        return self._outcome({goal: self.cell(setting) for goal, setting in settings.items()})

    def _outcome(self, picks: Mapping[str, Cell]) -> Outcome:
        fast, smooth = picks["throughput"], picks["latency"]
        return Outcome(
            regret=fast.cpu_ratio(self.default) - self.best.cpu_ratio(self.default),
            over=sum(max(0.0, one.memory_ratio(self.default) - BUDGET) for one in picks.values()),
            slower=sum(max(0.0, one.cpu_ratio(self.default) - 1) for one in picks.values()),
            pause=smooth.pause_ratio(self.default) if self.default.collections[2] else 0.0,
        )


def recommended(own: Processes, goal: str) -> str:
    """The setting that is recommended within the budget; `default` for no change."""
    best = choose(own, goal, int((BUDGET - 1) * own.captured.peak_rss_bytes)).best
    verdict, _ = judge(own, best, goal)
    if best is None or verdict != Verdict.CHANGE:
        return "default"
    return ",".join(map(str, best.thresholds)) + ("+freeze" if best.freeze else "")


@dataclass(frozen=True)
class Fold:
    """The value that all other programs choose, and what it comes to on the one left out."""

    value: float
    outcomes: tuple[Outcome, ...]


Outcomes = Mapping[float, Mapping[str, Sequence[Outcome]]]  # by value and program


def folds(constant: Constant, outcomes: Outcomes) -> Iterator[Fold]:
    for program in outcomes[constant.own]:
        others = {
            value: _loss([one for name in by if name != program for one in by[name]])
            for value, by in outcomes.items()
        }
        best = min(others, key=others.__getitem__)
        value = best if others[best] < others[constant.own] - _CERTAIN else constant.own
        yield Fold(value, tuple(outcomes[value][program]))


def _loss(outcomes: Sequence[Outcome]) -> float:
    return fmean(one.loss for one in outcomes)


def tried(constant: Constant, cases: Sequence[Case]) -> Outcomes:
    found: dict[float, dict[str, list[Outcome]]] = {}
    for value in constant.values:
        by = found.setdefault(value, {})
        for case in cases:
            by.setdefault(case.program, []).append(case.outcome(constant, value))
    return found


COLUMNS = (
    "constant",
    "value: loss on all",
    "chosen in folds",
    "mean regret, left out",
    "worst",
    "over memory",
    "slower",
    "pause for latency",
)


def print_constant(constant: Constant, outcomes: Outcomes) -> None:
    losses = (
        f"{value:g}: {_loss([one for each in by.values() for one in each]):.2%}"
        for value, by in outcomes.items()
    )
    chosen = list(folds(constant, outcomes))
    votes = Counter(f"{fold.value:g}" for fold in chosen).most_common()
    left_out = [one for fold in chosen for one in fold.outcomes]
    print_row(
        [
            constant.name,
            ", ".join(losses),
            ", ".join(f"{value} x{number}" for value, number in votes),
            *_judged(left_out),
        ]
    )


def _judged(outcomes: Sequence[Outcome]) -> list[str]:
    regrets = [one.regret for one in outcomes]
    return [
        f"{fmean(regrets):.2%}",
        f"{max(regrets):.2%}",
        str(sum(one.over > OVER for one in outcomes)),
        str(sum(one.slower > SLOWER for one in outcomes)),
        f"{fmean(one.pause for one in outcomes):.3f}",
    ]


def print_widths(kept: Path) -> None:
    """How much wider intervals other programs ask for, and how much of one's cells they hold."""
    found = [error for error in errors(kept) if "freeze" not in error.run.setting]
    print_head(["interval", "times as wide, in folds", "holds of what was left out"])
    for name in found[0].stretch:
        widths, held = [], 0
        for program in sorted({error.run.program for error in found}):
            others = sorted(e.stretch[name] for e in found if e.run.program != program)
            widths.append(others[int(_COVERED * len(others))])
            held += sum(e.stretch[name] <= widths[-1] for e in found if e.run.program == program)
        between = f"{min(widths):.2f} to {max(widths):.2f}"
        print_row([name, between, f"{held} of {len(found)}, {held / len(found):.0%}"])


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kept", type=Path, help="folder of rows and profiles")
    parser.add_argument("--python", action="append", help="an interpreter to measure on")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--constant", action="append", help="only this one")
    asked = parser.parse_args()
    asked.python = asked.python or [sys.executable]
    return asked


def cases(asked: argparse.Namespace) -> Iterator[Case]:
    rows = Rows(asked.kept / ROWS, {version(python): python for python in asked.python})
    for program in asked.program or programs():
        for python in asked.python:
            profile = capture(python, program, *CAPTURED, asked.kept)
            yield Case(program, version(python), read(profile), rows)


def main() -> None:
    asked = parsed()
    found = list(cases(asked))
    print_head(COLUMNS)
    for constant in CONSTANTS:
        if constant.name in (asked.constant or [constant.name]):
            print_constant(constant, tried(constant, found))
    print()
    print_widths(asked.kept)


if __name__ == "__main__":
    main()
