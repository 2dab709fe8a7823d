"""What is read of the memory: all of it, and what is free in the allocator where that is cheap."""

from __future__ import annotations

import platform
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from gctune.host.container import find_container
from gctune.memory.bounds import Bounds
from gctune.memory.gauge import Gauge

MS = 1_000_000
glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="glibc alone tells what is free in its allocator"
)


def full_gauge(folder: Path, cpu_clock: Callable[[], int]) -> Gauge:
    """Of a process outside any container, far above its limit, that is read each 10 ms."""
    tight = Bounds(planned=1 << 20, own=True, headroom=0, container=None)
    looks = count(0, 10 * MS)
    return Gauge(find_container(folder), tight, lambda: next(looks), cpu_clock, lambda: 0.5)


@glibc
def test_what_is_free_is_asked_each_time_while_that_is_cheap(tmp_path: Path) -> None:
    gauge = full_gauge(tmp_path, lambda: 0)
    assert all(gauge.read().free > 0 for _ in range(10))


@glibc
def test_what_is_free_is_asked_seldom_where_that_takes_a_millisecond(tmp_path: Path) -> None:
    ticks = count(0, MS)
    gauge = full_gauge(tmp_path, lambda: next(ticks))
    asked = [gauge.read().free > 0 for _ in range(250)]
    assert asked.count(True) == 3
    assert asked[0]


def test_a_process_outside_any_container_has_its_memory_for_itself(tmp_path: Path) -> None:
    reading = full_gauge(tmp_path, lambda: 0).read()
    assert reading.used == reading.own > 0
    assert (reading.share, reading.alone) == (1.0, 1.0)
