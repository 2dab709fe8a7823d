"""Run one program at one setting of the collector, and write what it cost as JSON.

    python measured.py OUT SETTING PROGRAM SCALE

SETTING is `default`, `disabled` or three thresholds (`5000,10,1000`), with
`+freeze` behind it to freeze what the program's imports have left. Works with
any Python from 3.10 and needs nothing but the standard library, so that what is
measured is the program alone.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from array import array
from functools import partial
from importlib import import_module
from pathlib import Path


class Pauses:
    """Both clocks at each start and stop of a collection, read without a Python frame."""

    def __init__(self) -> None:
        self._cpu, self._wall = array("q"), array("q")
        cpu = map(self._cpu.append, iter(time.thread_time_ns, None))
        wall = map(self._wall.append, iter(time.perf_counter_ns, None))
        step = {
            "start": property(partial(next, zip(wall, cpu))),
            "stop": property(partial(next, zip(cpu, wall))),
        }
        gc.callbacks.append(partial(getattr, type("Tick", (), {"__slots__": (), **step})()))

    def cpu_ms(self) -> list[float]:
        return _durations_ms(self._cpu)

    def wall_ms(self) -> list[float]:
        return _durations_ms(self._wall)


def _durations_ms(clock: array[int]) -> list[float]:
    return [(stop - start) / 1e6 for start, stop in zip(clock[::2], clock[1::2])]


def put_in_force(setting: str) -> None:
    if setting == "disabled":
        gc.disable()
    elif setting != "default":
        gc.set_threshold(*map(int, setting.split(",")))


def measure(setting: str, program: Path, scale: float) -> dict[str, object]:
    """Import and run the program; every figure counts from the interpreter's start."""
    thresholds, _, freeze = setting.partition("+")
    put_in_force(thresholds)
    before, pauses = gc.get_stats(), Pauses()
    sys.path.insert(0, str(program.parent))
    main = import_module(program.stem).main
    if freeze:
        gc.freeze()
    main(scale)
    return figures(pauses, before)


def figures(pauses: Pauses, before: list[dict[str, int]]) -> dict[str, object]:
    after = gc.get_stats()
    cpu_s, cpu_ms, wall_ms = time.process_time(), pauses.cpu_ms(), pauses.wall_ms()
    gc_s = sum(cpu_ms) / 1e3

    def grown(field: str) -> list[int]:
        return [new[field] - old[field] for new, old in zip(after, before)]

    return {
        "cpu_s": cpu_s,
        "gc_s": gc_s,
        "share": gc_s / (cpu_s - gc_s),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "longest_cpu_ms": max(cpu_ms, default=0.0),
        "longest_wall_ms": max(wall_ms, default=0.0),
        "collections": grown("collections"),
        "collected": grown("collected"),
        "thresholds": gc.get_threshold(),
    }


if __name__ == "__main__":
    out, setting, program, scale = sys.argv[1:]
    Path(out).write_text(json.dumps(measure(setting, Path(program), float(scale))))
