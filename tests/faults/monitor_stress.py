"""A monitored program that does, all at once, what deadlocks with a careless monitor.

    python tests/faults/monitor_stress.py stress 60
    python tests/faults/monitor_stress.py forks 2000

Threads log, count with Prometheus's labels where prometheus-client is there, and
share a lock, while every allocation brings a collection: for so many seconds, or
while the program forks so many children, each of which must have a monitor that
takes samples. Prints as JSON how often each thread came round, how many samples
there were, and how many children had a monitor. Exits by a traceback of every
thread where something hangs.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

import gctune
from gctune.monitor.monitor import current

AT_ONCE = 25  # children
ALERTS = {"heap": {"threshold": "1MiB", "hold": 0}}  # always raised, and so told
PATIENCE = 60  # seconds for what must not hang

try:
    from prometheus_client import Counter

    count = Counter("stress", "Rounds.", ["thread"]).labels
except ImportError:
    count = None

lock = threading.Lock()
rounds: dict[str, int] = {}
stopping = threading.Event()


def work(name: str) -> None:
    """Log, count, share a lock and leave garbage, until the end."""
    log = logging.getLogger("stress")
    while not stopping.is_set():
        log.warning("round %d of %s", rounds.setdefault(name, 0), name)
        if count is not None:
            count(name).inc()
        with lock:
            cycle: list[object] = [name]
            cycle.append(cycle)
        rounds[name] += 1


def take_each_sample(seen: set[int]) -> None:
    """Keep the time of each sample, until the end."""
    while not stopping.is_set():
        monitor = current()
        if monitor and monitor.sample:
            seen.add(monitor.sample.time_ns)
        time.sleep(0.01)


def _unlocked(path: str) -> TextIOWrapper:
    """A stream without a buffer: a child of a fork would find a buffer's lock held for ever."""
    return TextIOWrapper(open(path, "wb", buffering=0), write_through=True)  # noqa: PTH123


@contextmanager
def at_work(threshold0: int) -> Iterator[set[int]]:
    """Have the monitor on and the threads at work; gives the times of the samples."""
    faulthandler.dump_traceback_later(PATIENCE + float(sys.argv[2]), exit=True)
    logging.basicConfig(stream=_unlocked(os.devnull))
    seen: set[int] = set()
    threads = [threading.Thread(target=work, args=(str(name),)) for name in range(3)]
    threads.append(threading.Thread(target=take_each_sample, args=(seen,)))
    monitor = {"level": "detailed", "interval": 0.1}
    with gctune.apply(environment="test", monitor=monitor, alerts=ALERTS):
        gc.set_threshold(threshold0)
        for thread in threads:
            thread.start()
        yield seen
        stopping.set()
        for thread in threads:
            thread.join()


def stress(seconds: int) -> dict[str, object]:
    with at_work(threshold0=1) as seen:
        time.sleep(seconds)
    return {"rounds": rounds, "samples": len(seen)}


def forks(number: int) -> dict[str, object]:
    warnings.simplefilter("ignore", DeprecationWarning)  # of the program's own threads
    watched = 0
    with at_work(threshold0=100):
        for begun in range(0, number, AT_ONCE):
            children = [forked(has_a_monitor) for _ in range(min(AT_ONCE, number - begun))]
            watched += sum(os.waitpid(child, 0)[1] == 0 for child in children)
    return {"children": number, "watched": watched}


def forked(act: Callable[[], bool]) -> int:
    child = os.fork()
    if child:
        return child
    signal.alarm(PATIENCE)  # which kills what hangs
    os._exit(not act())


def has_a_monitor() -> bool:
    """Whether a child's own monitor takes a sample of it."""
    while True:
        monitor = current()
        if monitor and monitor.sample:
            return monitor.sample.pid == os.getpid()
        time.sleep(0.01)


if __name__ == "__main__":
    json.dump({"stress": stress, "forks": forks}[sys.argv[1]](int(sys.argv[2])), sys.stdout)
