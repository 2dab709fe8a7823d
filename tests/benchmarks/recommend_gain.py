"""What following a recommendation gains: default against recommended, run in turn.

    python tests/benchmarks/recommend_gain.py --python .venv/bin/python --pairs 5

Each interpreter needs gctune and `programs/requirements.txt`. A program is
captured once at the interpreter's own settings, `gctune recommend --write` turns
that into a gctune.toml, and `gctune run` puts it in force; the other run of each
pair is the program without gctune. Prints a table of ratios, recommended over
default: the median of the pairs and, in brackets, the least and the greatest.
CPU is compared by GC's share of each run's other CPU time, which a busy machine
disturbs least; the plain ratio is beside it. Pauses are in CPU time. A freeze that
is recommended comes where the program calls gctune.warmup_done().
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rows import Row, Run, capture, cost, version

PROGRAMS = ("docs_build", "web_app", "type_check")
GOALS = ("throughput", "latency", "memory")
RATIOS: dict[str, Callable[[Row], float]] = {
    "CPU": lambda row: 1 + row["share"],
    "plain CPU": lambda row: row["cpu_s"],
    "peak rss": lambda row: row["peak_rss_bytes"],
    "longest pause": lambda row: row["longest_cpu_ms"],
}
ENVIRONMENT, SEED = "production", 1


def recommend(python: str, program: str, scale: float, goal: str, folder: Path) -> Path:
    """Capture the program once, and write what is recommended for it into a gctune.toml."""
    profile, config = capture(python, program, scale, SEED, folder), folder / "gctune.toml"
    write = ["--goal", goal, "--write", config, "--environment", ENVIRONMENT]
    command = [python, "-m", "gctune", "recommend", profile, *write]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return config


def pair(python: str, program: str, scale: float, config: Path) -> tuple[Row, Row]:
    """Run the program as it is, then under the recommended settings."""
    run = Run(program, version(python), "default", scale, SEED)
    tuned = {**os.environ, "GCTUNE_CONFIG": str(config), "ENVIRONMENT": ENVIRONMENT}
    through = [python, "-m", "gctune", "run", "--"]
    return cost(python, run), cost(python, run, through=through, environ=tuned)


def gain(python: str, program: str, asked: argparse.Namespace) -> dict:
    """Measure one program on one interpreter: every pair's ratios, and the settings."""
    with tempfile.TemporaryDirectory() as folder:
        config = recommend(python, program, asked.scale, asked.goal, Path(folder))
        pairs = [pair(python, program, asked.scale, config) for _ in range(asked.pairs)]
    default, tuned = pairs[0]
    return {
        "program": program,
        "python": version(python),
        "goal": asked.goal,
        "default": default["thresholds"],
        "recommended": tuned["thresholds"],
        "share": [default["share"] for default, _ in pairs],
        "ratios": {
            name: [of(tuned) / of(default) for default, tuned in pairs]
            for name, of in RATIOS.items()
        },
    }


def gains(asked: argparse.Namespace) -> Iterator[dict]:
    for python in asked.python or [sys.executable]:
        for program in asked.program or PROGRAMS:
            yield gain(python, program, asked)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def row(line: dict) -> str:
    """Word one measurement as a row of the table."""
    settings = " -> ".join(", ".join(map(str, line[key])) for key in ("default", "recommended"))
    share = f"{statistics.median(line['share']):.1%}"
    ratios = (spread(values) for values in line["ratios"].values())
    return f"| {' | '.join([line['program'], line['python'], settings, share, *ratios])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", action="append", help="an interpreter to measure on")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="only this one")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--goal", choices=GOALS, default=GOALS[0])
    parser.add_argument("--out", type=Path, help="add each row to this file as a line of JSON")
    asked = parser.parse_args()
    columns = ["program", "Python", "thresholds", "GC share", *RATIOS]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for line in gains(asked):
        print(row(line), flush=True)
        if asked.out:
            with asked.out.open("a") as out:
                print(json.dumps(line), file=out)


if __name__ == "__main__":
    main()
