"""What a collection costs is told from those captured: looking at objects, and freeing some."""

from __future__ import annotations

import pytest

from gctune.recommender.cost import Sample, fit
from gctune.recommender.generations import OLD, YOUNG

LOOK, FREE, COLD = 50, 200, 3  # nanoseconds an object, and how many times dearer a cold one is


def young(collected: int) -> Sample:
    return Sample(YOUNG, 2000, collected, 2000 * LOOK + collected * FREE, 1)


def old(examined: int, collected: int) -> Sample:
    return Sample(OLD, examined, collected, (examined * LOOK + collected * FREE) * COLD, 1)


CAPTURED = [*[young(0), young(500)] * 10, old(1_000_000, 0), old(1_000_000, 300_000)]


def test_it_comes_to_what_was_captured() -> None:
    model = fit(CAPTURED)
    for one in CAPTURED:
        assert model.ratio(one) == pytest.approx(1.0, rel=0.02)


def test_freeing_is_dearer_in_a_large_heap_as_looking_is() -> None:
    model = fit(CAPTURED)
    nothing, much = (model.cost_ns(OLD, 1_000_000, freed) for freed in (0, 300_000))
    assert much - nothing == pytest.approx(300_000 * FREE * COLD, rel=0.02)
    assert nothing == pytest.approx(1_000_000 * LOOK * COLD, rel=0.02)
