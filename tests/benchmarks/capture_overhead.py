"""What a capture costs: a real program with and without it, run in turn.

    python tests/benchmarks/capture_overhead.py --python .venv/bin/python --pairs 40

Each interpreter needs gctune and `programs/requirements.txt`. Two answers stand
side by side. The ratio of CPU time, with capture over without, of runs that take
turns in one process (`turns.py`): the median of the pairs and, in brackets, its
95% interval by bootstrap. And the sum of what its parts cost, measured one by one
in that interpreter: so many collections, sampled collections and flushes as the
profile of a whole run holds, each at its price, over the program's CPU time.
Starting the capture is a cost of its own, paid once, and given in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from gctune.profile.file import Profile, read
from gctune.runtime.launch import bootstrap_environment

HERE = Path(__file__).parent
PROGRAMS = ("docs_build", "type_check", "sql_translate")

# Prints the price in nanoseconds of a collection, of sampling one, and of a flush.
PRICES = """
import gc, json, sys, tempfile, timeit
from pathlib import Path
from gctune.monitor.recorder import Recorder
from gctune.profile.recording import Recording
from gctune.profile.writer import Writer

def least(act, number=20000):
    return min(timeit.repeat(act, number=number, repeat=7)) / number * 1e9

def collection(rate):
    recorder.sample(rate, rate, rate)
    return least(lambda: gc.collect(0)) - bare

gc.collect(); gc.freeze(); gc.disable()
bare = least(lambda: gc.collect(0))
recorder = Recorder(); recorder.start()
plain, sampled = collection(1000), collection(1)
recorder.stop()

with tempfile.TemporaryDirectory() as folder:
    recording = Recording(lambda: Writer(Path(folder, "profile")), forked=False)
    recording.open()
    flush = least(recording.flush, 200)
    def full():
        for _ in range(1000): gc.collect(0)
    def flushed():
        full(); recording.flush()
    drain = (least(flushed, 20) - least(full, 20) - flush) / 1000
    recording.finish("stop")
print(json.dumps([plain + max(0, drain), sampled - plain, flush]))
"""


def cpu_seconds(command: list[str], environ: dict[str, str]) -> float:
    """Run a command to its end; return the CPU time that it and its children took."""
    child = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command}: exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def captured(command: list[str]) -> tuple[float, Profile]:
    """Run a command with capture on, as it is below `gctune capture`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "profile")
        capture = json.dumps({"path": str(path), "seconds": None})
        return cpu_seconds(command, bootstrap_environment(GCTUNE_CAPTURE=capture)), read(path)


def start_seconds(python: str) -> float:
    """What a capture adds to a program that does nothing."""
    nothing = [python, "-c", ""]
    added = (captured(nothing)[0] - cpu_seconds(nothing, dict(os.environ)) for _ in range(7))
    return statistics.median(added)


def prices(python: str) -> list[float]:
    done = subprocess.run([python, "-c", PRICES], capture_output=True, check=True)
    price: list[float] = json.loads(done.stdout)
    return price


def parts_seconds(profile: Profile, price: list[float]) -> float:
    """What the capture cost after its start, by the price of each part."""
    collections = list(profile.collections())
    sampled = sum(collection.sampled for collection in collections)
    counts = (len(collections), sampled, len(profile.readings))
    return sum(count * each for count, each in zip(counts, price)) / 1e9


def ratios(python: str, program: str, scale: float, pairs: int) -> list[float]:
    """CPU time with capture over without, of each pair of runs in one process."""
    command = [python, HERE / "turns.py", program, str(scale), str(pairs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return [captured / without for without, captured in json.loads(done.stdout)]


def interval(ratios: list[float]) -> tuple[float, float]:
    """The 95% interval of their median, from 2,000 resamples of fixed seed."""
    draw = random.Random(0).choices
    medians = sorted(statistics.median(draw(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[-51]


def compare(python: str, program: str, asked: argparse.Namespace, price: list[float]) -> str:
    """Run one program with capture and in pairs; return its row of the table."""
    command = [python, str(HERE / "programs" / f"{program}.py")]
    cpu, profile = captured(command)
    found = ratios(python, program, asked.scale, asked.pairs)
    low, high = interval(found)
    return (
        f"{program} | {cpu:.1f} s | {sum(map(len, profile.batches)) / cpu:.0f} a second"
        f" | {statistics.median(found):.3f} [{low:.3f} to {high:.3f}]"
        f" | {parts_seconds(profile, price) / cpu:.2%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="interpreter, may be repeated")
    parser.add_argument("--program", action="append", help="of programs/, may be repeated")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--scale", type=float, default=0.1, help="of each run of a pair")
    asked = parser.parse_args()
    for python in asked.python or [sys.executable]:
        price = prices(python)
        print(
            f"\n{python}: start {start_seconds(python) * 1e3:.0f} ms, then"
            f" {price[0] / 1e3:.1f} us a collection, {price[1] / 1e3:.1f} us more if sampled,"
            f" {price[2] / 1e3:.0f} us a flush"
        )
        print("program | CPU | collections | CPU with capture | sum of its parts")
        for program in asked.program or PROGRAMS:
            print(compare(python, program, asked, price), flush=True)


if __name__ == "__main__":
    main()
