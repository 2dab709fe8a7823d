"""A program whose live memory is above its limit, and that makes garbage besides.

Runs for a minute, below `gctune run`. Prints as JSON how much is live, and
after how many seconds above the limit gctune said that it is thrashing.
"""

from __future__ import annotations

import json
import os
import time

import gctune
from gctune.host.process import rss_bytes

SECONDS = 60.0
BATCH, BATCHES = 50_000, 60


class Node:
    """What a reference count never frees."""

    def __init__(self) -> None:
        self.itself = self
        self.body = bytes(1000)


class Watch:
    """When memory was first above the limit, and when thrashing was first told."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._above = self._told = float("inf")

    def look(self) -> None:
        now = time.perf_counter()
        if now < self._above and rss_bytes() > self._limit:
            self._above = now
        if now < self._told and gctune.sample().limit_state == "thrashing":
            self._told = now

    def told_after(self) -> float:
        return self._told - self._above


def main() -> None:
    watch, live = Watch(int(os.environ["GCTUNE_MEMORY__LIMIT"])), []
    for _ in range(BATCHES):
        live.append([[number] for number in range(BATCH)])
        watch.look()
    start = time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for _ in range(100):
            Node()
        time.sleep(0.002)
        watch.look()
    assert len(live) == BATCHES
    print(json.dumps({"live_mib": rss_bytes() / 2**20, "told_after": watch.told_after()}))


if __name__ == "__main__":
    main()
