"""What a collection costs is told from those captured: looking at objects, and freeing some."""

from __future__ import annotations

import pytest

from gctune.simulator.cost import Sample, fit
from gctune.simulator.generations import OLD, YOUNG

LOOK, FREE, COLD = 50, 200, 3  # nanoseconds an object, and how many times dearer a cold one is
OLD_FREE = 400  # nanoseconds, for one that has grown old


def young(collected: int) -> Sample:
    return Sample(YOUNG, 2000, collected, 2000 * LOOK + collected * FREE, 1)


def old(examined: int, collected: int) -> Sample:
    return Sample(OLD, examined, collected, examined * LOOK * COLD + collected * OLD_FREE, 1)


CAPTURED = [*[young(0), young(500)] * 10, old(1_000_000, 0), old(1_000_000, 300_000)]


def test_it_comes_to_what_was_captured() -> None:
    model = fit(CAPTURED)
    for one in CAPTURED:
        assert model.ratio(one) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("examined", [10_000, 1_000_000])
def test_what_has_grown_old_is_dearer_to_free_however_large_the_heap_is(examined: int) -> None:
    model = fit(CAPTURED)
    nothing, much = (model.cost_ns(OLD, examined, freed) for freed in (0, 3000))
    assert much - nothing == pytest.approx(3000 * OLD_FREE, rel=0.02)
    assert model.freeing_ns(YOUNG, 3000) == pytest.approx(3000 * FREE, rel=0.02)


def test_looking_takes_half_of_a_collection_at_least() -> None:
    model = fit([*CAPTURED[:20], Sample(OLD, 1 << 17, 1 << 17, 4_000_000, 1)])
    assert model.cost_ns(OLD, 1 << 17, 0) == pytest.approx(2_000_000, rel=0.02)
