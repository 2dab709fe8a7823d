"""What an exploring capture finds on a real asyncio service under load, and what it costs.

    python tests/benchmarks/explore.py --python .venv/bin/python

The service is starlette behind uvicorn with a million live objects, its clients
are another process. First each setting of a sweep serves as many requests, in a
process of its own; their CPU is compared by the collector's share of the other
CPU time, and what peaks beyond the budget is left out. `--swept FILE` keeps that
sweep, or takes it from there. Then processes serve while they are captured with
`--explore`, each with a lot of its own. Prints the sweep, what was estimated
while exploring, how far what `recommend` says is from the sweep's best, how far
memory grew, and the 99th percentile of requests before the first window, while
exploring, and in a capture that does not explore, at the same age of the process.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import mul
from pathlib import Path
from typing import NamedTuple

from gctune.profile.exploring import GROWTH
from gctune.profile.file import Profile, read
from gctune.profile.records import Three
from gctune.recommender.exploration import Explored, explored
from gctune.recommender.recommendation import recommend
from gctune.recommender.search import Goal
from gctune.settings.quantities import Ratio
from gctune.simulator.columns import Columns
from gctune.simulator.generations import OLD

SERVED = str(Path(__file__).with_name("served.py"))
OWN = (2000, 10, 10)
BUDGETS = 0.1, 0.25, 0.5  # that a setting's peak of rss may lie above that of the program's own
SWEEP = [
    *((2000, 10, two) for two in (10, 15, 20, 50, 1000)),
    *((5000, 10, two) for two in (10, 20, 1000)),
    *((20_000, 10, two) for two in (10, 1000)),
    (700, 10, 50),
    (3000, 10, 10),
    (10_000, 20, 1000),
]


class Swept(NamedTuple):
    thresholds: Three
    cost: float  # 1 + share
    peak: int  # bytes


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
    """1 + share while the service was loaded, from one full collection to another where it can."""
    columns = Columns.of(profile.columns())
    began, ended = whole_cycles(columns, loaded)
    readings = [one for one in profile.readings if began < one.time_ns < ended]
    first, last = readings[0], readings[-1]
    within = [first.time_ns < start <= last.time_ns for start in columns.start_ns]
    gc_ns = sum(map(mul, map(mul, columns.cpu_ns, columns.weights), within))
    cpu_ns = last.cpu_ns - first.cpu_ns
    return cpu_ns / (cpu_ns - gc_ns)


def whole_cycles(columns: Columns, loaded: dict) -> tuple[int, int]:
    """From the first full collection under load to the last, where there are two."""
    began, ended = loaded["start_ns"], loaded["end_ns"]
    fulls = [
        start
        for generation, start in zip(columns.generation, columns.start_ns)
        if generation == OLD and began < start < ended
    ]
    return (fulls[0], fulls[-1]) if len(fulls) > 1 else (began, ended)


def swept(python: str, folder: Path, requests: int) -> list[Swept]:
    rows = [one_swept(python, folder, requests, thresholds) for thresholds in SWEEP]
    return sorted(rows, key=lambda row: row.cost)


def one_swept(python: str, folder: Path, requests: int, thresholds: Three) -> Swept:
    name = ",".join(map(str, thresholds))
    profile = folder / f"{name}.profile"
    with serving(python, profile, thresholds=name) as port:
        loaded = load(port, 3600, requests)
    return Swept(thresholds, cpu_cost(read(profile), loaded), read(profile).peak_rss_bytes)


def kept(file: Path | None, sweep: Callable[[], list[Swept]]) -> list[Swept]:
    """The sweep that the file holds; else a new one, which it then does."""
    if file and file.exists():
        return [Swept(tuple(row[0]), *row[1:]) for row in json.loads(file.read_text())]
    rows = sweep()
    if file:
        file.write_text(json.dumps(rows))
    return rows


def within(rows: list[Swept], budget: float) -> dict[Three, float]:
    """1 + share of each setting whose peak keeps within the budget."""
    most = (1 + budget) * next(row.peak for row in rows if row.thresholds == OWN)
    return {row.thresholds: row.cost for row in rows if row.peak <= most}


def tell_sweep(rows: list[Swept]) -> None:
    own = next(row for row in rows if row.thresholds == OWN)
    print("| swept | CPU against its own | peak rss |\n|---|---|---|")
    for row in rows:
        ratios = f"{row.cost / own.cost:.4f} | {row.peak / own.peak:.3f}"
        print(f"| {row.thresholds} | {ratios} |", flush=True)


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


def tell_memory(plain: Profile, profile: Profile) -> None:
    """What memory grew to while exploring, and against a capture that did not explore."""
    began = profile.switches[0].time_ns
    base = next(one.rss_bytes for one in profile.readings if one.time_ns >= began)
    peak = max(one.rss_bytes for one in profile.readings)
    alone = max(one.rss_bytes for one in plain.readings)
    print(f"memory {peak / alone:.3f} times that without exploring, {1 + GROWTH:.1f} is the bound")
    print(f"since the first window it grew to {peak / base:.3f} times, without {alone / base:.3f}")


def tell_seen(seen: Explored) -> None:
    print(*seen.told(), sep="\n")
    print("| tried | CPU seen (9 in 10) | longest pause | more memory |\n|---|---|---|---|")
    for one in seen.tried:
        ratio = "{:.3f} ({:.3f} to {:.3f})".format(*one.cpu)
        more = f"{(one.extra_bytes.expected + one.later_bytes) / 2**20:.0f} MiB"
        print(f"| {one.thresholds} | {ratio} | {one.pause_seconds * 1e3:.1f} ms | {more} |")


def tell_found(profile: Profile, rows: list[Swept], budget: float) -> None:
    """What is recommended within a budget of memory, and how far from the sweep's best that is."""
    answer = recommend([profile], Goal.THROUGHPUT, Ratio(budget), None)
    found = tuple(answer.settings.get(f"gc.threshold{place}", OWN[place]) for place in range(3))
    costs = within(rows, budget)
    best = min(costs, key=costs.__getitem__)
    away = f"{costs[found] / costs[best] - 1:.2%}" if found in costs else "beyond it, or not swept"
    told = f"{found} ({answer.verdict}), {away} from the sweep's best {best}"
    print(f"within {budget:.0%} of memory: {told}, {costs[best] / costs[OWN]:.3f}")


def explore(python: str, folder: Path, seconds: float, runs: int, rows: list[Swept]) -> None:
    plain = folder / "plain.profile"
    with serving(python, plain) as port:
        before = load(port, seconds)
    for run in range(runs):
        profile = folder / f"explored-{run}.profile"
        with serving(python, profile, "--explore") as port:
            exploring = load(port, seconds)
        recorded = read(profile)
        tell_requests(before, exploring, recorded)
        tell_memory(read(plain), recorded)
        seen = explored([recorded])
        if seen:
            tell_seen(seen)
            for budget in BUDGETS:
                tell_found(recorded, rows, budget)
        else:
            print("too little was explored:", [switch.reason for switch in recorded.switches])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--requests", type=int, default=40_000, help="for each setting swept")
    parser.add_argument("--seconds", type=float, default=240, help="of exploring")
    parser.add_argument("--runs", type=int, default=1, help="of exploring")
    parser.add_argument("--swept", type=Path, help="a file that keeps the sweep")
    parser.add_argument("--keep", type=Path, help="a folder for the profiles")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        rows = kept(asked.swept, lambda: swept(asked.python, folder, asked.requests))
        tell_sweep(rows)
        if asked.runs:
            explore(asked.python, folder, asked.seconds, asked.runs, rows)


if __name__ == "__main__":
    main()
