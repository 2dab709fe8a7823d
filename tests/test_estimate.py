"""Ranges of predicted figures, and how they come together."""

from __future__ import annotations

import pytest

from gctune.simulator.estimate import Estimate, by_chance, spread


def test_what_is_independent_adds_up_squared() -> None:
    assert Estimate(10, 7, 13).doubted(4, 4) == (10, 5, 15)
    assert Estimate.exact(10).doubted(4, 3) == (10, 7, 14)


def test_chance_widens_a_range_less_than_if_the_worst_came_together() -> None:
    estimates = [Estimate(10, 7, 13), Estimate(14, 11, 17), Estimate(6, 3, 9)]
    assert by_chance(estimates) == pytest.approx((10, 5, 15))
    assert spread(estimates) == (10, 3, 17)


def test_bounds_hold_nine_times_in_ten() -> None:
    estimate = Estimate(10, 7, 14)
    assert estimate.chance_above(14) == pytest.approx(0.1)
    assert estimate.chance_above(10) == pytest.approx(0.5)
    assert estimate.chance_above(7) == pytest.approx(0.9)
    assert Estimate.exact(10).chance_above(9) == 1
    assert Estimate.exact(10).chance_above(10) == 0
