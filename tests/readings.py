"""Readings by hand: one of this process, and one with everything that can be told."""

from __future__ import annotations

from gctune.memory.pools import PoolStats
from gctune.metrics.metric import Reading
from gctune.monitor.alerts import State
from gctune.monitor.histogram import EMPTY
from gctune.monitor.reader import Reader

ABOUT = {
    "version": "1.2.3",
    "environment": "production",
    "interpreter": "cpython-3.13.0-generational",
    "level": "detailed",
}


def reading(**raised: bool) -> Reading:
    """A reading of this process, at level basic, with the alerts of some rules raised or not."""
    reader = Reader("basic")
    alerts = {rule: State(alert, 1.5, None, None) for rule, alert in raised.items()}
    return Reading(reader.read(reader.read()), alerts, ABOUT)


def full_reading() -> Reading:
    """A reading of every metric there is."""
    bare = reading(heap=True, gc_pause=False)
    assert bare.sample.rates is not None
    sample = bare.sample._replace(
        working_set_bytes=2_000_000,
        limit_bytes=8_000_000,
        headroom_bytes=6_000_000,
        limit_state="ok",
        pressure_some=0.25,
        pressure_full=0.125,
        waited_some_ns=5_000_000_000,
        waited_full_ns=1_000_000_000,
        candidates=(100, 200, 300),
        pause_ns=(1_000_000, 2_000_000, 3_000_000_000),
        last_pause_ns=1_500_000,
        longest_pause_ns=3_000_000,
        pauses=(
            EMPTY.with_durations([500_000, 500_000]),
            EMPTY.with_durations([2_000_000]),
            EMPTY.with_durations([1_000_000_000, 2_000_000_000]),
        ),
        allocated=12_345,
        rates=bare.sample.rates._replace(gc_share=0.05, allocated=5000.0),
        paced={"start": 1},
        pools={
            "buffer": PoolStats(hits=9, misses=4, idle=3, in_use=1, created=4, discarded=0),
        },
    )
    return bare._replace(sample=sample)
