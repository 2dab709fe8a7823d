"""A service that holds much, and collects after each job: raises `gc_pause`, and no other.

What it holds from its start would be kept out of every collection if it said,
by `gctune.warmup_done()`, that it has it all.

GCTUNE_ENVIRONMENT=test python pauses.py
"""

from __future__ import annotations

import gc
import time

import gctune

SECONDS = 4.0

gc.disable()
index = [[number] for number in range(3_000_000)]
gc.enable()

gctune.on_alert(print)
gctune.apply()

end = time.monotonic() + SECONDS
while time.monotonic() < end:
    gc.collect()
    time.sleep(0.2)
