"""What a plan has running while it is in force, rather than set: the monitor and its like.

Of the plans in force the last one's services run, and no others.
"""

from __future__ import annotations

from gctune.errors import GctuneError
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from gctune.runtime.plan import Plan

    Stop: TypeAlias = Callable[[], object]


class Service(Record):
    """Something that runs for a plan.

    `settings` are the beginnings of the names of the settings that it acts on.
    `start` has it run as a plan asks, and returns what stops it, or None where
    the plan does not ask for it; it raises ApplyError where it cannot run.
    Starting is quick and imports little: most programs end before the service
    has anything to do. After a fork the service sees to itself; the thread of
    the process that forked is not there any more. `turns` are the beginnings of
    the names of settings whose knobs it turns by itself while it runs.
    """

    settings: tuple[str, ...]
    start: Callable[[Plan], Stop | None]
    turns: tuple[str, ...] = ()


class Services:
    """The services of one plan."""

    def __init__(self, offered: Iterable[Service], plan: Plan) -> None:
        self._offered = tuple(offered)
        self._plan = plan
        self._stops: list[Stop] = []
        self._turned: tuple[str, ...] = ()
        self._run = False

    def act_on(self, setting: str) -> bool:
        """Whether one of them acts on a setting."""
        return any(setting.startswith(service.settings) for service in self._offered)

    def turn(self, settings: Iterable[str]) -> bool:
        """Whether one that runs turns the knob of one of these settings by itself."""
        return any(setting.startswith(self._turned) for setting in settings)

    def start(self) -> None:
        """Start them all or none; does nothing while they run. Raises what a start raises."""
        if self._run:
            return
        self.stop()  # those that a stop has left which the handler of a signal broke off
        try:
            for service in self._offered:
                self._start(service)
            self._run = True
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop those that run, the last first; one whose stop raises can be stopped again."""
        self._run = False
        while self._stops:
            self._stop_last()
        self._turned = ()

    def resume(self) -> None:
        """Start them again; one that cannot start any more stays away."""
        try:  # noqa: SIM105 - contextlib costs 1 ms
            self.start()
        except GctuneError:  # nothing that an undo could be blamed for
            pass

    def _start(self, service: Service) -> None:
        stop = service.start(self._plan)
        if stop is not None:
            self._stops.append(stop)
            self._turned += service.turns

    def _stop_last(self) -> None:
        stop = self._stops[-1]
        stop()
        if stop in self._stops:  # else the handler of a signal has stopped it meanwhile
            self._stops.remove(stop)


class Succession:
    """A new plan's services in the place of the last one's, as one step of a transaction."""

    def __init__(self, last: Services | None, new: Services) -> None:
        self._last = last
        self._new = new

    def make(self) -> None:
        """Stop the last plan's, and start the new one's. Raises what a start raises."""
        if self._last:
            self._last.stop()
        self._new.start()

    def roll_back(self) -> None:
        """Stop the new plan's, and have the last one's run again."""
        self._new.stop()
        if self._last:
            self._last.resume()
