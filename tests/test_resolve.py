"""Settings and a host's facts, turned into a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gctune.errors import ConfigError
from gctune.host import Host
from gctune.host.container import Container, Limit
from gctune.host.interpreter import Collector, Interpreter
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import Plan, Status, Step
from gctune.services import services
from gctune.settings.layers import dotted, leaves
from gctune.settings.resolve import resolve
from gctune.settings.sources import Loaded, load

GENERATIONAL = Interpreter("cpython", (3, 13, 0), Collector.GENERATIONAL, (2000, 10, 10), "glibc")
INCREMENTAL = Interpreter("cpython", (3, 14, 2), Collector.INCREMENTAL, (2000, 10, 0), "glibc")
FREE_THREADED = Interpreter("cpython", (3, 14, 6), Collector.FREE_THREADED, (2000, 10, 10), "glibc")
UNKNOWN = Interpreter("pypy", (3, 11, 0), Collector.UNKNOWN, (0, 0, 0), "glibc")
MUSL = GENERATIONAL._replace(libc="")

TEXTS = st.lists(st.text())
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STEPS = st.builds(Step, st.text(), VALUES, st.text(), st.text(), st.text())

GIB = 2**30
POOLS_OF_TEST = {"pools.buffer.max_size": 10, "pools.request.max_size": 5}
SOURCE = "memory.max of /sys/fs/cgroup/app"


def settings(environment: str = "production", **sections: Any) -> Loaded:
    nowhere = Path(__file__).parent / "nowhere"
    return load(sections, environment=environment, environ={}, directory=nowhere)


def host(limit: int | None = None, interpreter: Interpreter = GENERATIONAL) -> Host:
    known = Limit(limit, SOURCE) if limit else None
    return Host(interpreter, Container(known, None, None, (), "v2"), 2)


def step(plan: Plan, setting: str) -> Step:
    (found,) = [step for step in plan.steps if step.setting == setting]
    return found


@pytest.mark.parametrize("interpreter", [GENERATIONAL, INCREMENTAL, FREE_THREADED, UNKNOWN, MUSL])
def test_every_setting_is_in_the_plan_with_a_reason_and_its_origin(
    interpreter: Interpreter,
) -> None:
    loaded = settings(gc={"freeze": "fork"}, pools={"mine": {"max_size": 3}})
    plan = resolve(loaded, host(interpreter=interpreter))
    names = [dotted(path) for path, _ in leaves(loaded.settings)]
    assert [step.setting for step in plan.steps] == names
    assert all(step.reason for step in plan.steps)
    assert {step.setting: step.origin for step in plan.steps} == dict(loaded.origins)


def test_a_plan_survives_its_journey() -> None:
    plan = resolve(settings(monitor={"token": "hunter2"}), host(4 * GIB))
    assert Plan.from_text(plan.to_text()) == plan
    assert "hunter2" not in plan.to_text()


@given(st.builds(Plan, st.text(), st.text(), st.lists(STEPS).map(tuple), TEXTS.map(tuple)))
def test_nothing_is_lost_or_breaks_the_line_on_a_plan_s_journey(plan: Plan) -> None:
    assert Plan.from_text(plan.to_text()) == plan
    assert len(plan.to_text().splitlines()) == 1


def test_what_is_asked_for_is_applied() -> None:
    wishes = {"threshold0": 5000, "enabled": True, "freeze": "fork"}
    plan = resolve(settings("test", gc=wishes, memory={"arenas": 2, "trim": "1MiB"}), host())
    assert {step.setting: step.value for step in plan.steps if step.status == Status.APPLIED} == {
        **POOLS_OF_TEST,
        "gc.threshold0": 5000,
        "gc.enabled": True,
        "gc.freeze": "fork",
        "memory.trim": 2**20,
        "memory.arenas": 2,
    }
    assert (plan.environment, plan.interpreter) == ("test", GENERATIONAL.tag)


def test_what_nobody_asked_for_is_left_alone() -> None:
    plan = resolve(settings("test"), host())
    applied = {step.setting for step in plan.steps if step.status == Status.APPLIED}
    assert applied == {*POOLS_OF_TEST}  # whose sizes are the preset's
    assert step(plan, "gc.threshold0").reason == "CPython's own 2000"
    assert step(plan, "gc.enabled").reason == "as the program has it"
    assert plan.value("gc.threshold0") is None


@pytest.mark.parametrize(
    ("interpreter", "setting", "reason"),
    [
        (INCREMENTAL, "gc.threshold2", "ignores it"),
        (FREE_THREADED, "gc.freeze", "walks frozen objects"),
        (UNKNOWN, "gc.threshold0", "does not know the collector"),
        (MUSL, "memory.arenas", "no mallopt"),
        (MUSL, "memory.trim", "no mallopt"),
    ],
)
def test_what_means_nothing_here_is_unsupported_with_the_reason(
    interpreter: Interpreter, setting: str, reason: str
) -> None:
    wishes = {"threshold0": 5000, "threshold2": 5, "freeze": "fork"}
    loaded = settings(gc=wishes, memory={"arenas": 2, "trim": "1MiB"})
    found = step(resolve(loaded, host(interpreter=interpreter)), setting)
    assert found.status == Status.UNSUPPORTED
    assert found.value is not None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("memory", "container", "value", "words"),
    [
        ({}, None, 2 * GIB, "advisory"),
        ({}, 8 * GIB, 2 * GIB, "advisory"),
        ({}, GIB, GIB - GIB // 10, "of headroom"),
        ({}, 256 * 2**20, 192 * 2**20, "64MiB of headroom"),
        ({}, 96 * 2**20, 48 * 2**20, "48MiB of headroom"),
        ({"limit": "auto"}, None, None, "no container limit is known"),
        ({"limit": "auto"}, 4 * GIB, 4 * GIB - 4 * GIB // 10, "the container's 4GiB"),
        ({"limit": "auto", "headroom": "1GiB"}, 4 * GIB, 3 * GIB, "1GiB of headroom"),
        ({"limit": "50%"}, 4 * GIB, 2 * GIB, f"50% of the container's 4GiB ({SOURCE})"),
        ({"limit": "100%"}, 4 * GIB, 4 * GIB - 4 * GIB // 10, "of headroom"),
        ({"limit": "50%"}, None, None, "no container limit is known to take 50% of"),
        ({"limit": "3GiB"}, 4 * GIB, 3 * GIB, "as set"),
        ({"limit": "4GiB"}, 4 * GIB, 4 * GIB, "as set"),
        ({"limit": "3GiB"}, None, 3 * GIB, "as set"),
    ],
)
def test_the_soft_limit_follows_from_settings_and_container(
    memory: dict[str, str], container: int | None, value: int | None, words: str
) -> None:
    found = step(resolve(settings(memory=memory), host(container)), "memory.limit")
    assert (found.value or 0) == pytest.approx(value or 0, abs=1)
    assert (found.value is None) == (value is None)
    assert words in found.reason
    assert ("advisory" in found.reason) == ("advisory" in words)
    assert found.status == (Status.APPLIED if value else Status.LEFT_ALONE)


def test_a_hard_limit_that_no_python_starts_in_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"memory.hard_limit = 0.1%: less than 1MiB of the cont"):
        resolve(settings(memory={"hard_limit": "0.1%"}), host(GIB // 2))


def test_a_hard_limit_is_a_share_of_the_container_s() -> None:
    loaded = settings(memory={"hard_limit": "50%"})
    found = step(resolve(loaded, host(4 * GIB)), "memory.hard_limit")
    assert (found.status, found.value) == (Status.APPLIED, 2 * GIB)
    found = step(resolve(loaded, host()), "memory.hard_limit")
    assert (found.status, found.value) == (Status.LEFT_ALONE, None)
    assert found.reason == "no container limit is known to take 50% of"


def test_a_limit_above_the_container_s_is_a_problem_with_its_source() -> None:
    loaded = settings(memory={"limit": "8GiB", "headroom": "4GiB"})
    with pytest.raises(ConfigError) as caught:
        resolve(loaded, host(4 * GIB))
    assert caught.value.problems == (
        f"memory.limit = 8GiB: above the container's 4GiB ({SOURCE}); lower it, or use '90%'",
        f"memory.headroom = 4GiB: all of the container's 4GiB ({SOURCE}); lower it, or use '10%'",
    )


def test_such_a_problem_goes_by_the_name_the_user_typed(tmp_path: Path) -> None:
    variables = {"GCTUNE_MEMORY__LIMIT": "8GiB"}
    loaded = load(environment="test", environ=variables, directory=tmp_path)
    with pytest.raises(ConfigError, match="GCTUNE_MEMORY__LIMIT = 8GiB: above"):
        resolve(loaded, host(4 * GIB))


@pytest.mark.parametrize(
    ("sections", "container", "warned"),
    [
        ({}, None, False),
        ({"gc": {"threshold0": 5000}}, None, True),
        ({"gc": {"threshold0": 2000}}, None, False),
        ({"gc": {"threshold1": 11}}, None, True),
        ({"gc": {"enabled": False}}, None, True),
        ({"gc": {"enabled": False}}, GIB, False),
        ({"gc": {"threshold0": 5000}, "memory": {"limit": "1GiB"}}, None, False),
        ({"gc": {"threshold0": 5000}, "memory": {"limit": "80%"}}, None, True),
        ({"gc": {"threshold0": 5000}, "memory": {"hard_limit": "1GiB"}}, None, False),
    ],
)
def test_collecting_less_with_no_known_limit_is_warned_of(
    sections: dict[str, Any], container: int | None, warned: bool
) -> None:
    warnings = resolve(settings(**sections), host(container)).warnings
    assert any("no memory limit known" in warning for warning in warnings) == warned


def test_a_limit_without_the_gil_is_warned_of() -> None:
    limited = settings(memory={"limit": "512MiB"})
    (warning,) = resolve(limited, host(interpreter=FREE_THREADED)).warnings
    assert "gives little back" in warning
    assert resolve(settings(), host(interpreter=FREE_THREADED)).warnings == ()


def test_the_incremental_collector_is_warned_of() -> None:
    warnings = resolve(settings(), host(interpreter=INCREMENTAL)).warnings
    assert "3.14.5 or later" in warnings[0]
    assert resolve(settings(), host()).warnings == ()


BUDGET = {"garbage_budget": "8MiB"}


def test_a_pool_s_size_is_in_the_plan_for_the_pool_to_find() -> None:
    plan = resolve(settings(pools={"buffer": {"max_size": 7}}), host())
    assert plan.value("pools.buffer.max_size") == 7
    assert "gctune.pool" in step(plan, "pools.buffer.max_size").reason


def test_whatever_a_plan_says_it_applies_a_knob_or_a_service_acts_on() -> None:
    begins = tuple(begin for service in services(lambda: None) for begin in service.settings)
    for each in resolve(settings(gc={"mode": "adaptive", "when": "idle"}), host(GIB)).steps:
        acted_on = each.setting in KNOBS or each.setting.startswith(begins)
        assert acted_on or each.status != Status.APPLIED, each


def test_adaptive_mode_is_planned_with_what_it_is_held_to() -> None:
    plan = resolve(settings(gc={"mode": "adaptive"}), host())
    assert plan.value("gc.mode") == "adaptive"
    assert plan.value("gc.pause_target") == 0.01
    assert plan.value("memory.garbage_budget") == 0.1
    sections = {"gc": {"mode": "adaptive", "pause_target": "5ms"}, "memory": BUDGET}
    plan = resolve(settings(**sections), host())
    assert plan.value("gc.pause_target") == 0.005
    assert plan.value("memory.garbage_budget") == 8 << 20


def test_static_mode_is_the_default_and_moves_nothing() -> None:
    plan = resolve(settings(memory=BUDGET), host())
    for setting in ("gc.mode", "gc.pause_target", "memory.garbage_budget"):
        assert step(plan, setting).status == Status.LEFT_ALONE


def test_adaptive_mode_is_left_alone_where_the_collector_is_off() -> None:
    plan = resolve(settings(gc={"mode": "adaptive", "enabled": False}), host())
    for setting in ("gc.mode", "gc.pause_target", "memory.garbage_budget"):
        found = step(plan, setting)
        assert found.status == Status.LEFT_ALONE
        assert found.reason == "gc.enabled is false: there is no pace to find"


def test_adaptive_mode_says_why_on_a_collector_that_it_does_not_pace() -> None:
    loaded = settings(gc={"mode": "adaptive"})
    reasons = set()
    for interpreter in (INCREMENTAL, FREE_THREADED, UNKNOWN):
        found = step(resolve(loaded, host(interpreter=interpreter)), "gc.mode")
        assert found.status == Status.UNSUPPORTED
        reasons.add(found.reason)
    assert len(reasons) == 3


def test_full_collections_wait_only_where_there_are_any() -> None:
    loaded = settings(gc={"when": "idle"})
    assert step(resolve(loaded, host()), "gc.when").status == Status.APPLIED
    for interpreter in (INCREMENTAL, FREE_THREADED, UNKNOWN):
        found = step(resolve(loaded, host(interpreter=interpreter)), "gc.when")
        assert found.status == Status.UNSUPPORTED
        assert "cannot wait" in found.reason
