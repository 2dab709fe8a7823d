"""Samples by hand."""

from __future__ import annotations

from typing import Any

from gctune.monitor.sample import Rates, Sample

_RATES: dict[str, Any] = {
    "seconds": 5.0,
    "gc_share": None,
    "collections": 0.0,
    "rss_bytes": 0.0,
    "blocks": 0.0,
    "allocated": None,
    "allocated_bytes": 0.0,
}

_SAMPLE: dict[str, Any] = {
    "time": 1_800_000_000.0,
    "time_ns": 0,
    "pid": 1,
    "level": "basic",
    "cpu_ns": 0,
    "rss_bytes": 0,
    "peak_rss_bytes": 0,
    "working_set_bytes": None,
    "limit_bytes": None,
    "headroom_bytes": None,
    "limit_state": None,
    "pressure_some": None,
    "pressure_full": None,
    "waited_some_ns": None,
    "waited_full_ns": None,
    "blocks": 0,
    "thresholds": (700, 10, 10),
    "enabled": True,
    "until_young": 0,
    "frozen": None,
    "collections": (0, 0, 0),
    "collected": (0, 0, 0),
    "uncollectable": (0, 0, 0),
    "candidates": None,
    "pause_ns": None,
    "last_pause_ns": None,
    "longest_pause_ns": None,
    "pauses": None,
    "allocated": None,
    "rates": None,
    "pools": {},
    "paced": {},
}


def rates(**known: Any) -> Rates:
    """Rates of nothing, but for what is given."""
    return Rates(**{**_RATES, **known})


def a_sample(seconds: float = 0.0, **known: Any) -> Sample:
    """A sample of nothing, but for what is given, `seconds` after the clock's start."""
    return Sample(**{**_SAMPLE, "time_ns": int(seconds * 1e9), **known})
