"""What the monitor costs at each level: a program that collects much, with it and without in turn.

    python tests/benchmarks/monitor_overhead.py --python .venv/bin/python --rounds 4000

Each interpreter needs gctune and `programs/requirements.txt`. Of the programs,
graph_analysis and orm_store collect the most often. What a monitor costs has two
parts, and each is measured where it falls. The program's own thread records the
collections: its CPU time with a level over without, of turns that alternate in one
process, a few hundredths of a second each, in an order drawn by lot in every round.
The median of the rounds is given with its 95% interval by bootstrap, beside that of a
second turn without (`again`), which is the noise. And gctune's thread takes samples
and adds up: the CPU time of all threads but the program's, over the program's, in
whole runs at the default interval. Debug, with allocations traced, is run but once.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

SEED = 1
PROGRAMS = {"graph_analysis": 0.004, "orm_store": 0.001}  # and the scale of a turn
LEVELS = ("basic", "detailed")
KINDS = ("off", "again", *LEVELS)  # again is off too: how far turns of the same differ
WHOLE_SECONDS = 30.0  # of CPU, in which gctune's thread is watched at each level


@contextmanager
def watched(level: str) -> Iterator[None]:
    """A monitor under way, as a plan has it: what it costs once, at its start, is not counted."""
    from gctune.monitor.alerts import Rule
    from gctune.monitor.measures import MEASURES
    from gctune.monitor.monitor import Monitor, current
    from gctune.monitor.thread import lay_down, take_up

    rules = [Rule(name, 1e18, 60.0, 0.9) for name in MEASURES]  # read, and never raised
    job = take_up("monitor.level", lambda: Monitor(level, rules=rules), first=0.0)
    while (monitor := current()) is None or monitor.sample is None:
        time.sleep(0.0002)
    try:
        yield
    finally:
        lay_down(job)


def turn(kind: str, act: Callable[[], object]) -> float:
    """The CPU time that `act` takes of its own thread; each turn has the same before it."""
    if kind in LEVELS:
        with watched(kind):
            return timed(act)
    with watched("basic"):
        pass
    return timed(act)


def timed(act: Callable[[], object]) -> float:
    gc.collect()
    start = time.thread_time()
    act()
    return time.thread_time() - start


def rounds(act: Callable[[], object], number: int) -> dict[str, list[float]]:
    """Each round's CPU time with a level over without, after a round that is not counted."""
    order, chance = list(KINDS), random.Random(SEED)
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS[1:]}
    for place in range(number + 1):
        chance.shuffle(order)
        taken = {kind: turn(kind, act) for kind in order}
        bare = statistics.mean((taken["off"], taken["again"]))
        if place:
            ratios["again"].append(taken["again"] / taken["off"])
            for level in LEVELS:
                ratios[level].append(taken[level] / bare)
    return ratios


def thread_share(level: str, act: Callable[[], object]) -> float:
    """The CPU time of gctune's thread over the program's, in whole runs of it."""
    with watched(level):
        own, every = time.thread_time(), time.process_time()
        while time.thread_time() - own < WHOLE_SECONDS:
            act()
        own, every = time.thread_time() - own, time.process_time() - every
    return (every - own) / own


def traced(act: Callable[[], object]) -> float:
    """The program's CPU time at level debug, allocations traced, over that without."""
    from gctune.profile import tracing

    bare = timed(act)
    with watched("debug"):
        tracing.start()
        try:
            return timed(act) / bare
        finally:
            tracing.stop()


def measure(program: str, number: int) -> dict[str, object]:
    """All that is measured of a program; for a child process of this one."""
    run = import_module(program).main
    part, whole = (lambda: run(PROGRAMS[program], SEED)), (lambda: run(1.0, SEED))
    timed(part)  # fills the caches
    before = collections()
    seconds = sum(timed(part) for _ in range(100))
    rate = (collections() - before - 100) / seconds  # but the one before each
    return {
        "seconds": seconds / 100,
        "rate": rate,
        "ratios": rounds(part, number),
        "threads": {level: thread_share(level, whole) for level in LEVELS},
        "debug": traced(part),
    }


def collections() -> int:
    return sum(each["collections"] for each in gc.get_stats())


def interval(ratios: list[float]) -> str:
    """The median, and its 95% interval by bootstrap."""
    chance = random.Random(SEED)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(1000))
    return f"{statistics.median(ratios):.4f} ({medians[25]:.4f} to {medians[-26]:.4f})"


def report(python: str, program: str, number: int) -> None:
    command = [python, __file__, "--child", program, str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\n{program}: turns of {found['seconds'] * 1e3:.0f} ms of CPU,"
        f" {found['rate']:.0f} collections a second of it, {number} rounds"
    )
    for kind, ratios in found["ratios"].items():
        thread = found["threads"].get(kind)
        added = f"; gctune's thread {thread:.3%} more" if thread is not None else ""
        print(f"  {kind:9} {interval(ratios)} times the CPU{added}", flush=True)
    print(f"  debug     {found['debug']:.2f} times the CPU, with allocations traced", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        sys.path.insert(0, str(Path(__file__).parent / "programs"))
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="interpreter, may be repeated")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="may be repeated")
    parser.add_argument("--rounds", type=int, default=4000)
    asked = parser.parse_args()
    for python in asked.python or [sys.executable]:
        print(f"\n{python}")
        for program in asked.program or PROGRAMS:
            report(python, program, asked.rounds)


if __name__ == "__main__":
    main()
