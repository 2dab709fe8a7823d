"""What each program costs at each setting of the collector, one JSON line a run.

    python tests/benchmarks/sweep.py --python .venv/bin/python --out sweep.jsonl

What the file has already is not run again. Compare runs by `share` (thread CPU
time in collections over the same run's other CPU time): it repeats within a few
percent where plain CPU time on a shared machine does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rows import FOLDER, Rows, Run, programs, version

FOLK = "50000,20,100+freeze"
SETTINGS = (
    "default",
    "50000,20,50",
    FOLK,
    "disabled",
    *(f"{threshold0},10,1000" for threshold0 in (700, 2000, 5000, 50000)),
    *(f"{threshold0},10,100" for threshold0 in (5000, 20000)),
    *(f"{threshold0},10,10" for threshold0 in (5000, 50000)),
    "2000,5,5",
    "2000,10,10+freeze",
    "5000,10,100+freeze",
)


def runs(asked: argparse.Namespace) -> Iterator[Run]:
    """What is to be run; no program or interpreter twice in a row where there are several."""
    for setting in asked.setting or SETTINGS:
        for python in asked.python:
            for program in asked.program or programs(asked.programs):
                yield Run(program, version(python), setting, asked.scale, asked.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", action="append", help="an interpreter to run them on")
    parser.add_argument("--out", type=Path, required=True, help="file that lines are added to")
    parser.add_argument("--programs", type=Path, default=FOLDER, help="folder of the programs")
    parser.add_argument("--program", action="append", help="only this one")
    parser.add_argument("--setting", action="append", help="only this one, as 5000,10,1000+freeze")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1, help="how often each, in all")
    asked = parser.parse_args()
    asked.python = asked.python or [sys.executable]
    rows = Rows(asked.out, {version(python): python for python in asked.python}, asked.programs)
    for repeat in range(asked.repeats):
        for run in runs(asked):
            rows.measured(run, repeat + 1)


if __name__ == "__main__":
    main()
