"""When somebody should hear of it: rules over samples, and whether each is raised.

Pure: `advance` takes a rule from one sample to the next. An alert is raised
once what it measures has been above the threshold for the hold time, and
cleared once it has been below a share of the threshold for that time, or a
calm half minute if that is longer: so what goes up and down around the
threshold is told once.
"""

from __future__ import annotations

from gctune.defaults import ALERT_CLEAR
from gctune.monitor.measures import MEASURES
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gctune.monitor.sample import Sample
    from gctune.runtime.plan import Plan

CALM_SECONDS = 30.0


class Rule(Record):
    """What is measured, by its name in MEASURES and the settings, and when that is too much.

    `threshold` is in the measure's unit; `clear` is the share of it below
    which the alert may be cleared.
    """

    name: str
    threshold: float
    hold_seconds: float
    clear: float


class State(Record):
    """Where one rule stands after a sample.

    `value` is what was measured, None where it could not be told. `since_ns`
    is when it began to speak for a change (above the threshold while the alert
    is not raised, below while it is), None where it does not. `memory` is what
    the measure keeps of earlier samples.
    """

    raised: bool
    value: float | None
    since_ns: int | None
    memory: Any


QUIET = State(raised=False, value=None, since_ns=None, memory=None)


class Alert(Record):
    """A rule that has just been raised, or cleared; `sample` is the one that showed it.

    `value` and `threshold` are in the unit that the rule measures in. As text
    it says all this in one line.
    """

    rule: str
    raised: bool
    value: float
    threshold: float
    sample: Sample

    def __str__(self) -> str:
        measure = MEASURES[self.rule]
        now, bound = map(measure.unit, (self.value, self.threshold))
        if self.raised:
            return f"alert {self.rule}: {measure.what} is {now}, above {bound}"
        return f"alert {self.rule} is over: {measure.what} is {now}; it was above {bound}"


def rules_of(plan: Plan) -> tuple[Rule, ...]:
    """The rules that a plan asks for."""
    return tuple(_rules_of(plan))


def advance(rule: Rule, state: State, sample: Sample) -> tuple[State, Alert | None]:
    """Take a rule one sample further; with the alert, where it is raised or cleared by that.

    A sample that cannot tell what the rule measures changes nothing that is
    raised, and breaks off what was on its way.
    """
    value, memory = MEASURES[rule.name].read(sample, rule.hold_seconds, state.memory)
    if value is None or not _speaks_for_a_change(rule, state, value):
        return State(state.raised, value, None, memory), None
    since_ns = sample.time_ns if state.since_ns is None else state.since_ns
    if sample.time_ns - since_ns < _patience_seconds(rule, state) * 1e9:
        return State(state.raised, value, since_ns, memory), None
    raised = not state.raised
    alert = Alert(rule.name, raised, value, rule.threshold, sample)
    return State(raised, value, None, memory), alert


def _speaks_for_a_change(rule: Rule, state: State, value: float) -> bool:
    if state.raised:
        return value < rule.clear * rule.threshold
    return value > rule.threshold


def _patience_seconds(rule: Rule, state: State) -> float:
    hold = 0.0 if MEASURES[rule.name].holds else rule.hold_seconds
    return max(hold, CALM_SECONDS) if state.raised else hold


def _rules_of(plan: Plan) -> Iterator[Rule]:
    for name in MEASURES:
        threshold, hold, clear = (
            plan.value(f"alerts.{name}.{part}") for part in ("threshold", "hold", "clear")
        )
        if threshold is not None:
            yield Rule(name, float(threshold), float(hold or 0), float(clear or ALERT_CLEAR))
