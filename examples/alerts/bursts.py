"""A service that is handed large reports now and then: raises `allocation_rate`, and no other.

GCTUNE_ENVIRONMENT=test python bursts.py
"""

from __future__ import annotations

import time

import gctune

SECONDS = 5.0

gctune.on_alert(print)
gctune.apply()
gctune.warmup_done()

end = time.monotonic() + SECONDS
while time.monotonic() < end:
    burst = time.monotonic() + 1.0
    while time.monotonic() < burst:
        report = [{"row": row} for row in range(50_000)]
    time.sleep(0.5)
