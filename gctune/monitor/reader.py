"""Takes samples of this process."""

from __future__ import annotations

import gc
import os
import sys
import time
from _operator import sub

from gctune.host.container import find_container
from gctune.host.generations import by_generation, three
from gctune.host.process import peak_rss_bytes, rss_bytes
from gctune.memory import pools
from gctune.memory.standing import last_standing
from gctune.monitor import changes
from gctune.monitor.sample import Rates, Sample
from gctune.monitor.tally import UNSEEN
from gctune.runtime.fork import inherited_stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gctune.host.container import Container
    from gctune.host.generations import Three
    from gctune.monitor.tally import Seen

_CONTAINER_BYTES = 64  # the least that a container with its contents is likely to take


class Reader:
    """Reads this process again and again.

    `level` is that of the monitor; `limit_bytes` is what the process should
    stay under, where somebody has said so.
    """

    def __init__(self, level: str = "off", limit_bytes: int | None = None) -> None:
        self._level = level
        self._limit_bytes = limit_bytes
        self._files = find_container()

    def read(self, before: Sample | None = None, seen: Seen = UNSEEN) -> Sample:
        """Read everything; rates are since the sample `before`. Costs some 200 us."""
        container, rss, stats = self._files.read(), rss_bytes(), own_stats()
        limit = self._limit(container)
        pressure, standing = container.pressure, last_standing()
        sample = Sample(
            time=time.time(),
            time_ns=time.perf_counter_ns(),
            pid=os.getpid(),
            level=self._level,
            cpu_ns=time.process_time_ns(),
            rss_bytes=rss,
            peak_rss_bytes=peak_rss_bytes(),
            working_set_bytes=container.working_set_bytes,
            limit_bytes=limit,
            headroom_bytes=None if limit is None else limit - _used(container, rss),
            limit_state=standing and standing.state,
            pressure_some=pressure and pressure.some,
            pressure_full=pressure and pressure.full,
            waited_some_ns=pressure and pressure.some_ns,
            waited_full_ns=pressure and pressure.full_ns,
            blocks=sys.getallocatedblocks(),
            thresholds=gc.get_threshold(),
            enabled=gc.isenabled(),
            until_young=max(0, gc.get_threshold()[0] - gc.get_count()[0]),
            frozen=None,
            collections=by_generation(stats, "collections"),
            collected=by_generation(stats, "collected"),
            uncollectable=by_generation(stats, "uncollectable"),
            candidates=by_generation(stats, "candidates") if "candidates" in stats[0] else None,
            pause_ns=_pause_ns(stats, seen),
            last_pause_ns=seen.last_ns,
            longest_pause_ns=seen.longest_ns,
            pauses=seen.pauses,
            allocated=seen.allocated,
            rates=None,
            pools=pools.stats(),
            paced=changes.counts(),
        )
        later = before and sample.time_ns > before.time_ns  # else a test has put the clock back
        return sample._replace(rates=rates(before, sample)) if before and later else sample

    def _limit(self, container: Container) -> int | None:
        limits = [self._limit_bytes, container.limit and container.limit.bytes]
        return min((limit for limit in limits if limit is not None), default=None)


def own_stats() -> list[dict[str, Any]]:
    """What gc.get_stats() says, less what this process has inherited by a fork."""
    inherited = inherited_stats()
    if not inherited:
        return gc.get_stats()
    return [
        {name: value - before[name] for name, value in now.items()}
        for now, before in zip(gc.get_stats(), inherited)
    ]


def rates(before: Sample, now: Sample) -> Rates:
    """What went on between two samples, of which the second is later: a second of it."""
    seconds = (now.time_ns - before.time_ns) / 1e9
    rss = (now.rss_bytes - before.rss_bytes) / seconds
    allocated = _difference(before.allocated, now.allocated)
    return Rates(
        seconds=seconds,
        gc_share=_gc_share(before, now),
        collections=sum(map(sub, now.collections, before.collections)) / seconds,
        rss_bytes=rss,
        blocks=(now.blocks - before.blocks) / seconds,
        allocated=None if allocated is None else allocated / seconds,
        allocated_bytes=max(rss, 0.0, (allocated or 0) * _CONTAINER_BYTES / seconds),
    )


def _gc_share(before: Sample, now: Sample) -> float | None:
    if before.pause_ns is None or now.pause_ns is None:
        return None
    spent = sum(now.pause_ns) - sum(before.pause_ns)
    return min(1.0, spent / max(now.cpu_ns - before.cpu_ns, 1))


def _difference(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else now - before


def _used(container: Container, rss: int) -> int:
    """What counts against the limit: the working set of the container, if there is one."""
    working_set = container.working_set_bytes
    return rss if container.limit is None or working_set is None else working_set


def _pause_ns(stats: list[dict[str, Any]], seen: Seen) -> Three | None:
    if "duration" in stats[0]:
        return three(round(each["duration"] * 1e9) for each in stats)
    return seen.pauses and three(each.sum_ns for each in seen.pauses)
