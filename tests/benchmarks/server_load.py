"""What the endpoints hold out: a healthy probe beside 1,000 slow connections and 10,000 requests.

    python tests/benchmarks/server_load.py

A program that works a tenth of its time serves its endpoints on a unix socket. One
process keeps 1,000 connections to it: it looks at each in turn every five seconds,
opens it again where it was dropped, and else sends a byte of a request on every
other. Eight processes send 10,000 requests together. Meanwhile /health is asked for,
50 times a second. Prints what the probe waited without the load and with it, and
what the program held before, at the peak and after.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, repeat
from multiprocessing import Process
from pathlib import Path
from socket import AF_UNIX, socket
from statistics import quantiles
from typing import NamedTuple

from soak import Look, look, scrape

SLOW, REQUESTS, CLIENTS = 1000, 10_000, 8
EVERY = 0.02  # seconds between two probes
ROUND = 5.0  # seconds in which each slow connection has its turn
PROBES_ALONE = 500
SETTLED = 12.0  # seconds after the load, when the last slow client has been dropped
GOOD = (200, 503)  # 503 while an alert is raised

PROGRAM = """
import sys, time
import gctune
gctune.apply(environment="test", monitor={"level": "basic", "http": sys.argv[1]})
class Node:
    def __init__(self): self.me, self.payload = self, bytes(200)
while True:
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end: Node()
    time.sleep(0.009)
"""


class Probed(NamedTuple):
    """What a probe waited each time, in ms, how often it got no answer, and what was seen."""

    waits: list[float]
    failures: int
    looks: list[Look]


@contextmanager
def serving(path: Path) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, f"unix:{path}"]) as child:
        try:
            while not path.exists():
                time.sleep(0.1)
            yield child.pid
        finally:
            child.kill()


@contextmanager
def under_way(*processes: Process) -> Iterator[None]:
    for each in processes:
        each.start()
    try:
        yield
    finally:
        for each in processes:
            each.kill()
            each.join()


def be_slow(path: Path) -> None:
    """Keep SLOW connections, for ever."""
    clients = [connected(path) for _ in range(SLOW)]
    for place in cycle(range(SLOW)):
        if not keeps(clients[place], b"G" if place % 2 else b""):
            clients[place].close()
            clients[place] = connected(path)
        time.sleep(ROUND / SLOW)


def connected(path: Path) -> socket:
    client = socket(AF_UNIX)
    client.connect(str(path))
    client.setblocking(False)
    return client


def keeps(client: socket, byte: bytes) -> bool:
    """Whether a connection is still there, a byte later."""
    try:
        client.send(byte)
        return bool(client.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def send_requests(path: Path) -> None:
    answers = [scrape(path, "/metrics") for _ in range(REQUESTS // CLIENTS)]
    lost = [answer for answer in answers if answer not in GOOD]
    sys.exit(f"of the requests {len(lost)} got none: {set(lost)}" if lost else 0)


def probe(path: Path, pid: int, goes_on: Callable[[], bool]) -> Probed:
    """Ask for /health as long as the load goes on."""
    waits, failures, looks = [], 0, []
    while goes_on():
        start = time.perf_counter()
        failures += scrape(path, "/health") not in GOOD
        waits.append((time.perf_counter() - start) * 1000)
        looks.append(look(pid, start))
        time.sleep(EVERY)
    return Probed(waits, failures, looks)


def told(name: str, probed: Probed) -> str:
    cuts = quantiles(probed.waits, n=100)
    return (
        f"{name:8} {len(probed.waits)} probes: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms,"
        f" longest {max(probed.waits):.1f} ms, {probed.failures} without an answer"
    )


def held(name: str, looks: list[Look]) -> str:
    _, rss, threads, descriptors = (max(field) for field in zip(*looks, strict=True))
    return f"{name:8} {threads} threads, {descriptors} descriptors, rss {rss / 1024:.1f} MiB"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        with serving(path) as pid:
            ticks = repeat(True, PROBES_ALONE)
            alone = probe(path, pid, lambda: next(ticks, False))
            asking = [Process(target=send_requests, args=(path,)) for _ in range(CLIENTS)]
            with under_way(Process(target=be_slow, args=(path,)), *asking):
                start = time.monotonic()
                loaded = probe(path, pid, lambda: any(each.is_alive() for each in asking))
                seconds = time.monotonic() - start
            time.sleep(SETTLED)
            after = look(pid, 0.0)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"Python {sys.version.split()[0]}, load average {load}; {seconds:.0f} s under load")
    print(told("alone", alone), told("loaded", loaded), sep="\n")
    for name, looks in (("before", alone.looks), ("peak", loaded.looks), ("after", [after])):
        print(held(name, looks))


if __name__ == "__main__":
    main()
