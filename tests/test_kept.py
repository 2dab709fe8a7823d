"""What the settings of the soft limit become in a plan."""

from __future__ import annotations

from typing import Any

import pytest
from test_resolve import GIB, SOURCE, host, settings, step

from gctune.runtime.plan import Status
from gctune.settings.resolve import resolve


def outcome(
    setting: str, container: int | None = None, environment: str = "production", **memory: Any
) -> tuple[object, str, str]:
    found = step(resolve(settings(environment, memory=memory), host(container)), setting)
    return found.value, found.status, found.reason


def test_a_limit_says_whether_it_is_enforced_and_why() -> None:
    assert outcome("memory.limit", limit="3GiB") == (3 * GIB, Status.APPLIED, "enforced: as set")
    size, status, reason = outcome("memory.limit", GIB)
    assert (size, status) == (GIB - GIB // 10, Status.APPLIED)
    assert reason.startswith(f"enforced: the container's 1GiB ({SOURCE}) less")
    size, status, reason = outcome("memory.limit")
    assert (size, status) == (2 * GIB, Status.APPLIED)
    assert reason == "advisory, as set by the preset: relief takes at most 2% of CPU"


def test_an_advisory_limit_runs_nothing_where_nothing_is_watched() -> None:
    size, status, reason = outcome("memory.limit", environment="test")
    assert (size, status) == (GIB // 2, Status.LEFT_ALONE)
    assert "monitor.level is off" in reason
    assert outcome("memory.limit", GIB // 2, environment="test")[1] == Status.APPLIED


def test_the_headroom_is_kept_below_the_container_s_limit() -> None:
    assert outcome("memory.headroom", 4 * GIB, headroom="1GiB") == (
        GIB,
        Status.APPLIED,
        f"kept free below the container's 4GiB ({SOURCE})",
    )
    assert outcome("memory.headroom") == (
        "10%",
        Status.LEFT_ALONE,
        "no container limit is known to keep it below",
    )


@pytest.mark.parametrize(
    ("memory", "value", "status", "words"),
    [
        ({}, None, Status.LEFT_ALONE, "not asked for"),
        ({"recycle": "1GiB"}, GIB, Status.APPLIED, "as set"),
        ({"recycle": "50%", "limit": "3GiB"}, 3 * GIB // 2, Status.APPLIED, "50% of memory.limit"),
        ({"recycle": "50%", "limit": "auto"}, None, Status.LEFT_ALONE, "no container limit"),
    ],
)
def test_recycle_is_a_size_or_a_share_of_the_memory_limit(
    memory: dict[str, str], value: int | None, status: str, words: str
) -> None:
    size, found, reason = outcome("memory.recycle", **memory)
    assert (size, found) == (value, status)
    assert words in reason
