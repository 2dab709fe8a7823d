"""What following a recommendation gains: default against recommended, run in turn.

    python tests/benchmarks/recommend_gain.py --python .venv/bin/python --pairs 5

Each interpreter needs gctune and `programs/requirements.txt`. A program is
captured once at the interpreter's own settings, `gctune recommend --write` turns
that into a gctune.toml, and `gctune run` puts it in force; the other run of each
pair is the program without gctune. Prints a table of ratios, recommended over
default: the median of the pairs and, in brackets, the least and the greatest.
CPU is compared by GC's share of each run's other CPU time, which a busy machine
disturbs least; the plain ratio is beside it. Pauses are in CPU time. A freeze that
is recommended (goal latency) waits for gctune.warmup_done(), which no program here
calls, so that the thresholds alone are measured.
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

from sweep import HERE, run_once, version

PROGRAMS = ("docs_build", "web_app", "type_check")
GOALS = ("throughput", "latency", "memory")
RATIOS: dict[str, Callable[[dict], float]] = {
    "CPU": lambda cost: 1 + cost["share"],
    "plain CPU": lambda cost: cost["cpu_s"],
    "peak rss": lambda cost: cost["peak_rss_bytes"],
    "longest pause": lambda cost: cost["longest_cpu_ms"],
}
ENVIRONMENT = "production"


def recommend(python: str, program: str, scale: float, goal: str, folder: Path) -> Path:
    """Capture the program once, and write what is recommended for it into a gctune.toml."""
    gctune = [python, "-m", "gctune"]
    script = HERE / "programs" / f"{program}.py"
    profile, config = folder / f"{program}.profile", folder / "gctune.toml"
    capture = [*gctune, "capture", "-o", profile, "--", python, script, "--scale", str(scale)]
    subprocess.run(capture, check=True, stdout=subprocess.DEVNULL)
    write = ["--goal", goal, "--write", config, "--environment", ENVIRONMENT]
    subprocess.run([*gctune, "recommend", profile, *write], check=True, stdout=subprocess.DEVNULL)
    return config


def pair(python: str, program: str, scale: float, config: Path) -> tuple[dict, dict]:
    """Run the program as it is, then under the recommended settings."""
    tuned = {**os.environ, "GCTUNE_CONFIG": str(config), "ENVIRONMENT": ENVIRONMENT}
    through = [python, "-m", "gctune", "run", "--"]
    return (
        run_once(python, program, "default", scale),
        run_once(python, program, "default", scale, through, tuned),
    )


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
