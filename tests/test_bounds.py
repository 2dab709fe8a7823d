"""What to stay under, by the plan and by what the container allows at this moment."""

from __future__ import annotations

import pytest
from children import plan

from gctune.memory.bounds import Bound, Bounds, bounds_of

MIB = 1 << 20
GIB = 1 << 30
ROOM = GIB // 10


def bounds(planned: int, *, own: bool, container: int | None) -> Bounds:
    return Bounds(planned, own, ROOM, container)


def test_without_a_container_the_planned_limit_holds() -> None:
    assert bounds(GIB, own=True, container=None).at(None, 0) == Bound(GIB, None, True)
    assert bounds(GIB, own=False, container=None).at(None, 0) == Bound(GIB, None, False)


def test_a_limit_from_the_container_follows_it_up_and_down() -> None:
    from_there = bounds(GIB - ROOM, own=False, container=GIB)
    assert from_there.at(GIB, 0) == Bound(GIB - ROOM, GIB, True)
    assert from_there.at(2 * GIB, 0) == Bound(2 * GIB - ROOM, 2 * GIB, True)
    assert from_there.at(GIB // 2, 0) == Bound(GIB // 2 - ROOM, GIB // 2, True)


def test_a_limit_of_ones_own_stands_as_long_as_the_container_allows_it() -> None:
    own = bounds(GIB, own=True, container=4 * GIB)
    assert own.at(4 * GIB, 0) == Bound(GIB, 4 * GIB, True)
    assert own.at(GIB // 2, 0) == Bound(GIB // 2 - ROOM, GIB // 2, True)


def test_a_preset_is_advisory_until_the_container_s_own_limit_is_near() -> None:
    preset = bounds(GIB, own=False, container=4 * GIB)
    near = int((4 * GIB - ROOM) * 0.9)
    assert preset.at(4 * GIB, 2 * GIB) == Bound(GIB, near, False)
    assert preset.at(4 * GIB, near) == Bound(4 * GIB - ROOM, 4 * GIB, True)


def test_a_container_that_appears_later_is_enforced_when_it_is_near() -> None:
    preset = bounds(2 * GIB, own=False, container=None)
    assert preset.at(GIB, 0) == Bound(GIB - ROOM, GIB, True)


def test_half_of_a_limit_is_left_where_the_headroom_would_take_all() -> None:
    tiny = bounds(32 * MIB, own=False, container=64 * MIB)
    assert tiny.at(64 * MIB, 0).limit == 32 * MIB


def test_they_are_read_from_a_plan() -> None:
    asked = plan(memory__limit=GIB, memory__headroom=ROOM)
    assert bounds_of(asked, GIB) == Bounds(GIB, True, ROOM, GIB)
    preset = plan(origin="preset production", memory__limit=GIB)
    assert bounds_of(preset, None) == Bounds(GIB, False, 0, None)


@pytest.mark.parametrize("asked", [plan(), plan(status="left alone", memory__limit=GIB)])
def test_a_plan_that_puts_no_limit_in_force_has_none(asked: object) -> None:
    assert bounds_of(asked, GIB) is None  # type: ignore[arg-type]
