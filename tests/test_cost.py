"""What a collection costs is told from those captured: looking at objects, and freeing some."""

from __future__ import annotations

import pytest

from gctune.simulator.cost import Sample, fit
from gctune.simulator.generations import OLD, YOUNG

LOOK, FREE, COLD = 50, 200, 3  # nanoseconds an object, and how many times dearer a cold one is


def young(collected: int) -> Sample:
    return Sample(YOUNG, 2000, collected, 2000 * LOOK + collected * FREE, 1)


def old(examined: int, collected: int) -> Sample:
    return Sample(OLD, examined, collected, examined * LOOK * COLD + collected * FREE, 1)


CAPTURED = [*[young(0), young(500)] * 10, old(1_000_000, 0), old(1_000_000, 300_000)]


def test_it_comes_to_what_was_captured() -> None:
    model = fit(CAPTURED)
    for one in CAPTURED:
        assert model.ratio(one) == pytest.approx(1.0, rel=0.02)


def test_what_is_freed_has_just_been_looked_at_so_that_it_is_no_dearer_in_a_large_heap() -> None:
    model = fit(CAPTURED)
    nothing, much = (model.cost_ns(OLD, 1_000_000, freed) for freed in (0, 300_000))
    assert much - nothing == pytest.approx(300_000 * FREE, rel=0.02)


def test_looking_takes_half_of_a_collection_at_least() -> None:
    model = fit([*CAPTURED[:20], Sample(OLD, 1 << 17, 1 << 17, 4_000_000, 1)])
    assert model.cost_ns(OLD, 1 << 17, 0) == pytest.approx(2_000_000, rel=0.02)
