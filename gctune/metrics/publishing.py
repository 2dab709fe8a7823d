"""What a scrape of this process is told: its own numbers, or those of all its service's workers."""

from __future__ import annotations

import os
import time

from gctune import __version__
from gctune.defaults import MONITOR_INTERVAL
from gctune.host.interpreter import this_interpreter
from gctune.metrics.exposition import respond
from gctune.metrics.folder import PRIVATE, FolderError, private_folder
from gctune.metrics.metric import Reading
from gctune.metrics.snapshot import take
from gctune.metrics.workers import Workers
from gctune.monitor.monitor import current
from gctune.monitor.reader import Reader
from gctune.monitor.thread import Duty, duties
from gctune.runtime.applied import in_force

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.metrics.metric import Snapshot
    from gctune.runtime.plan import Plan


class Publishing(Duty):
    """Puts this process's numbers where the other workers of its service have theirs.

    `begun` is whether they have been there at least once.
    """

    def __init__(self, folder: str, interval: float) -> None:
        self.workers = Workers(folder)
        self.begun = False
        self._interval = interval

    @classmethod
    def of(cls, plan: Plan) -> Publishing:
        """The one that a plan asks for."""
        folder = str(plan.value("monitor.workers"))
        if folder == PRIVATE:
            folder = private_folder(str(plan.value("monitor.http")))
        return cls(folder, float(plan.value("monitor.interval") or MONITOR_INTERVAL))

    def __call__(self, now_ns: int) -> float:  # noqa: ARG002 - the numbers have their own clock
        """Write the numbers; return the seconds until this is to be done again."""
        self.workers.publish(take(reading()))
        self.begun = True
        return self._interval

    def close(self) -> None:
        """Take the numbers away where they were the last of their service."""
        self.workers.leave()


def scrape(accept: str) -> tuple[str, bytes]:
    """Answer a scrape whose Accept header is `accept`: the content's type, and the content."""
    return respond(accept, snapshot(), time.time(), os.getpid())


def snapshot() -> Snapshot:
    """The numbers of this process, and of the workers that it shares a folder with."""
    publishing = next((duty for duty in duties() if isinstance(duty, Publishing)), None)
    own = {} if publishing and publishing.begun else take(reading())
    publishing = publishing or _planned()
    try:
        if publishing:
            return publishing.workers.merged(own)
    except (OSError, FolderError):  # somebody removed the folder, or it is not for numbers
        pass
    return own or take(reading())


def _planned() -> Publishing | None:
    """What has not begun yet, and will: others may have numbers there."""
    plan = in_force()
    return Publishing.of(plan) if plan and plan.value("monitor.workers") else None


def reading() -> Reading:
    """The last of this process's monitor, or one taken now where there is none."""
    monitor, plan = current(), in_force()
    sample = (monitor and monitor.sample) or Reader().read()
    about = {
        "version": __version__,
        "environment": plan.environment if plan else "",
        "interpreter": this_interpreter().tag,
        "level": sample.level,
    }
    return Reading(sample, monitor.alerts if monitor else {}, about)
