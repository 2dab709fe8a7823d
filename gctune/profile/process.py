"""What a profile tells of the process it was captured in."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator

from gctune import __version__
from gctune.host import this_host
from gctune.host.generations import by_generation, frozen_count
from gctune.host.process import peak_rss_bytes, rss_bytes, thread_count
from gctune.monitor.changes import changes
from gctune.profile.records import Closing, Header, Paced, Reading, Three

_MANY_BLOCKS = 1_000_000  # above it, listing every object takes more than some 20 ms
_WORDS, _LETTERS = 100, 1000  # of a command, that are kept
_FROZEN_SHARE = 500  # counting frozen objects may take one part in so many
_MOST_PACED = 10_000  # of what adaptive mode did, that are kept: 1 MB


def header(*, forked: bool) -> Header:
    """Describe this process at the start of its recording.

    In a forked child the objects are not counted: to list them is to write to
    each, and so to copy every page that is shared with the parent.
    """
    host = this_host()
    limit = host.container.limit
    blocks = sys.getallocatedblocks()
    return Header(
        gctune=__version__,
        implementation=host.interpreter.implementation,
        version=host.interpreter.version,
        collector=host.interpreter.collector,
        platform=sys.platform,
        command=_command(),
        pid=os.getpid(),
        parent=os.getppid(),
        thresholds=gc.get_threshold(),
        enabled=gc.isenabled(),
        frozen=frozen_count() or 0,
        objects=None if forked or blocks > _MANY_BLOCKS else len(gc.get_objects()),
        blocks=blocks,
        limit_bytes=limit and limit.bytes,
        limit_source=limit.source if limit else "",
        cpus=host.cpus,
        started=time.time(),
        start_ns=time.perf_counter_ns(),
        start_cpu_ns=time.process_time_ns(),
    )


def _command() -> tuple[str, ...]:
    words = getattr(sys, "orig_argv", sys.argv)
    return tuple(word[:_LETTERS] for word in words[:_WORDS])


class Reader:
    """Takes readings of this process."""

    def __init__(self) -> None:
        self._count_frozen_at = 0
        self._paced_until_ns = self._paced = 0

    def reading(self) -> Reading:
        """Read the process now. Costs some 50 us."""
        stats = gc.get_stats()
        return Reading(
            time_ns=time.perf_counter_ns(),
            cpu_ns=time.process_time_ns(),
            rss_bytes=rss_bytes(),
            blocks=sys.getallocatedblocks(),
            threads=thread_count(),
            thresholds=gc.get_threshold(),
            enabled=gc.isenabled(),
            frozen=self._frozen(),
            collections=by_generation(stats, "collections"),
            collected=by_generation(stats, "collected"),
        )

    def paced(self) -> Iterator[Paced]:
        """What adaptive mode did since this was last asked; at first, the last that it did."""
        for change in changes():
            if change.at_ns > self._paced_until_ns and self._paced < _MOST_PACED:
                self._paced_until_ns, self._paced = change.at_ns, self._paced + 1
                yield Paced(change.at_ns, change.reason, change.acts, change.thresholds)

    def closing(self, reason: str, missed: Three) -> Closing:
        """Describe the end of the recording."""
        self._count_frozen_at = 0
        return Closing(reason, peak_rss_bytes(), missed, self.reading())

    def _frozen(self) -> int | None:
        """Count the frozen objects, unless that is dear: it walks them all."""
        before = time.perf_counter_ns()
        if before < self._count_frozen_at:
            return None
        frozen = frozen_count()
        after = time.perf_counter_ns()
        self._count_frozen_at = after + (after - before) * _FROZEN_SHARE
        return frozen


def collections_so_far() -> Three:
    """How many collections of each generation this interpreter has made."""
    return by_generation(gc.get_stats(), "collections")
