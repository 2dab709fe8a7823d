"""What a plan has running starts after its knobs, stops before them, and gives way to another's."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from children import plan

from gctune.errors import ApplyError
from gctune.runtime.applied import apply_plan, pause_services, reset
from gctune.runtime.plan import Plan, Status
from gctune.runtime.services import Service

WATCHED = plan(gc__threshold0=5000, monitor__level="basic")
OTHER = plan(gc__threshold0=6000, monitor__level="detailed")


@pytest.fixture(autouse=True)
def _nothing_stays_in_force() -> Iterator[None]:
    yield
    reset()


class Log:
    """A service that writes down what it does, and the threshold that it finds."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, object, int]] = []
        self.service = Service(("monitor.",), self._start)

    def _start(self, plan: Plan) -> Callable[[], None] | None:
        level = plan.value("monitor.level")
        if level is None:
            return None
        self._write("start", level)
        return lambda: self._write("stop", level)

    def _write(self, what: str, level: object) -> None:
        self.lines.append((what, level, gc.get_threshold()[0]))


@pytest.fixture
def log() -> Log:
    return Log()


_PACED = (10_000, 0, 1000)


def _pace(plan: Plan) -> Callable[[], None] | None:
    """Turn the thresholds until it is stopped, as adaptive mode does."""
    if plan.value("gc.mode") is None:
        return None
    before = gc.get_threshold()
    gc.set_threshold(*_PACED)
    return lambda: gc.set_threshold(*before)


PACING = Service(("gc.mode",), _pace, turns=("gc.threshold",))


class Interrupted:
    """A service whose stop is broken off by a signal, the first time."""

    def __init__(self, **how: Any) -> None:
        self.stopped = 0
        self.service = Service((), lambda _: self._stop, **how)

    def _stop(self) -> None:
        self.stopped += 1
        if self.stopped == 1:
            raise KeyboardInterrupt


def _refuse(plan: Plan) -> None:
    raise ApplyError("monitor.level = 'basic': not today; try tomorrow")


def test_a_service_runs_while_its_plan_is_in_force(log: Log) -> None:
    applied = apply_plan(WATCHED, [log.service])
    assert log.lines == [("start", "basic", 5000)]
    applied.undo()
    applied.undo()
    assert log.lines == [("start", "basic", 5000), ("stop", "basic", 5000)]


def test_what_a_service_acts_on_is_applied(log: Log) -> None:
    outcomes = {each.setting: each for each in apply_plan(WATCHED, [log.service]).outcomes}
    assert outcomes["monitor.level"].status == Status.APPLIED
    assert outcomes["monitor.level"].value == "basic"


def test_what_nobody_acts_on_is_unsupported() -> None:
    outcomes = {each.setting: each for each in apply_plan(WATCHED).outcomes}
    assert outcomes["monitor.level"].status == Status.UNSUPPORTED


def test_a_service_that_cannot_start_leaves_everything_as_it_was(log: Log) -> None:
    before = gc.get_threshold()
    with pytest.raises(ApplyError, match="not today"):
        apply_plan(WATCHED, [log.service, Service((), _refuse)])
    assert gc.get_threshold() == before
    assert [what for what, _, _ in log.lines] == ["start", "stop"]


def test_a_later_plan_that_cannot_start_gives_way_to_the_former(log: Log) -> None:
    apply_plan(WATCHED, [log.service])
    with pytest.raises(ApplyError):
        apply_plan(OTHER, [Service((), _refuse)])
    assert [what for what, _, _ in log.lines] == ["start", "stop", "start"]
    assert gc.get_threshold()[0] == 5000


def test_only_the_last_plan_has_its_services_running(log: Log) -> None:
    apply_plan(WATCHED, [log.service])
    later = apply_plan(OTHER, [log.service])
    later.undo()
    assert log.lines == [
        ("start", "basic", 5000),
        ("stop", "basic", 6000),
        ("start", "detailed", 6000),
        ("stop", "detailed", 6000),
        ("start", "basic", 5000),
    ]


