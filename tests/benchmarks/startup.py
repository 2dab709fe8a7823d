"""What gctune costs at start: a child of `gctune run`, and a program that calls gctune.apply().

    python tests/benchmarks/startup.py [RUNS]

Runs each program in turn, many times, and prints medians and quartiles of CPU
time (user and system), wall time and peak rss; then each against what a
program would have cost without, by runs that followed each other. CPU time is
what holds on a machine that has other work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from children import BARE, below, plan

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 100

HANDED_DOWN = plan(
    gc__threshold0=5000, gc__threshold1=20, gc__threshold2=20, gc__enabled=True, gc__freeze="fork"
)
WATCHED = plan(memory__limit=2**29, monitor__level="debug", monitor__interval=5.0)
FILE = """
[environments.production.gc]
threshold0 = 5000
freeze = "fork"
"""
APPLY = "import gctune; gctune.apply()"


class Program(NamedTuple):
    """Code to run, the variables it is run with, and the settings file in its folder."""

    code: str
    environ: dict[str, str] = BARE
    file: str = ""


PROGRAMS = {
    "bare Python": Program("pass"),
    "below gctune run": Program("pass", below(HANDED_DOWN)),
    "below it, monitored": Program("pass", below(WATCHED)),
    "gctune.apply() below run": Program(APPLY, below(HANDED_DOWN)),
    "import pydantic_settings": Program("import pydantic_settings"),
    "gctune.apply()": Program(APPLY),
    "gctune.apply() with a file": Program(APPLY, {**BARE, "ENVIRONMENT": "production"}, FILE),
}

PAIRS = [
    ("below gctune run", "bare Python"),
    ("below it, monitored", "bare Python"),
    ("gctune.apply() below run", "bare Python"),
    ("gctune.apply()", "import pydantic_settings"),
    ("gctune.apply() with a file", "import pydantic_settings"),
]


class Cost(NamedTuple):
    """What one run took."""

    cpu_ms: float
    wall_ms: float
    peak_mib: float


# A child's ru_maxrss begins with that of the process that forked it.
PEAK = "\nprint(*[line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line])"


def cost(program: Program, folder: Path) -> Cost:
    """Run a program in a folder that holds its settings file and nothing else."""
    command = [sys.executable, "-c", program.code + PEAK]
    begun = time.perf_counter()
    child = subprocess.Popen(command, env=program.environ, cwd=folder, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        peak_kib = int(child.stdout.read())
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    return Cost(1000 * (used.ru_utime + used.ru_stime), 1000 * wall, peak_kib / 1024)


def described(values: Iterable[float], digits: int = 2) -> str:
    low, median, high = quantiles(values, n=4)
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def compare(ours: list[Cost], base: list[Cost]) -> None:
    """Print by how much, and how many times, each run cost more than the one beside it."""
    for field in Cost._fields:
        pairs = [(getattr(one, field), getattr(other, field)) for one, other in zip(ours, base)]
        more = described(one - other for one, other in pairs)
        times = described((one / other for one, other in pairs), digits=3)
        print(f"  {field:8} more by {more}, {times} times")


def folders(root: Path) -> dict[str, Path]:
    """A folder for each program, with the settings file that it is to find."""
    made = {name: root / str(number) for number, name in enumerate(PROGRAMS)}
    for name, folder in made.items():
        folder.mkdir()
        if PROGRAMS[name].file:
            (folder / "gctune.toml").write_text(PROGRAMS[name].file)
    return made


def measure(root: Path) -> dict[str, list[Cost]]:
    """Run each program once to write its bytecode, then all of them in turn."""
    places = folders(root)
    costs: dict[str, list[Cost]] = {name: [] for name in PROGRAMS}
    for turn in range(RUNS + 1):
        for name, program in PROGRAMS.items():
            taken = cost(program, places[name])
            if turn:
                costs[name].append(taken)
    return costs


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        costs = measure(Path(root))
    print(f"Python {sys.version.split()[0]}, {RUNS} runs each, median (quartiles)")
    for name, taken in costs.items():
        cpu, wall, peak = map(described, zip(*taken))
        print(f"{name:27} {cpu} ms CPU, {wall} ms wall, {peak} MiB")
    for name, base in PAIRS:
        print(f"{name} against {base}:")
        compare(costs[name], costs[base])


if __name__ == "__main__":
    main()
