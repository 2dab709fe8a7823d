"""A service that forgets to forget its sessions: raises the alert `leak`, and no other.

GCTUNE_ENVIRONMENT=test python leak.py
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


gctune.apply()
gctune.warmup_done()

sessions: dict[int, bytes] = {}  # nothing ever leaves it
while "leak" not in raised:
    for _ in range(25):
        sessions[len(sessions)] = b"." * 10_000
    gc.collect()
    time.sleep(0.05)
