"""Records as a capture writes them, for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path
from struct import pack

from gctune.profile.records import (
    Batch,
    Closing,
    Count,
    Header,
    Paced,
    Reading,
    Record,
    Switch,
)
from gctune.profile.writer import Writer


def header() -> Header:
    return Header(
        gctune="0.1.0",
        implementation="cpython",
        version=(3, 13, 0),
        collector="generational",
        platform="linux",
        command=("python", "app.py"),
        pid=7,
        parent=1,
        thresholds=(2000, 10, 10),
        enabled=True,
        frozen=0,
        objects=12_000,
        blocks=50_000,
        limit_bytes=None,
        limit_source="",
        cpus=2,
        started=1.5e9,
        start_ns=1_000,
        start_cpu_ns=500,
    )


def batch(collections: int, first_ns: int = 2_000) -> Batch:
    """Young collections of 100 ns each, a microsecond apart."""
    starts = range(first_ns, first_ns + collections * 1_000, 1_000)
    return Batch(b"".join(map(_packed, starts)))


def _packed(start_ns: int) -> bytes:
    start = pack("<3i3q", 2001, 3, 1, 60_000, start_ns, 900)
    return start + pack("<3qb2q", 980, start_ns + 100, 59_990, 0, 5, 0)


def reading(time_ns: int = 9_000) -> Reading:
    return Reading(
        time_ns=time_ns,
        cpu_ns=700,
        rss_bytes=30_000_000,
        blocks=60_000,
        threads=2,
        thresholds=(2000, 10, 10),
        enabled=True,
        frozen=0,
        collections=(10, 1, 0),
        collected=(50, 0, 0),
    )


def count(time_ns: int = 9_000, total: int = 40) -> Count:
    return Count(time_ns, "operations", total)


def switch(time_ns: int = 5_000) -> Switch:
    return Switch(time_ns, 600, (10_000, 10, 10), "window")


def paced(time_ns: int = 7_000) -> Paced:
    return Paced(time_ns, "growth", ("thaw",), (83, 0, 0))


def closing() -> Closing:
    return Closing("exit", 31_000_000, (0, 0, 0), reading())


def records() -> list[Record]:
    """One short profile."""
    middle = [batch(3), reading(5_000), switch(), batch(2, 6_000), reading(9_000), count(), paced()]
    return [header(), *middle, closing()]


def write(path: Path, *profile: Record) -> Path:
    """Write `profile`, the short one by default, to a new file."""
    writer = Writer(path)
    for record in profile or records():
        writer.append(record)
    writer.close()
    return path
