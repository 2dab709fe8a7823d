"""A service that is handed large reports now and then: raises `allocation_rate`, and no other.

GCTUNE_ENVIRONMENT=test python bursts.py
"""

from __future__ import annotations

import time

import gctune

raised: set[str] = set()


@gctune.on_alert
def tell(alert: gctune.Alert) -> None:
    print(alert, flush=True)
    raised.add(alert.rule)


gctune.apply()
gctune.warmup_done()

while "allocation_rate" not in raised:
    end_of_burst = time.monotonic() + 1.0
    while time.monotonic() < end_of_burst:
        report = [{"row": row} for row in range(50_000)]
    time.sleep(0.5)
