"""What `gctune recommend` takes, in time and memory, against the length of a profile.

    python tests/benchmarks/recommend_cost.py --python .venv/bin/python

First the profiles of `profiles/`, each as it is. Then one of them said over and
over, as a program would that did the same again and again, until it has as many
collections as an hour's capture, and a reading as often among them as that: a million
take four a second. How the cost of a collection grows shows whether time is linear.
The goals are asked in turn, and the dearest counts. CPU time is that of the whole
command, its start included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from struct import Struct

from cells import print_head, print_row

from gctune.monitor.recorder import RECORD_BYTES
from gctune.profile.file import Profile, read
from gctune.profile.records import Batch, Reading
from gctune.profile.writer import Writer
from gctune.recommender.search import Goal

PROFILES = Path(__file__).parent.parent.parent / "profiles"
REPEATED = PROFILES / "docs_build-3.13.profile.gz"
LENGTHS = (125_000, 250_000, 500_000, 1_000_000)
MOST_SECONDS, MOST_BYTES, MOST_CORPUS_SECONDS = 10.0, 300 * 10**6, 1.0
EACH = 1_000_000 // (4 * 3600)  # collections to a reading
COLLECTION = Struct("<3i3q3qb2q")  # as the recorder packs one
STARTED, STOPPED = 4, 7  # the fields that are times of the day
assert COLLECTION.size == RECORD_BYTES


def later(batch: Batch, wall_ns: int) -> Batch:
    """The same collections, that much later."""
    moved = []
    for fields in map(list, COLLECTION.iter_unpack(batch.packed)):
        fields[STARTED] += wall_ns
        fields[STOPPED] += wall_ns
        moved.append(COLLECTION.pack(*fields))
    return Batch(b"".join(moved))


def read_again(reading: Reading, first: Reading, last: Reading, turn: int) -> Reading:
    """The same reading in a later turn: clocks and totals have gone on."""

    def on(of: str) -> int:
        start, stop = getattr(first, of), getattr(last, of)
        return int(getattr(reading, of) + turn * (stop - start))

    def all_on(of: str) -> tuple[int, int, int]:
        facts = zip(getattr(reading, of), getattr(first, of), getattr(last, of))
        young, middle, old = (now + turn * (stop - start) for now, start, stop in facts)
        return young, middle, old

    return replace(
        reading,
        time_ns=on("time_ns"),
        cpu_ns=on("cpu_ns"),
        collections=all_on("collections"),
        collected=all_on("collected"),
    )


def write_repeated(profile: Profile, collections: int, path: Path) -> Path:
    """Say a profile over and over until it has as many collections."""
    closing = profile.closing
    assert closing is not None
    first, last = profile.readings[0], closing.last
    turns = collections // sum(map(len, profile.batches))
    writer = Writer(path)
    writer.append(profile.header)
    packed = b""
    for turn in range(turns):
        for batch, reading in zip(profile.batches, profile.readings):
            packed += later(batch, turn * (last.time_ns - first.time_ns)).packed
            if len(packed) >= EACH * RECORD_BYTES:
                writer.append(Batch(packed))
                writer.append(read_again(reading, first, last, turn))
                packed = b""
    writer.append(Batch(packed))
    writer.append(replace(closing, last=read_again(last, first, last, turns - 1)))
    writer.close()
    return path


def cost(python: str, profile: Path, goal: str) -> tuple[float, int]:
    """CPU seconds and peak bytes of one `gctune recommend`."""
    command = [python, "-m", "gctune", "recommend", "--json", "--goal", goal, str(profile)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command}: exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def dearest(python: str, path: Path) -> tuple[float, int]:
    """Print a row of the table; the most seconds and bytes over the goals."""
    costs = [cost(python, path, goal) for goal in Goal.ALL]
    seconds, peak = max(seconds for seconds, _ in costs), max(peak for _, peak in costs)
    collections = sum(map(len, read(path).batches))
    each = f"{seconds / max(1, collections) * 1e6:.1f}"
    size, memory = path.stat().st_size / 1e6, peak / 1e6
    print_row([path.name, collections, f"{size:.1f}", f"{seconds:.2f}", each, f"{memory:.0f}"])
    return seconds, peak


def repeated(folder: Path) -> Iterator[Path]:
    profile = read(REPEATED)
    for collections in LENGTHS:
        yield write_repeated(profile, collections, folder / f"{collections} collections")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter to run it on")
    python = parser.parse_args().python
    print_head(["profile", "collections", "MB", "CPU, s", "us a collection", "peak rss, MB"])
    corpus = [dearest(python, path)[0] for path in sorted(PROFILES.glob("*.profile.gz"))]
    with tempfile.TemporaryDirectory() as folder:
        costs = [dearest(python, path) for path in repeated(Path(folder))]
    seconds, peak = costs[-1]
    growth = seconds / costs[0][0] / (LENGTHS[-1] / LENGTHS[0])
    print(f"\nthe corpus at most {max(corpus):.2f} s (goal {MOST_CORPUS_SECONDS:g})")
    print(f"a million collections {seconds:.1f} s, {peak / 1e6:.0f} MB", end=" ")
    print(f"(goal {MOST_SECONDS:g} s, {MOST_BYTES / 1e6:.0f} MB)")
    print(f"eight times the collections take {growth:.2f} of eight times the time")


if __name__ == "__main__":
    main()
