"""A program of reference cycles with payloads, as services make them.

    python cycles.py SESSIONS WORK

A session refers to itself and holds a body of 64 KiB; the last thousand are in
use, and 200,000 other objects besides. WORK is how often each parses a small
document. Prints the sessions a second and the peak of rss in MiB.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from pathlib import Path

BODY_BYTES = 64 << 10
IN_USE = 1000
KEPT = 200_000
DOCUMENT = json.dumps({f"field {number}": number for number in range(20)})


class Session:
    """What a reference count never frees."""

    def __init__(self, number: int, work: int) -> None:
        self.body = bytes([number % 256]) * BODY_BYTES
        self.documents = [json.loads(DOCUMENT) for _ in range(work)]
        self.itself = self


def run(sessions: int, work: int) -> dict[str, float]:
    """Make so many sessions; say how many a second, of the clock and of CPU time."""
    kept = [{"number": number} for number in range(KEPT)]
    in_use: deque[Session] = deque(maxlen=IN_USE)
    clock, cpu = time.perf_counter(), time.process_time()
    for number in range(sessions):
        in_use.append(Session(number, work))
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    assert len(kept) == KEPT
    return {"a_second": sessions / clock, "a_cpu_second": sessions / cpu, "peak_mib": peak_mib()}


def peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
