"""One reading of everything that is watched: Go's runtime.MemStats for CPython."""

from __future__ import annotations

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gctune.host.generations import Three
    from gctune.memory.pools import PoolStats
    from gctune.monitor.histogram import Histogram


class Rates(Record):
    """What went on between two samples: shares, and numbers a second."""

    seconds: float
    """From one to the other."""
    gc_share: float | None
    """Share of the CPU time that went to collections."""
    collections: float
    rss_bytes: float
    """Growth; below zero where it shrank."""
    blocks: float
    """Growth; below zero where they became fewer."""
    allocated: float | None
    """Containers allocated, whatever became of them; from level detailed on."""
    allocated_bytes: float
    """The growth of the rss, or 64 bytes for each container allocated, if that is more."""


class Sample(Record):
    """One reading of this process.

    A field that is None could not be told: the container has no limit, this
    Python or this level of monitoring does not count it, or there was no
    sample before it. What is counted is counted since the process started.
    """

    time: float
    """Seconds since 1970."""
    time_ns: int
    """By time.perf_counter_ns()."""
    pid: int
    level: str
    """Of the monitor: off, basic, detailed or debug."""
    cpu_ns: int
    """CPU time of the process."""

    rss_bytes: int
    peak_rss_bytes: int
    working_set_bytes: int | None
    """Of the container: usage less the inactive file pages."""
    limit_bytes: int | None
    """What the process should stay under, or what its container allows; the lesser."""
    headroom_bytes: int | None
    """What is left below the limit."""
    limit_state: str | None
    """Where memory.limit is in force: "ok", "relieving", or "thrashing" where relief is in vain."""
    pressure_some: float | None
    """Share of the last ten seconds in which some task waited for memory."""
    pressure_full: float | None
    """Share of the last ten seconds in which every task waited for memory."""
    waited_some_ns: int | None
    """All the time in which some task waited for memory."""
    waited_full_ns: int | None
    """All the time in which every task waited for memory."""
    blocks: int
    """Memory blocks of the interpreter's allocator that are in use."""

    thresholds: Three
    enabled: bool
    until_young: int
    """Container allocations, less deallocations, until the next young collection."""
    frozen: int | None
    """Objects that no collection looks at; counted seldom, for it walks them."""
    collections: Three
    collected: Three
    uncollectable: Three
    candidates: Three | None
    """Objects that collections examined; told by Python 3.15 and later."""
    pause_ns: Three | None
    """Time in collections; told by Python 3.15 and later, or from level detailed on."""
    last_pause_ns: int | None
    longest_pause_ns: int | None
    """Of the collections since the sample before."""
    pauses: tuple[Histogram, Histogram, Histogram] | None
    """The pauses so far, by generation."""
    allocated: int | None
    """Containers allocated up to the newest collection; from level detailed on."""

    rates: Rates | None
    """What went on since the sample before."""
    pools: Mapping[str, PoolStats]
    """The pools of reused objects, by name."""
    paced: Mapping[str, int]
    """How often adaptive mode has done something, by its reason."""


def to_plain(sample: Sample) -> dict[str, Any]:
    """A sample as JSON has it: named numbers, lists and objects."""
    plain = sample._asdict()
    plain["rates"] = sample.rates and sample.rates._asdict()
    plain["pauses"] = sample.pauses and [each._asdict() for each in sample.pauses]
    plain["paced"] = dict(sample.paced)
    plain["pools"] = {name: each._asdict() for name, each in sample.pools.items()}
    return plain
