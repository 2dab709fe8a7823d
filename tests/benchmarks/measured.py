"""Run one program at one setting of the collector, and write what it cost as JSON.

    python measured.py OUT SETTING PROGRAM SCALE SEED

SETTING is `default`, `disabled`, `adaptive` (which takes gctune, whose thread's
CPU time counts as the collector's) or three thresholds (`5000,10,1000`), with
`+freeze` behind it to collect and freeze what the program has once it is
started: imported, and a service loaded. Works with any Python from 3.10 and
otherwise needs nothing but the standard library, so that what is measured is
the program alone.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from _thread import get_ident
from array import array
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType

LONGEST = 20  # pauses that are kept one by one


class Pauses:
    """Thread and both clocks at each start and stop of a collection, without a Python frame."""

    def __init__(self) -> None:
        self._cpu, self._wall, self._threads = array("q"), array("q"), array("Q")
        cpu = map(self._cpu.append, iter(time.thread_time_ns, None))
        wall = map(self._wall.append, iter(time.perf_counter_ns, None))
        thread = map(self._threads.append, iter(get_ident, None))
        step = {
            "start": property(partial(next, zip(thread, wall, cpu))),
            "stop": property(partial(next, zip(cpu, wall))),
        }
        self._callback = partial(getattr, type("Tick", (), {"__slots__": (), **step})())
        gc.callbacks.append(self._callback)

    def stop(self) -> None:
        gc.callbacks.remove(self._callback)

    def cpu_ms(self, without: int | None = None) -> list[float]:
        """CPU time of each, without those that one thread happened to do."""
        durations = zip(self._threads, _durations_ms(self._cpu))
        return [duration for thread, duration in durations if thread != without]

    def wall_ms(self) -> list[float]:
        return _durations_ms(self._wall)


def _durations_ms(clock: array[int]) -> list[float]:
    return [(stop - start) / 1e6 for start, stop in zip(clock[::2], clock[1::2])]


def put_in_force(setting: str) -> None:
    if setting == "disabled":
        gc.disable()
    elif setting.startswith("adaptive"):
        adapt()
    elif setting != "default":
        gc.set_threshold(*map(int, setting.split(",")))


def adapt() -> None:
    """Have gctune do what its adaptive mode does, as in a child of `gctune run`."""
    from gctune.host.interpreter import this_interpreter
    from gctune.runtime.applied import apply_plan
    from gctune.runtime.plan import Plan, Step
    from gctune.services import services

    step = Step("gc.mode", "adaptive", "applied", "", "benchmark")
    apply_plan(Plan("", this_interpreter().tag, (step,), ()), services(lambda: None))


def pacer() -> int | None:
    """The thread of gctune; None where it does not run."""
    idents = [
        ident
        for ident, frame in sys._current_frames().items()
        if _outermost(frame).f_code.co_filename.endswith("monitor/loop.py")
    ]
    return idents[0] if idents else None


def seconds_of(thread: int | None) -> float:
    """The CPU time of a thread."""
    return time.clock_gettime(time.pthread_getcpuclockid(thread)) if thread else 0.0


def _outermost(frame: FrameType) -> FrameType:
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def freeze() -> float:
    """Freeze what is not garbage; the milliseconds of CPU time that this took."""
    before = time.thread_time_ns()
    gc.collect()
    gc.freeze()
    return (time.thread_time_ns() - before) / 1e6


def measure(setting: str, program: Path, scale: float, seed: int) -> dict[str, object]:
    """Import and run the program; every figure counts from the interpreter's start.

    The collection before a freeze is told on its own, and is no pause: nobody
    waits yet. The longest pause once started stands beside that of the whole.
    """
    thresholds, _, frozen = setting.partition("+")
    put_in_force(thresholds)
    before, starting = gc.get_stats(), Pauses()
    sys.path.insert(0, str(program.parent))
    start = import_module("command").start
    module = import_module(program.stem)
    start(module, scale, seed)
    starting.stop()
    freeze_ms = freeze() if frozen else 0.0
    started_s, serving = time.process_time(), Pauses()
    module.main(scale, seed)
    serving.stop()
    return {"start_s": started_s, "freeze_ms": freeze_ms} | figures(
        (starting, serving), freeze_ms, before
    )


def figures(
    pauses: tuple[Pauses, Pauses], freeze_ms: float, before: list[dict[str, int]]
) -> dict[str, object]:
    after = gc.get_stats()
    thread = pacer()
    cpu_s, pacer_s = time.process_time(), seconds_of(thread)
    cpu_ms = [pause for each in pauses for pause in each.cpu_ms()]
    wall_ms = [pause for each in pauses for pause in each.wall_ms()]
    gc_s = sum(sum(each.cpu_ms(without=thread)) for each in pauses) / 1e3
    gc_s += freeze_ms / 1e3 + pacer_s

    def grown(field: str) -> list[int]:
        return [new[field] - old[field] for new, old in zip(after, before) if field in new]

    return {
        "cpu_s": cpu_s,
        "gc_s": gc_s,
        "pacer_s": pacer_s,
        "share": gc_s / (cpu_s - gc_s),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "longest_cpu_ms": max(cpu_ms, default=0.0),
        "longest_wall_ms": max(wall_ms, default=0.0),
        "longest_serving_cpu_ms": max(pauses[1].cpu_ms(), default=0.0),
        "pauses_cpu_ms": sorted(cpu_ms, reverse=True)[:LONGEST],
        "collections": grown("collections"),
        "collected": grown("collected"),
        "examined": grown("candidates"),
        "thresholds": gc.get_threshold(),
    }


if __name__ == "__main__":
    out, setting, program, scale, seed = sys.argv[1:]
    Path(out).write_text(json.dumps(measure(setting, Path(program), float(scale), int(seed))))
