"""Whether gctune stays as it is: a program at full load, watched and scraped for twenty minutes.

    python tests/benchmarks/soak.py [SECONDS]

The same program runs twice side by side, bare and with everything on: level
detailed, a sample each second, alerts that come and go, its endpoints on a unix
socket, and /metrics and /health scraped each second. Prints, for each, what its
memory, threads and descriptors did from the end of the first tenth on, when every
cache is filled, and how fast the rss climbed by the least squares.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import NamedTuple

EVERY = 1.0  # seconds between two looks
PATIENCE = 60.0  # seconds for an answer: the machine may have other work

PROGRAM = """
import logging, os, random, sys
logging.basicConfig(stream=open(os.devnull, "w"))
if len(sys.argv) > 1:
    import gctune
    gctune.apply(
        environment="test",
        monitor={"level": "detailed", "interval": 1, "http": sys.argv[1]},
        alerts={"allocation_rate": {"threshold": "1MB/s", "hold": "2s"},
                "gc_pause": {"threshold": "1ms", "hold": 0}},
    )
class Node:
    def __init__(self): self.me, self.payload = self, bytes(200)
random.seed(1)
kept = [Node() for _ in range(50_000)]
while True:
    for _ in range(1000):
        kept[random.randrange(50_000)] = Node()
"""


class Look(NamedTuple):
    """What the system counts of a process."""

    seconds: float
    rss_kib: int
    threads: int
    descriptors: int


class _Unix(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket(AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


def scrape(path: Path, target: str) -> int | str:
    """Ask for `target`; return the status, or what went wrong."""
    connection = _Unix(path)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
    except OSError as error:
        return type(error).__name__
    else:
        return answer.status
    finally:
        connection.close()


def look(pid: int, seconds: float) -> Look:
    process = Path("/proc", str(pid))
    lines = process.joinpath("status").read_text().splitlines()
    status = {
        name: rest.split()[0]
        for name, _, rest in (line.partition(":") for line in lines)
        if rest.split()
    }
    descriptors = len(list(process.joinpath("fd").iterdir()))
    return Look(seconds, int(status["VmRSS"]), int(status["Threads"]), descriptors)


@contextmanager
def running(*arguments: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments]) as child:
        try:
            yield child.pid
        finally:
            child.kill()


def told(name: str, looks: list[Look]) -> str:
    settled = looks[len(looks) // 10 :]
    rss = [each.rss_kib / 1024 for each in settled]
    slope = statistics.linear_regression([each.seconds for each in settled], rss).slope
    threads, descriptors = ({each[field] for each in settled} for field in (2, 3))
    return (
        f"{name:8} rss {rss[0]:.2f} MiB, then {min(rss):.2f} to {max(rss):.2f}, at the end"
        f" {rss[-1]:.2f} ({slope * 3600:+.2f} MiB an hour); threads {spread(threads)};"
        f" descriptors {spread(descriptors)}"
    )


def spread(numbers: set[int]) -> str:
    return str(min(numbers)) if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1200.0
    looks: dict[str, list[Look]] = {"bare": [], "watched": []}
    statuses: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        with running() as bare, running(f"unix:{path}") as watched:
            while not path.exists():
                time.sleep(0.1)
            start = time.monotonic()
            while (now := time.monotonic() - start) < seconds:
                looks["bare"].append(look(bare, now))
                looks["watched"].append(look(watched, now))
                for target in ("/metrics", "/health"):
                    answer = f"{target} {scrape(path, target)}"
                    statuses[answer] = statuses.get(answer, 0) + 1
                time.sleep(EVERY)
    print(f"Python {sys.version.split()[0]}, {seconds:.0f} s; answers: {statuses}")
    for name, taken in looks.items():
        print(told(name, taken))


if __name__ == "__main__":
    main()
