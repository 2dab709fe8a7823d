"""What gctune costs at start: a child of `gctune run`, and a program that calls gctune.apply().

    python tests/benchmarks/startup.py [RUNS]

Prints the medians and quartiles of many runs in turn: CPU time (user and
system) and peak rss, each against what a program would have cost without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from children import BARE, below, plan

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 100

HANDED_DOWN = plan(
    gc__threshold0=5000, gc__threshold1=20, gc__threshold2=20, gc__enabled=True, gc__freeze="fork"
)

PROGRAMS = {
    "bare Python": ("pass", BARE),
    "below gctune run": ("pass", below(HANDED_DOWN)),
    "import pydantic_settings": ("import pydantic_settings", BARE),
    "gctune.apply()": ("import gctune; gctune.apply()", BARE),
    "gctune.apply() below run": ("import gctune; gctune.apply()", below(HANDED_DOWN)),
}

PAIRS = [
    ("below gctune run", "bare Python"),
    ("gctune.apply() below run", "bare Python"),
    ("gctune.apply()", "import pydantic_settings"),
]


# A child's ru_maxrss begins with that of the process that forked it.
PEAK = "\nprint(*[line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line])"


def cost(code: str, environ: dict[str, str]) -> tuple[float, float]:
    """Run a program; return its CPU time in milliseconds and its peak rss in MiB."""
    command = [sys.executable, "-c", code + PEAK]
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        peak_kib = int(child.stdout.read())
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return 1000 * (used.ru_utime + used.ru_stime), peak_kib / 1024


def described(values: list[float], unit: str) -> str:
    low, _, high = quantiles(values, n=4)
    return f"{median(values):7.2f} ({low:.2f} to {high:.2f}) {unit}"


def compare(name: str, base: str, costs: dict[str, list[tuple[float, float]]]) -> None:
    """Print the differences of runs that followed each other, and the ratio of the medians."""
    print(f"{name} against {base}:")
    for place, unit in enumerate(("ms", "MiB")):
        pairs = [(ours[place], its[place]) for ours, its in zip(costs[name], costs[base])]
        more = [ours - its for ours, its in pairs]
        ratio = median(ours for ours, _ in pairs) / median(its for _, its in pairs)
        print(f"  more by {described(more, unit)}, {ratio:.3f} times")


def main() -> None:
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for code, environ in PROGRAMS.values():
        cost(code, environ)  # writes the bytecode, reads the disk
    for _ in range(RUNS):
        for name, (code, environ) in PROGRAMS.items():
            costs[name].append(cost(code, environ))
    print(f"Python {sys.version.split()[0]}, {RUNS} runs each, median (quartiles)")
    for name, taken in costs.items():
        spent, peak = zip(*taken)
        print(f"{name:26}{described(list(spent), 'ms')}  {described(list(peak), 'MiB')}")
    for name, base in PAIRS:
        compare(name, base, costs)


if __name__ == "__main__":
    main()