def test_undoing_a_plan_below_leaves_the_last_one_s_running(log: Log) -> None:
    first = apply_plan(WATCHED, [log.service])
    apply_plan(OTHER, [log.service])
    first.undo()
    assert [what for what, _, _ in log.lines] == ["start", "stop", "start"]


def test_the_same_plan_again_starts_nothing(log: Log) -> None:
    assert apply_plan(WATCHED, [log.service]) is apply_plan(WATCHED, [log.service])
    assert len(log.lines) == 1


def test_a_plan_for_another_interpreter_has_nothing_run(log: Log) -> None:
    apply_plan(plan(interpreter="other-1.2.3-unknown", monitor__level="basic"), [log.service])
    assert log.lines == []


@pytest.mark.parametrize("first_undone", [0, 1])
@pytest.mark.parametrize("first_applied", [0, 1])
def test_a_service_that_turns_thresholds_is_no_way_back(
    first_applied: int, first_undone: int
) -> None:
    before = gc.get_threshold()
    plans = [plan(gc__mode="adaptive"), plan(gc__threshold0=5000)]
    nested = [
        apply_plan(plans[first_applied], [PACING]),
        apply_plan(plans[1 - first_applied], [PACING]),
    ]
    assert (gc.get_threshold() == _PACED) == (first_applied == 1)
    undone = [*nested[first_undone].undo(), *nested[1 - first_undone].undo()]
    assert gc.get_threshold() == before
    assert [(each.status, each.value) for each in undone] == [(Status.APPLIED, before[0])]


def test_what_it_turned_is_not_what_the_program_has_set() -> None:
    apply_plan(plan(gc__mode="adaptive"), [PACING])
    later = apply_plan(plan(origin="preset production", gc__threshold0=5000), [PACING])
    assert later.outcomes[0].status == Status.APPLIED


def test_it_turns_them_again_where_a_later_plan_cannot_be_put_in_force() -> None:
    apply_plan(plan(gc__mode="adaptive"), [PACING])
    with pytest.raises(ApplyError):
        apply_plan(plan(gc__threshold0=-1), [PACING])
    assert gc.get_threshold() == _PACED


def test_what_is_paused_stays_so_where_a_later_plan_cannot_be_put_in_force() -> None:
    before = gc.get_threshold()
    apply_plan(plan(gc__mode="adaptive"), [PACING])
    pause_services()
    with pytest.raises(ApplyError):
        apply_plan(plan(gc__threshold0=-1), [PACING])
    assert gc.get_threshold() == before


def test_an_undo_that_was_interrupted_can_be_done_again(log: Log) -> None:
    interrupted = Interrupted()
    applied = apply_plan(WATCHED, [log.service, interrupted.service])
    with pytest.raises(KeyboardInterrupt):
        applied.undo()
    applied.undo()
    assert interrupted.stopped == 2
    assert [what for what, _, _ in log.lines] == ["start", "stop"]


def test_a_later_plan_that_is_interrupted_gives_way_to_the_former(log: Log) -> None:
    apply_plan(WATCHED, [Log().service, Interrupted().service, log.service])
    with pytest.raises(KeyboardInterrupt):
        apply_plan(OTHER)
    assert [what for what, _, _ in log.lines] == ["start", "stop", "start"]


def test_what_turns_a_knob_runs_again_where_its_stop_was_interrupted(log: Log) -> None:
    apply_plan(WATCHED, [Interrupted(turns=("gc.threshold",)).service, log.service])
    with pytest.raises(KeyboardInterrupt):
        apply_plan(OTHER)
    assert [what for what, _, _ in log.lines] == ["start", "stop", "start"]


def test_the_handler_of_a_signal_may_undo_a_plan_that_is_being_undone(log: Log) -> None:
    stopped: list[bool] = []

    def stop() -> None:
        stopped.append(True)
        if len(stopped) == 1:
            reset()

    applied = apply_plan(WATCHED, [log.service, Service((), lambda _: stop)])
    applied.undo()
    assert [what for what, _, _ in log.lines] == ["start", "stop"]
    assert gc.get_threshold()[0] != 5000
