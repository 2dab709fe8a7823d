"""The monitor: takes a sample each interval, and keeps the last."""

from __future__ import annotations

from gctune.monitor.reader import Reader
from gctune.monitor.thread import Duty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.monitor.sample import Sample
    from gctune.runtime.plan import Plan

DEFAULT_INTERVAL = 5.0  # seconds
DETAILED = ("detailed", "debug")  # the levels that see collections one by one


class Monitor(Duty):
    """Watches this process at one level.

    `sample` is the last one, None before the first.
    """

    def __init__(self, level: str, interval: float, limit_bytes: int | None = None) -> None:
        self.level = level
        self.interval = interval
        self.sample: Sample | None = None
        self._reader = Reader(level, limit_bytes)

    @classmethod
    def of(cls, plan: Plan) -> Monitor:
        """The monitor that a plan asks for."""
        level, interval = str(plan.value("monitor.level")), plan.value("monitor.interval")
        limit = plan.value("memory.limit")
        return cls(level, float(interval or DEFAULT_INTERVAL), int(limit) if limit else None)

    def __call__(self, now_ns: int) -> float:  # noqa: ARG002 - a sample has its own clock
        """Take a sample."""
        self.sample = self._reader.read(self.sample)
        return self.interval
