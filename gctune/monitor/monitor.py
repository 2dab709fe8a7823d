"""The monitor: takes a sample each interval, keeps the last, and raises alerts."""

from __future__ import annotations

from gctune.defaults import MONITOR_INTERVAL
from gctune.host.generations import frozen_count
from gctune.monitor.alarm import Alarm
from gctune.monitor.alerts import rules_of
from gctune.monitor.reader import Reader
from gctune.monitor.tally import UNSEEN, Collections
from gctune.monitor.thread import Duty, duties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gctune.monitor.alerts import Rule, State
    from gctune.monitor.sample import Sample
    from gctune.monitor.tally import Seen
    from gctune.runtime.plan import Plan

_DRAIN = 5.0  # seconds until the recorder's ring is emptied, at most
_SEES_EACH = ("detailed", "debug")  # the levels at which collections are seen one by one


class Monitor(Duty):
    """Watches this process at one level.

    `sample` is the last one, None before the first.
    """

    def __init__(
        self,
        level: str,
        interval: float = MONITOR_INTERVAL,
        rules: Iterable[Rule] = (),
        limit_bytes: int | None = None,
    ) -> None:
        self.sample: Sample | None = None
        self._interval_ns = int(interval * 1e9)
        self._due_ns = 0
        self._alarm = Alarm(rules)
        self._reader = Reader(level, limit_bytes)
        self._collections = Collections() if level in _SEES_EACH else None

    @classmethod
    def of(cls, plan: Plan) -> Monitor:
        """The monitor that a plan asks for."""
        level, limit = str(plan.value("monitor.level")), plan.value("memory.limit")
        interval = float(plan.value("monitor.interval") or MONITOR_INTERVAL)
        return cls(level, interval, rules_of(plan), int(limit) if limit else None)

    @property
    def alerts(self) -> Mapping[str, State]:
        """Of each rule by its name, where it stands now."""
        return self._alarm.states

    def read(self) -> Sample:
        """Read the process now, besides what is read each interval."""
        return self._reader.read(self.sample, self._seen())

    def __call__(self, now_ns: int) -> float:
        """Take a sample where one is due; see the collections since the last time anyhow."""
        waits = self._due_ns - self._interval_ns <= now_ns < self._due_ns
        if not waits:  # also where a test has put the clock ahead, and back again
            self._due_ns = now_ns + self._interval_ns
            self._take_sample()
        else:
            self._seen()
        return min((self._due_ns - now_ns) / 1e9, _DRAIN)

    def close(self) -> None:
        """See no more collections."""
        if self._collections:
            self._collections.close()

    def _seen(self, *, ends_interval: bool = False) -> Seen:
        return self._collections.seen(ends_interval=ends_interval) if self._collections else UNSEEN

    def _take_sample(self) -> None:
        self.sample = self._reader.read(self.sample, self._seen(ends_interval=True))
        self._alarm.see(self.sample)


def current() -> Monitor | None:
    """The monitor of this process; None where none runs, or where it has not begun yet."""
    return next((duty for duty in duties() if isinstance(duty, Monitor)), None)


def sample() -> Sample:
    """Read this process now.

    While a monitor runs, with what it has seen so far, and rates since its last
    sample. Counts the frozen objects, which takes 10 ms for a million of them.
    """
    monitor = current()
    now = monitor.read() if monitor else Reader().read()
    return now._replace(frozen=frozen_count())
