"""What a profile is made of: one header, then batches and readings, then a closing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gctune.monitor.recorder import Collection, decode

SCHEMA = 1


@dataclass(frozen=True)
class Header:
    """What was captured, and where; the first record of a profile.

    `thresholds` and `enabled` are the program's own at the start, `frozen` is
    gc.get_freeze_count() there. `objects` counts the container objects that
    the collector then tracked, None where counting them would have cost too
    much; `blocks` is sys.getallocatedblocks(). `limit_bytes` is the memory
    limit of the container, None for none known, and `limit_source` the file
    that it came from. `started` is Unix time in seconds, `start_ns` the same
    instant on the clock of the collections (time.perf_counter_ns), and
    `start_cpu_ns` on that of time.process_time_ns.
    """

    gctune: str
    implementation: str
    version: tuple[int, int, int]
    collector: str
    platform: str
    command: tuple[str, ...]
    pid: int
    parent: int
    thresholds: tuple[int, int, int]
    enabled: bool
    frozen: int
    objects: int | None
    blocks: int
    limit_bytes: int | None
    limit_source: str
    cpus: int
    started: float
    start_ns: int
    start_cpu_ns: int
    schema: int = SCHEMA


@dataclass(frozen=True)
class Batch:
    """Collections in the flat form that the recorder gives."""

    values: tuple[int, ...]

    def collections(self) -> Iterator[Collection]:
        """The collections, oldest first."""
        return decode(self.values)


@dataclass(frozen=True)
class Reading:
    """The process at one instant.

    `time_ns` is on the clock of the collections, `cpu_ns` on that of
    time.process_time_ns. `collections` and `collected` are the totals of
    gc.get_stats() by generation since the interpreter started.
    """

    time_ns: int
    cpu_ns: int
    rss_bytes: int
    blocks: int
    threads: int
    thresholds: tuple[int, int, int]
    enabled: bool
    collections: tuple[int, int, int]
    collected: tuple[int, int, int]


@dataclass(frozen=True)
class Closing:
    """The end of the recording; a profile without one was cut off.

    `reason` is "exit" or "seconds" or what else ended it. `missed` counts, by
    generation, the collections that happened and were not recorded.
    `peak_rss_bytes` is the process's own high-water mark, `frozen` is
    gc.get_freeze_count() at the end.
    """

    reason: str
    peak_rss_bytes: int
    frozen: int
    missed: tuple[int, int, int]
    last: Reading


Record: TypeAlias = Header | Batch | Reading | Closing
