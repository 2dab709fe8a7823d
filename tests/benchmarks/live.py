"""A program whose live memory is above its limit, and that makes garbage besides.

Runs for a minute, below `gctune run`. Prints as JSON how much is live, and
after how many seconds above the limit gctune said that it is thrashing.
"""

from __future__ import annotations

import json
import time

import gctune

SECONDS = 60.0
OBJECTS = 1_000_000


class Node:
    """What a reference count never frees."""

    def __init__(self) -> None:
        self.itself = self
        self.body = bytes(1000)


def main() -> None:
    live = [{"number": number} for number in range(OBJECTS)]
    start = time.perf_counter()
    told_after = float("inf")
    while (now := time.perf_counter() - start) < SECONDS:
        for _ in range(100):
            Node()
        time.sleep(0.002)
        if told_after > now and gctune.sample().limit_state == "thrashing":
            told_after = now
    assert len(live) == OBJECTS
    print(json.dumps({"live_mib": gctune.sample().rss_bytes / 2**20, "told_after": told_after}))


if __name__ == "__main__":
    main()
