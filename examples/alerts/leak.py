"""A service that forgets to forget its sessions: raises the alert `leak`, and no other.

GCTUNE_ENVIRONMENT=test python leak.py
"""

from __future__ import annotations

import gc
import time

import gctune

SECONDS = 7.0

gctune.on_alert(print)
gctune.apply()
gctune.warmup_done()

sessions: dict[int, bytes] = {}  # nothing ever leaves it
end = time.monotonic() + SECONDS
while time.monotonic() < end:
    for _ in range(10):
        sessions[len(sessions)] = b"." * 10_000
    gc.collect()
    time.sleep(0.05)
