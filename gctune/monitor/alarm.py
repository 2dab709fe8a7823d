"""Alerts told: to the program's logging or standard error, and to whoever asked."""

from __future__ import annotations

from _functools import partial  # type: ignore[import-not-found] # functools imports collections

from gctune.errors import ConfigError, problem
from gctune.monitor.alerts import QUIET, advance
from gctune.monitor.telling import inform, warn
from gctune.runtime.mask import as_the_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from gctune.monitor.alerts import Alert, Rule, State
    from gctune.monitor.sample import Sample

    C = TypeVar("C", bound=Callable[[Alert], Any])

_callbacks: list[Callable[[Alert], object]] = []


def on_alert(callback: C) -> C:
    """Have `callback(alert)` called whenever an alert is raised, and when it is over.

    It is called in gctune's own thread, which does nothing else meanwhile;
    what it raises is told, and stops nothing. Can be used as a decorator.
    Raises ConfigError for what cannot be called.
    """
    if not callable(callback):
        wrong, remedy = "cannot be called", "give a function that takes an Alert"
        raise ConfigError([problem("on_alert", callback, wrong, remedy)])
    import threading  # noqa: F401 - imported first by gctune's thread it takes that for the main one

    _callbacks.append(callback)
    return callback


class Alarm:
    """Holds the samples of one process against rules."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._states: dict[Rule, State] = dict.fromkeys(rules, QUIET)

    @property
    def states(self) -> Mapping[str, State]:
        """Of each rule by its name, where it stands now."""
        return {rule.name: state for rule, state in self._states.items()}

    def see(self, sample: Sample) -> None:
        """Take a further sample, and tell of each alert that it raises or clears."""
        for rule, state in self._states.items():
            self._states[rule], alert = advance(rule, state, sample)
            if alert is not None:
                _tell(alert)


def _tell(alert: Alert) -> None:
    (warn if alert.raised else inform)(str(alert))
    for callback in tuple(_callbacks):
        try:
            as_the_program(partial(callback, alert))
        except BaseException as error:  # noqa: BLE001, PERF203 - SystemExit too: the program goes on
            warn(f"on_alert: {callback!r} raised {type(error).__name__}: {error}")
