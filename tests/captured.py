"""Profiles made up of hand-written collections, and of a real program's run."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from struct import pack
from typing import Any

from gctune.monitor.recorder import Collection
from gctune.profile.file import Profile
from gctune.profile.records import Batch, Closing, Header, Reading

PROFILES = Path(__file__).parent.parent / "profiles"
GENERATIONAL = (3, 13, 0)


def collection(generation: int = 0, **values: int) -> Collection:
    """A collection as 3.13's defaults bring it about, unless `values` say otherwise."""
    usual = {
        "start_ns": 0,
        "wall_ns": 10**9,
        "cpu_ns": 100_000,
        "count0": 2001,
        "count1": 11 if generation else 0,
        "count2": 11 if generation == 2 else 0,
        "collected": 0,
        "uncollectable": 0,
        "blocks_before": 0,
        "blocks_after": 0,
    }
    return Collection(generation, **{**usual, **values})


def growing(
    cycles: int = 30, garbage: int = 0, cpu_ns: int = 100_000, blocks: int = 50_000
) -> Iterator[Collection]:
    """A heap that grows: by CPython's rules under (2000, 10, 10), with no full collection due.

    Each young collection finds `garbage`; every climb comes with two blocks a container.
    """
    middles = 0
    for number in range(cycles * 12):
        generation = int(number % 12 == 11)
        before = blocks + 2 * 2001
        blocks = before - 2 * garbage
        yield collection(
            generation,
            start_ns=number * 10**7,
            cpu_ns=cpu_ns * (5 if generation else 1),
            count1=number % 12,
            count2=min(middles, 10),
            collected=garbage,
            blocks_before=before,
            blocks_after=blocks,
        )
        middles += generation


def packed(collections: Iterable[Collection]) -> Batch:
    """Collections as the recorder packs them."""
    return Batch(b"".join(map(_packed, collections)))


def _packed(one: Collection) -> bytes:
    counts = (one.count0, one.count1, one.count2)
    clock = 1 if one.cpu_ns else 0
    start = pack("<3i3q", *counts, one.blocks_before, one.start_ns, clock)
    stop = (clock + one.cpu_ns, one.start_ns + one.wall_ns, one.blocks_after)
    return start + pack("<3qb2q", *stop, one.generation, one.collected, one.uncollectable)


def header(**values: Any) -> Header:
    usual: dict[str, Any] = {
        "gctune": "0.1.0",
        "implementation": "cpython",
        "version": GENERATIONAL,
        "collector": "generational",
        "platform": "linux",
        "command": ("python", "app.py"),
        "pid": 7,
        "parent": 1,
        "thresholds": (2000, 10, 10),
        "enabled": True,
        "frozen": 0,
        "objects": 12_000,
        "blocks": 50_000,
        "limit_bytes": None,
        "limit_source": "",
        "cpus": 2,
        "started": 1.5e9,
        "start_ns": 0,
        "start_cpu_ns": 0,
    }
    return Header(**{**usual, **values})


def profile(
    collections: Iterable[Collection] = (),
    *,
    cpu_seconds: float = 4.0,
    rss: int = 100 * 2**20,
    reason: str = "exit",
    name: str = "app.profile",
    thresholds: Iterable[tuple[int, int, int]] = ((2000, 10, 10),),
    totals: Iterable[int] = (),
    **values: Any,
) -> Profile:
    """A profile of `collections`, read once a second.

    `thresholds` are what the readings see, `totals` how many collections there have been.
    """
    seen = [
        Reading(
            time_ns=number * 10**9,
            cpu_ns=round(cpu_seconds * 1e9),
            rss_bytes=rss,
            blocks=60_000,
            threads=1,
            thresholds=each,
            enabled=True,
            frozen=0,
            collections=(so_far, 0, 0),
            collected=(0, 0, 0),
        )
        for number, (each, so_far) in enumerate(zip(thresholds, chain(totals, repeat(0))), 1)
    ]
    return Profile(
        path=Path(name),
        header=header(**values),
        batches=(packed(collections),),
        readings=tuple(seen),
        closing=Closing(reason, rss, (0, 0, 0), seen[-1]),
        dropped_records=0,
        dropped_bytes=0,
        problems=(),
    )


def unpacked(name: str, folder: Path) -> Path:
    """A profile of a real program, in a file of its own."""
    path = folder / name
    path.write_bytes(gzip.decompress((PROFILES / f"{name}.gz").read_bytes()))
    return path
