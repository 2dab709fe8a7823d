"""What `gctune recommend` itself costs, by the length of the profile.

    python tests/benchmarks/recommend_cost.py --python .venv/bin/python

Each row is a child process of its own: CPU time and peak rss of `recommend` on a
profile of so many collections, made of the batches of a captured one over and
over, with clocks that go on. What grows linearly shows the same time a million
collections in each of the longer rows. The last rows are the captured profiles
of `profiles/`, as they are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from gctune.monitor.recorder import RECORD_BYTES
from gctune.profile.file import Profile, read
from gctune.profile.records import Batch, Reading
from gctune.profile.writer import Writer

FOLDER = Path(__file__).parent.parent.parent / "profiles"
REPEATED = FOLDER / "docs_build-3.11.profile.gz"
LENGTHS = (10_000, 100_000, 300_000, 1_000_000)
START_NS = 12 + 8  # where the start on the wall clock stands in a record
STOP_NS = 36 + 8


def lengthened(profile: Profile, collections: int, path: Path) -> None:
    """Write a profile of at least so many collections, a run after another."""
    writer = Writer(path)
    writer.append(profile.header)
    first, last = profile.header.start_ns, profile.readings[-1]
    written = 0
    for run in count():
        if written >= collections:
            break
        later = run * (last.time_ns - first)
        for batch in profile.batches:
            writer.append(Batch(_moved(batch.packed, later)))
            written += len(batch)
        for reading in profile.readings:
            writer.append(_later(reading, last, run, later))
    assert profile.closing is not None
    ending = _later(profile.closing.last, last, run - 1, later)
    writer.append(replace(profile.closing, last=ending))
    writer.close()


def _later(reading: Reading, last: Reading, run: int, later_ns: int) -> Reading:
    first, second, third = (
        now + run * whole for now, whole in zip(reading.collections, last.collections)
    )
    return replace(
        reading,
        time_ns=reading.time_ns + later_ns,
        cpu_ns=reading.cpu_ns + run * last.cpu_ns,
        collections=(first, second, third),
    )


def _moved(packed: bytes, later_ns: int) -> bytes:
    """Collections of `packed`, so much later."""
    moved = bytearray(packed)
    for record in range(0, len(packed), RECORD_BYTES):
        for place in (START_NS, STOP_NS):
            where = slice(record + place, record + place + 8)
            time_ns = int.from_bytes(moved[where], "little") + later_ns
            moved[where] = time_ns.to_bytes(8, "little")
    return bytes(moved)


def cost(python: str, path: Path) -> tuple[float, float]:
    """CPU seconds and peak rss in MiB of a `gctune recommend` of its own."""
    child = subprocess.Popen([python, "-m", "gctune", "recommend", path], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def profiles(folder: Path) -> Iterator[tuple[str, Path]]:
    for length in LENGTHS:
        path = folder / f"{length}.profile"
        lengthened(read(REPEATED), length, path)
        yield f"{length} collections", path
    yield from ((path.name, path) for path in sorted(FOLDER.glob("*.gz")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter to run it on")
    asked = parser.parse_args()
    print("| profile | MB | CPU | peak rss |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in profiles(Path(folder)):
            seconds, mib = cost(asked.python, path)
            size = path.stat().st_size / 1e6
            print(f"| {name} | {size:.1f} | {seconds:.2f} s | {mib:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
