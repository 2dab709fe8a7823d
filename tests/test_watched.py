"""What of the monitor's settings comes into a plan, and why the rest does not."""

from __future__ import annotations

import os
from typing import Any

import pytest
from test_resolve import GIB, host, settings, step

from gctune.errors import ConfigError
from gctune.runtime.plan import Plan, Status
from gctune.settings.resolve import resolve


def planned(level: str, limit: int | None = None, **sections: Any) -> Plan:
    monitor = {"level": level, **sections.pop("monitor", {})}
    return resolve(settings("test", monitor=monitor, **sections), host(limit))


def test_a_monitor_is_planned_in_plain_numbers() -> None:
    plan = planned("detailed", monitor={"interval": "200ms"}, alerts={"leak": {"hold": "2h"}})
    assert plan.value("monitor.level") == "detailed"
    assert plan.value("monitor.interval") == 0.2
    assert plan.value("alerts.heap.threshold") == 500_000_000
    assert plan.value("alerts.gc_pause.threshold") == 0.1
    assert plan.value("alerts.allocation_rate.threshold") == 50_000_000
    assert Plan.from_text(plan.to_text()) == plan


def test_level_off_has_nothing_run() -> None:
    plan = planned("off")
    watched = [step for step in plan.steps if step.setting.startswith(("monitor.", "alerts."))]
    assert {step.status for step in watched} == {Status.LEFT_ALONE}
    assert step(plan, "alerts.heap.threshold").reason == "monitor.level is off"


@pytest.mark.parametrize(
    ("setting", "level", "reason"),
    [
        ("alerts.leak.hold", "detailed", "not asked for"),
        ("alerts.gc_pause.threshold", "basic", "level basic sees no single pause; detailed does"),
        ("alerts.gc_pause.hold", "basic", "level basic sees no single pause; detailed does"),
        (
            "alerts.thrashing.threshold",
            "basic",
            "level basic sees no time in collections before Python 3.15; detailed does",
        ),
        ("monitor.trace", "basic", "level basic traces no allocations; debug does"),
    ],
)
def test_what_a_level_cannot_do_is_left_alone(setting: str, level: str, reason: str) -> None:
    found = step(planned(level, monitor={"trace": True}, memory={"limit": "auto"}), setting)
    assert (found.status, found.reason) == (Status.LEFT_ALONE, reason)


def test_where_a_limit_is_kept_every_level_can_tell_that_it_cannot_be() -> None:
    plan = planned("basic", memory={"limit": "1GiB"})
    assert plan.value("alerts.thrashing.threshold") == 0.5


def test_a_share_of_the_limit_becomes_bytes() -> None:
    alerts = {"heap": {"threshold": "50%"}}
    assert planned("basic", 4 * GIB, alerts=alerts).value("alerts.heap.threshold") == 2 * GIB
    without = step(planned("basic", alerts=alerts), "alerts.heap.threshold")
    assert without.status == Status.LEFT_ALONE
    assert "no container limit is known" in without.reason


@pytest.mark.parametrize(
    ("monitor", "folder"),
    [
        ({"workers": "/run/app/gctune"}, "/run/app/gctune"),
        ({"http": "127.0.0.1:6060"}, "private"),
        ({"http": "unix:/run/app.sock"}, "private"),
        ({"http": "127.0.0.1:6060", "workers": "/run/app/gctune"}, "/run/app/gctune"),
        ({"http": "127.0.0.1:0"}, None),
        ({"http": "unix:/run/app.{pid}.sock"}, None),
        ({}, None),
    ],
)
def test_workers_that_share_an_address_share_a_folder(
    monitor: dict[str, str], folder: str | None
) -> None:
    assert planned("basic", monitor=monitor).value("monitor.workers") == folder


@pytest.mark.parametrize("monitor", [{"http": "127.0.0.1:6060"}, {"workers": "/run/app/gctune"}])
def test_a_system_without_users_has_no_folder_for_workers(
    monitor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "geteuid")
    found = step(planned("basic", monitor=monitor), "monitor.workers")
    assert found.status == Status.UNSUPPORTED
    assert found.reason == "this system cannot say whose a folder is"


@pytest.mark.parametrize("folder", ["run/gctune", "", "/run/\0", 5])
def test_a_folder_for_workers_is_named_by_its_whole_path(folder: object) -> None:
    with pytest.raises(ConfigError, match=r"monitor\.workers = .*: not a folder; give its whole"):
        planned("basic", monitor={"workers": folder})
