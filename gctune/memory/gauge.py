"""Reads how much memory is used of what may be used, fast and often."""

from __future__ import annotations

from gctune.host.process import rss_bytes
from gctune.memory.relief import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gctune.host.container import ContainerFiles
    from gctune.memory.bounds import Bounds

_STALE_NS = 1_000_000_000  # limits are read again, which costs more than what is used
_MATTERS = 0.8  # of the limit: below, nobody needs to know what is free
_DEAR_NS, _SELDOM = 500_000, 1000  # of CPU time: asking what is free may take 0.1% of it


class Gauge:
    """The memory that counts: of the whole container where it has a limit, else of this process.

    `clock` gives nanoseconds, `cpu_clock` those that this thread has run, and
    `chance` a random number from 0 to 1.
    """

    def __init__(
        self,
        files: ContainerFiles,
        bounds: Bounds,
        clock: Callable[[], int],
        cpu_clock: Callable[[], int],
        chance: Callable[[], float],
    ) -> None:
        self._files = files
        self._bounds = bounds
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._chance = chance
        self._ask: Callable[[], int] | None = None
        self._ask_again_ns = 0
        self._learn(clock())

    def read(self) -> Reading:
        """Read everything; costs some 50 us, and twice that once a second."""
        now_ns = self._clock()
        if now_ns - self._learnt_ns >= _STALE_NS:
            self._learn(now_ns)
        own = rss_bytes()
        used = self._used(own)
        bound = self._bounds.at(self._container, used)
        free = self._free(now_ns) if used >= bound.limit * _MATTERS else 0
        return Reading(now_ns, used, own, free, *bound, self._chance())

    def _free(self, now_ns: int) -> int:
        """What is free in the allocator; 0 where it cannot be told, or not cheaply."""
        if now_ns < self._ask_again_ns:
            return 0
        if self._ask is None:
            self._ask = _asker()
        begun_ns = self._cpu_clock()
        free = self._ask()
        cost_ns = self._cpu_clock() - begun_ns
        if cost_ns > _DEAR_NS:
            self._ask_again_ns = now_ns + cost_ns * _SELDOM
        return free

    def _learn(self, now_ns: int) -> None:
        self._counted = self._files.counted()
        self._container = self._counted.limit.bytes if self._counted.limit else None
        self._learnt_ns = now_ns

    def _used(self, own: int) -> int:
        working_set = self._counted.working_set_bytes() if self._container else None
        return own if working_set is None else working_set


def _asker() -> Callable[[], int]:
    """What tells what is free; always 0 where nothing does."""
    try:
        from gctune.host.heap import free_bytes
    except (ImportError, AttributeError, OSError, TypeError):  # not glibc, or an old one
        return int
    return free_bytes
