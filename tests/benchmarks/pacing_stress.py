"""What garbage adaptive mode holds where it is hardest to see, and that nothing is killed of it.

    python tests/benchmarks/pacing_stress.py [RUNS]

Each case runs in a process of its own with `gc.mode = adaptive`, and prints the
most garbage that waited at any time beside the budget then, what was allocated
in one reaction time (a quarter of a second), and what the same case holds at
CPython's own thresholds. As root, the last one runs in a group of 512 MiB, as it
is and adaptive, RUNS times each.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

RUNS = 10
REACTION = 0.25  # seconds
LIMIT = 512 << 20
MIB = 1 << 20


class Garbage:
    """An object that only a collection frees, and that says how many wait."""

    waiting = most = 0
    most_bytes = at_rss = 0

    def __init__(self, size: int) -> None:
        self.me, self.load = self, bytes(size)
        Garbage.waiting += 1
        Garbage.most = max(Garbage.most, Garbage.waiting)

    def __del__(self) -> None:
        Garbage.waiting -= 1


def leak(seconds: float, size: int, rest: float = 0.0) -> float:
    """Make garbage for so long; bytes a second."""
    begun, made = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        for _ in range(100):
            Garbage(size)
        made += 100
        time.sleep(rest)
    return made * (size + OVERHEAD) / seconds


OVERHEAD = 300  # bytes of an object with its dictionary


def grow(number: int) -> list[list[int]]:
    return [[each] for each in range(number)]


def after_a_sample() -> float:
    """Garbage that starts when growth has just been sampled again and again."""
    kept = grow(2_000_000)
    rate = leak(3.0, 200)
    return rate if kept else 0.0


def big_after_quiet() -> float:
    """Big payloads after a long quiet."""
    time.sleep(8.0)
    return leak(3.0, 100_000, 0.001)


def alternating() -> float:
    """Growth and garbage in turn, each about as long as the policy takes."""
    kept, rate = [], 0.0
    for _ in range(20):
        kept.append(grow(50_000))
        rate = max(rate, leak(0.1, 200))
    return rate


def starved() -> float:
    """Garbage beside calls that hold the interpreter's lock for a second."""
    rate = 0.0
    for _ in range(4):
        sum(range(40_000_000))
        rate = max(rate, leak(0.5, 200))
    return rate


def of_its_own() -> float:
    """A program that freezes and collects itself."""
    kept = grow(200_000)
    gc.freeze()
    rate = 0.0
    for _ in range(6):
        rate = max(rate, leak(0.3, 200))
        gc.collect()
    return rate if kept else 0.0


def to_the_limit() -> float:
    """Growth to four fifths of 512 MiB, then garbage."""
    kept = grow(3_600_000)
    rate = leak(4.0, 2000)
    return rate if kept else 0.0


CASES: dict[str, Callable[[], float]] = {
    case.__name__: case
    for case in (after_a_sample, big_after_quiet, alternating, starved, of_its_own, to_the_limit)
}
SIZES = {"big_after_quiet": 100_000, "to_the_limit": 2000}


def child(name: str, setting: str) -> None:
    from measured import put_in_force

    put_in_force(setting)
    rate = CASES[name]()
    from gctune.host.process import peak_rss_bytes

    held = Garbage.most * (SIZES.get(name, 200) + OVERHEAD)
    print(json.dumps({"held": held, "rate": rate, "peak": peak_rss_bytes()}))


def run(name: str, setting: str, **how: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, "--child", name, setting]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **how)  # type: ignore[call-overload, no-any-return]


def survivals(setting: str, runs: int) -> int:
    from groups import memory_group

    lived = 0
    for _ in range(runs):
        with memory_group(LIMIT) as group:
            lived += run("to_the_limit", setting, preexec_fn=group.joining()).returncode == 0
    return lived


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print(f"Python {sys.version.split()[0]}; MiB held: adaptive, its bound, CPython's own")
    for name in CASES:
        ours, own = (json.loads(run(name, each).stdout) for each in ("adaptive", "default"))
        bound = ours["peak"] * 0.1 + ours["rate"] * REACTION
        told = ", ".join(f"{each / MIB:.1f}" for each in (ours["held"], bound, own["held"]))
        print(f"  {name}: {told}  {'' if ours['held'] <= bound else 'ABOVE'}", flush=True)
    for setting in ("default", "adaptive"):
        print(f"  in {LIMIT >> 20} MiB, {setting}: {survivals(setting, runs)} of {runs} lived")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
    else:
        main()
