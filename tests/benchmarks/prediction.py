"""How near the recommender's predictions come to a sweep, and what its choices miss.

    python tests/benchmarks/prediction.py SWEEP.jsonl CAPTURES

SWEEP.jsonl is what sweep.py measured, a line a run; CAPTURES holds the
profile <program>-<python>.profile of each program at its own settings.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gctune.profile.file import read
from gctune.recommender.search import Goal, best, predict
from gctune.recommender.simulator import Prediction, simulate
from gctune.recommender.summary import Summary, summarise

_BUDGET = 0.1  # of the peak of rss
_WORTH = 0.01  # of CPU time: less is left alone


@dataclass(frozen=True)
class Cell:
    """The mean of a program's runs at one setting."""

    share: float
    peak_bytes: float
    pause_ms: float
    collections: tuple[float, float, float]

    @classmethod
    def of(cls, runs: list[dict[str, Any]]) -> Cell:
        def mean(name: str) -> float:
            return statistics.fmean(run[name] for run in runs)

        young, middle, old = map(statistics.fmean, zip(*(run["collections"] for run in runs)))
        return cls(
            mean("share"), mean("peak_rss_bytes"), mean("longest_cpu_ms"), (young, middle, old)
        )


Cells = Mapping[tuple[int, int, int], Cell]
Errors = dict[str, list[float]]


def cells(sweep: Path) -> dict[tuple[str, str], Cells]:
    """By program and Python: the measured cells by thresholds, at full scale and unfrozen."""
    runs: dict[tuple[str, str], dict[tuple[int, int, int], list[Any]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for line in sweep.read_text().splitlines():
        run = json.loads(line)
        frozen = run["setting"] == "disabled" or "freeze" in run["setting"]
        if run["scale"] == 1.0 and not frozen:
            program = (run["program"], ".".join(run["python"].split(".")[:2]))
            runs[program][tuple(run["thresholds"])].append(run)
    return {
        program: {thresholds: Cell.of(each) for thresholds, each in settings.items()}
        for program, settings in runs.items()
    }


def compare(summary: Summary, measured: Cells, errors: Errors) -> None:
    """Add up how far each predicted cell is from the measured one."""
    default = measured[summary.thresholds]
    for thresholds, cell in measured.items():
        if thresholds == summary.thresholds:
            continue
        predicted = simulate(summary, thresholds)
        for name, error in _errors(summary, predicted, cell, default):
            errors[name].append(error)


def _errors(
    summary: Summary, predicted: Prediction, cell: Cell, default: Cell
) -> Iterator[tuple[str, float]]:
    young = sum(predicted.collections[:2]) / sum(cell.collections[:2])
    cpu = predicted.cpu_ratio(summary.gc_ns / 1e9)
    ratio = (1 + cell.share) / (1 + default.share)
    extra = cell.peak_bytes - default.peak_bytes
    pause = cell.pause_ms / 1e3
    yield "full collections, difference", abs(predicted.collections[2] - cell.collections[2])
    yield "young collections, percent", 100 * abs(young - 1)
    yield "CPU time, points", 100 * abs(cpu.expected - ratio)
    yield "peak rss, points", 100 * abs(predicted.extra_bytes.expected - extra) / default.peak_bytes
    yield "longest pause, times", max(predicted.pause_seconds.expected, 1e-6) / pause
    yield "CPU time beyond its interval", not cpu.low <= ratio <= cpu.high
    yield "peak rss above its interval", extra > predicted.extra_bytes.high + 2**20
    yield "longest pause above its interval", pause > predicted.pause_seconds.high


def choose(summary: Summary, measured: Cells) -> tuple[str, float]:
    """What would be recommended, in words, and what it misses of the sweep's best, in CPU."""
    default = measured[summary.thresholds]
    fitting = [
        cell.share
        for cell in measured.values()
        if cell.peak_bytes <= (1 + _BUDGET) * default.peak_bytes
    ]
    choice = best([summary], Goal.THROUGHPUT, int(_BUDGET * summary.peak_rss_bytes))
    own = predict([summary], summary.thresholds, freeze=False)
    chosen = choice or own
    gain = 1 - chosen.cpu_ratio(summary.gc_ns / 1e9).expected
    cell = _nearest(chosen.thresholds, measured) if gain >= _WORTH else default
    words = "/".join(map(str, chosen.thresholds)) if gain >= _WORTH else "left alone"
    memory = cell.peak_bytes / default.peak_bytes
    ratio = (1 + cell.share) / (1 + default.share)
    regret = (cell.share - min(fitting)) / (1 + default.share)
    return f"{words:15} CPU {ratio:.3f}  rss {memory:.2f}  pause {cell.pause_ms:.0f} ms", regret


def _nearest(thresholds: tuple[int, int, int], measured: Cells) -> Cell:
    """The measured cell of these thresholds, or of those that are least unlike them."""

    def unlike(other: tuple[int, int, int]) -> float:
        return sum(abs(a - b) / (a + b) for a, b in zip(thresholds, other))

    return measured[min(measured, key=unlike)]


def main() -> None:
    sweep, captures = map(Path, sys.argv[1:])
    errors: Errors = defaultdict(list)
    regrets = []
    for (program, python), measured in sorted(cells(sweep).items()):
        path = captures / f"{program}-{python}.profile"
        if not path.exists():
            continue
        summary = summarise(read(path))
        if summary.thresholds in measured and summary.gc_ns:
            compare(summary, measured, errors)
            words, regret = choose(summary, measured)
            regrets.append(regret)
            print(f"{program:15} {python}  {words}  regret {regret:.3f}")
    for name, values in errors.items():
        ordered = sorted(values)
        median, ninth = (ordered[len(ordered) * tenths // 10] for tenths in (5, 9))
        mean = statistics.fmean(ordered)
        print(f"{name:34} {len(ordered):4} cells  mean {mean:.2f}  median {median:.2f}  ", end="")
        print(f"90th {ninth:.2f}")
    print(f"regret: mean {statistics.fmean(regrets):.4f}, worst {max(regrets):.4f}")


if __name__ == "__main__":
    main()
