"""What the monitor costs at each level: a program that collects much, with it and without in turn.

    python tests/benchmarks/monitor_overhead.py --python .venv/bin/python --rounds 20

Each interpreter needs gctune and `programs/requirements.txt`. Of the programs,
graph_analysis and orm_store collect the most often. Two answers stand side by
side. The ratio of CPU time, with a level over without, of runs that take turns in
one process: the median of the rounds and its 95% interval by bootstrap, beside that
of a second run without (`again`), which is the noise. And the sum of what its parts
cost, measured one by one in that interpreter: each collection that was recorded,
each that was added up, each sample with its alerts, at the program's own rate of
collections and a sample each five seconds, over its CPU time. Debug, with
allocations traced, is run but once.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path

from turns import SEED, cpu_seconds

PROGRAMS = ("graph_analysis", "orm_store")
LEVELS = ("basic", "detailed")
KINDS = ("off", "again", *LEVELS)  # again is off too: how far runs of the same differ
INTERVAL = 5.0  # seconds, the default

# Prints the price in nanoseconds of recording a collection, of adding it up, and of a sample.
PRICES = """
import gc, json, time, timeit
from gctune.monitor.alerts import Rule
from gctune.monitor.measures import MEASURES
from gctune.monitor.monitor import Monitor
from gctune.monitor.tally import Collections

def least(act, number):
    return min(timeit.repeat(act, number=number, repeat=7, timer=time.thread_time)) / number * 1e9

def thousand():
    for _ in range(1000): gc.collect(0)

gc.collect(); gc.freeze(); gc.disable()
bare = least(thousand, 20) / 1000
collections = Collections()
recorded = least(thousand, 20) / 1000 - bare
collections.seen()
def added(): thousand(); collections.seen()
tallied = least(added, 20) / 1000 - bare - recorded
collections.close()
rules = [Rule(name, 1e18, 60.0, 0.9) for name in MEASURES]
monitor = Monitor("basic", 0.0, rules)
sample = least(lambda: monitor(time.perf_counter_ns()), 500)
print(json.dumps([recorded, max(0.0, tallied), sample]))
"""


def watched(level: str) -> AbstractContextManager[object]:
    """A monitor under way: what it costs once, at its start, is not counted."""
    import gctune
    from gctune.monitor.monitor import current

    monitor = {"level": level, "interval": INTERVAL, "trace": level == "debug"}
    applied = gctune.apply(environment="test", monitor=monitor)
    while current() is None:
        time.sleep(0.01)
    return applied


def rounds(act: Callable[[], object], number: int) -> dict[str, list[float]]:
    """Time `act` without and at each level, `number` times each, after a round untimed."""
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(-1, number):
        first = turn % len(KINDS)
        for kind in KINDS[first:] + KINDS[:first]:
            around = watched(kind) if kind in LEVELS else nullcontext()
            seconds = cpu_seconds(act, around)
            if turn >= 0:
                taken[kind].append(seconds)
    return taken


def measure(program: str, scale: float, number: int) -> dict[str, object]:
    """Run a program in rounds, then once traced; for a child process of this one."""
    import gctune

    run = import_module(program).main
    act = lambda: run(scale, SEED)  # noqa: E731
    taken = rounds(act, number)
    before = sum(gctune.sample().collections)
    again = cpu_seconds(act, nullcontext())
    collections = sum(gctune.sample().collections) - before
    debug = cpu_seconds(act, watched("debug"))
    return {"taken": taken, "rate": collections / again, "debug": debug / again}


def in_a_child(python: str, *arguments: str) -> object:
    done = subprocess.run([python, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def interval(ratios: list[float]) -> str:
    """The median, and its 95% interval by bootstrap."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(2000))
    return f"{statistics.median(ratios):.4f} [{medians[50]:.4f} to {medians[-51]:.4f}]"


def report(python: str, program: str, scale: float, number: int) -> None:
    price = in_a_child(python, "-c", PRICES)
    found = in_a_child(python, __file__, "--child", program, str(scale), str(number))
    recorded, tallied, sample = price  # nanoseconds
    taken, rate = found["taken"], found["rate"]
    each_second = {"basic": sample / INTERVAL, "detailed": sample / INTERVAL}
    each_second["detailed"] += (recorded + tallied) * rate
    print(
        f"\n{program}: {statistics.median(taken['off']):.2f} s of CPU a run,"
        f" {rate:.0f} collections a second of it; a collection costs"
        f" {recorded / 1e3:.2f} us to record and {tallied / 1e3:.2f} us to add up,"
        f" a sample {sample / 1e3:.0f} us"
    )
    for kind in KINDS[1:]:
        ratios = [more / less for more, less in zip(taken[kind], taken["off"])]
        parts = each_second.get(kind, 0.0) / 1e9
        print(f"  {kind:9} {interval(ratios)} times the CPU; sum of its parts {parts:.3%}")
    print(f"  debug     {found['debug']:.2f} times the CPU, with allocations traced")


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        sys.path.insert(0, str(Path(__file__).parent / "programs"))
        program, scale, number = sys.argv[2:]
        print(json.dumps(measure(program, float(scale), int(number))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="interpreter, may be repeated")
    parser.add_argument("--program", action="append", help="of programs/, may be repeated")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    for python in asked.python or [sys.executable]:
        print(f"\n{python}")
        for program in asked.program or PROGRAMS:
            report(python, program, asked.scale, asked.rounds)


if __name__ == "__main__":
    main()
