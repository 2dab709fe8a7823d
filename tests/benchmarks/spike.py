"""What is left of a spike: 500 MB of small objects that several threads made and let go.

    python tests/benchmarks/spike.py [RUNS]

Runs the same program as it is and under `gctune run`, at the settings of
production, with no limit known. Prints its rss before the spike, at its peak,
and ten seconds after everything was let go.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from statistics import median

from gctune.host.process import rss_bytes

RUNS = 5
SECONDS = 10.0
THREADS = 8
SPIKE = 500_000_000
SIZES = range(100, 2000, 37)  # bytes of an object
KEPT = 300_000  # objects that the program has throughout
TUNED = [sys.executable, "-m", "gctune", "run", "--environment", "production", "--"]


def spike() -> float:
    """Have threads make and hold the spike together, and return the rss meanwhile."""
    together = threading.Barrier(THREADS + 1)

    def work() -> None:
        held = []
        size = SPIKE / THREADS / sum(SIZES)
        for _ in range(int(size)):
            held += [bytes(size) for size in SIZES]
        together.wait()
        together.wait()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    together.wait()
    peak = rss_bytes()
    together.wait()
    for thread in threads:
        thread.join()
    return peak


def program() -> dict[str, float]:
    """Spike once; between, do what a quiet service does."""
    kept = [{"number": [number]} for number in range(KEPT)]
    serve(2.0)
    before = rss_bytes()
    peak = spike()
    serve(SECONDS)
    assert len(kept) == KEPT
    return {"before": before, "peak": peak, "after": rss_bytes()}


def serve(seconds: float) -> None:
    """Answer some 500 small requests a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        json.loads(json.dumps({f"field {number}": number for number in range(50)}))
        time.sleep(0.002)


def measure(*prefix: str) -> list[dict[str, float]]:
    command = [*prefix, sys.executable, __file__, "program"]
    runs = (subprocess.run(command, stdout=subprocess.PIPE, check=True) for _ in range(RUNS))
    return [json.loads(run.stdout) for run in runs]


def show(name: str, figures: list[dict[str, float]]) -> None:
    before, peak, after = (
        median(run[when] for run in figures) / 2**20 for when in ("before", "peak", "after")
    )
    ratios = [run["after"] / run["before"] for run in figures]
    print(
        f"{name:13} before {before:.0f} MiB, peak {peak:.0f} MiB, after {after:.0f} MiB: ", end=""
    )
    print(f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) of before")


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {RUNS} runs each, after {SECONDS:.0f} s")
    show("as it is", measure())
    show("under gctune", measure(*TUNED))


if __name__ == "__main__":
    if sys.argv[1:] == ["program"]:
        print(json.dumps(program()))
    else:
        RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
        main()
