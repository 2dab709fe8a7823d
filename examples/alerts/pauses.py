"""A service whose connections are closed by collections: raises `gc_pause`, and no other.

Each is part of a cycle, so it lives until a collection finds it, and says
goodbye to its peer by a finaliser, while everything else stands still.

GCTUNE_ENVIRONMENT=test python pauses.py
"""

from __future__ import annotations

import gc
import time

import gctune

raised: set[str] = set()


@gctune.on_alert
def tell(alert: gctune.Alert) -> None:
    print(alert, flush=True)
    raised.add(alert.rule)


class Connection:
    """Refers to itself, as what holds its own callbacks does."""

    def __init__(self) -> None:
        self.on_close = self.close

    def close(self) -> None:
        time.sleep(0.1)  # the peer takes its time

    def __del__(self) -> None:
        self.close()


gctune.apply()
gctune.warmup_done()

while "gc_pause" not in raised:
    for _ in range(10):
        Connection()
    gc.collect()
    time.sleep(0.2)
