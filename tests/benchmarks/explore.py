"""What an exploring capture finds on a real asyncio service under load, and what it costs.

    python tests/benchmarks/explore.py --python .venv/bin/python

The service is starlette behind uvicorn with a million live objects, its clients
are another process. First each setting of a sweep serves as many requests, in a
process of its own; their CPU is compared by the collector's share of the other
CPU time. Then one process serves while it is captured with `--explore`. Prints
the sweep, what was estimated while exploring, how far its best is from the
sweep's best, how far memory grew while exploring, and the 99th percentile of
requests before the first window, while exploring, and in a capture that does
not explore, at the same age of the process.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from operator import mul
from pathlib import Path

from gctune.profile.exploring import GROWTH, WINDOW
from gctune.profile.file import Profile, read
from gctune.recommender.columns import Columns
from gctune.recommender.exploration import explored

SERVED = str(Path(__file__).with_name("served.py"))
OWN = (2000, 10, 10)
SWEEP = [
    *((zero, 10, two) for zero in (2000, 5000, 20_000) for two in (10, 1000)),
    (700, 10, 1000),
    (2000, 10, 100),
    (10_000, 20, 1000),
    (50_000, 20, 100),
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def serving(python: str, profile: Path, *options: str, thresholds: str = "") -> Iterator[int]:
    """The service, captured, until the block ends."""
    port = free_port()
    capture = [python, "-m", "gctune", "capture", "-o", str(profile), *options, "--"]
    command = [*capture, python, SERVED, "serve", str(port), *filter(None, [thresholds])]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def load(port: int, seconds: float, requests: int = 10**9) -> dict:
    """Load the service; when that began and ended, and what requests took."""
    command = [sys.executable, SERVED, "load", str(port), str(seconds), str(requests)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def cpu_cost(profile: Profile, loaded: dict) -> float:
    """1 + share while the service was loaded."""
    readings = [
        one for one in profile.readings if loaded["start_ns"] < one.time_ns < loaded["end_ns"]
    ]
    first, last = readings[0], readings[-1]
    columns = Columns.of(batch.collections() for batch in profile.batches)
    within = [first.time_ns < start <= last.time_ns for start in columns.start_ns]
    gc_ns = sum(map(mul, map(mul, columns.cpu_ns, columns.weights), within))
    cpu_ns = last.cpu_ns - first.cpu_ns
    return cpu_ns / (cpu_ns - gc_ns)


def swept(python: str, folder: Path, requests: int) -> dict[tuple[int, int, int], float]:
    """1 + share of each setting that keeps within the bound of the program's own peak."""
    costs, peaks = {}, {}
    for thresholds in SWEEP:
        name = ",".join(map(str, thresholds))
        profile = folder / f"{name}.profile"
        with serving(python, profile, thresholds=name) as port:
            loaded = load(port, 3600, requests)
        costs[thresholds] = cpu_cost(read(profile), loaded)
        peaks[thresholds] = read(profile).peak_rss_bytes
        grown = peaks[thresholds] / peaks[OWN]
        print(f"| {name} | {costs[thresholds]:.4f} | {grown:.3f} |", flush=True)
    bound = (1 + GROWTH) * peaks[OWN]
    return {one: cost for one, cost in costs.items() if peaks[one] <= bound}


def percentile(loaded: dict, since: float, until: float) -> float:
    took = [each for start, each in loaded["took"] if since <= start < until]
    return statistics.quantiles(took, n=100)[98] if len(took) > 1 else float("nan")


def tell_requests(before: dict, exploring: dict, profile: Profile) -> None:
    """The 99th percentile of requests, with and without exploring, at the same age."""
    switches = profile.switches
    began, ended = switches[0].time_ns, switches[-1].time_ns
    age = began - exploring["start_ns"], ended - exploring["start_ns"]
    quiet = [before["start_ns"] + each for each in age]
    first = percentile(exploring, exploring["start_ns"], began)
    while_ = percentile(exploring, began, ended)
    without = percentile(before, *quiet)
    print(f"p99 before the first window {first:.1f} ms, while exploring {while_:.1f} ms")
    print(f"p99 at the same age without exploring {without:.1f} ms: {while_ / without:.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--requests", type=int, default=12_000, help="for each setting swept")
    parser.add_argument("--seconds", type=float, default=240, help="of exploring")
    parser.add_argument("--keep", type=Path, help="a folder for the profiles")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        profile, plain = folder / "explored.profile", folder / "plain.profile"
        with serving(asked.python, plain) as port:
            before = load(port, asked.seconds)
        with serving(asked.python, profile, "--explore") as port:
            exploring = load(port, asked.seconds)
        recorded = read(profile)
        seen = explored([recorded])
        assert seen is not None, [switch.reason for switch in recorded.switches]
        tell_requests(before, exploring, recorded)
        windows = [each for each in recorded.switches if each.reason == WINDOW]
        began = windows[0].time_ns
        base = next(one.rss_bytes for one in recorded.readings if one.time_ns >= began)
        peak = max(one.rss_bytes for one in recorded.readings if one.time_ns >= began)
        print(f"memory grew to {peak / base:.3f} times, {1 + GROWTH:.1f} is the bound")
        print(*seen.told(), sep="\n")
        print("| tried | CPU seen (9 in 10) | longest pause |\n|---|---|---|")
        for one in seen.tried:
            ratio = "{:.3f} ({:.3f} to {:.3f})".format(*one.cpu)
            print(f"| {one.thresholds} | {ratio} | {one.pause_seconds * 1e3:.1f} ms |")
        print("| swept | 1 + share | peak rss |\n|---|---|---|", flush=True)
        costs = swept(asked.python, folder, asked.requests)
        best = min(costs.values())
        choice = seen.tried[0].thresholds
        away = (
            f"{costs[choice] / best - 1:.2%}" if choice in costs else "over the bound, and so far"
        )
        print(f"found {choice}: {away} from the sweep's best within the bound")
        print(f"the sweep's best is {best / costs[OWN]:.3f} times the program's own")


if __name__ == "__main__":
    main()
