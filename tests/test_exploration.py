"""What an exploring capture saw comes to each setting's cost, whatever else changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import pytest
from captured import collection, profile

from gctune.monitor.recorder import Collection
from gctune.profile.file import Profile
from gctune.profile.records import Switch
from gctune.recommender.exploration import explored

SECOND = 10**9
OWN, FEWER, NO_FULL = (2000, 10, 10), (20_000, 10, 10), (2000, 10, 1000)
Cost = Callable[[tuple[int, int, int], int], list[tuple[int, int]]]


def exploring(cost: Cost, blocks: int = 30, seed: int = 3) -> Profile:
    """A capture with a second of CPU time a window.

    `cost` gives the collections of a setting's window, by generation and CPU time.
    """
    draw = Random(seed)
    windows = [one for _ in range(blocks) for one in draw.sample((OWN, FEWER, NO_FULL), 3)]
    switches = [
        Switch(place * SECOND, place * SECOND, window, "window")
        for place, window in enumerate(windows)
    ]
    end = Switch(len(windows) * SECOND, len(windows) * SECOND, OWN, "all windows are done")
    made = profile(_collections(windows, cost))
    return replace(made, switches=(*switches, end))


def _collections(windows: list[tuple[int, int, int]], cost: Cost) -> Iterator[Collection]:
    for place, window in enumerate(windows):
        each = cost(window, place)
        for number, (generation, cpu_ns) in enumerate(each):
            start = place * SECOND + (number + 1) * SECOND // (len(each) + 1)
            yield collection(generation, start_ns=start, cpu_ns=cpu_ns)


def young(millions: int, number: int = 20) -> list[tuple[int, int]]:
    """The young collections of a window, every fifth of generation 1."""
    return [(int(place % 5 == 2), millions * 10**6) for place in range(number)]


def test_the_cheapest_setting_is_found_with_its_interval() -> None:
    seen = explored([exploring(lambda setting, _: young(5 if setting == FEWER else 10))])
    assert seen is not None
    assert seen.own == OWN
    assert seen.tried[0].thresholds == FEWER
    best = seen.of(FEWER).cpu
    assert best.low <= best.expected <= best.high
    assert best.expected == pytest.approx((1 + 0.1 / 0.9) / (1 + 0.2 / 0.8), rel=0.01)
    assert seen.of(OWN).cpu == (1, 1, 1)


def test_a_drift_of_the_program_falls_on_all_settings_alike() -> None:
    """The work of a collection doubles over the run; settings differ by nothing."""
    seen = explored([exploring(lambda _, place: young(5 + place // 18))])
    assert seen is not None
    for one in seen.tried:
        assert one.cpu.low <= 1 <= one.cpu.high
        assert one.cpu.expected == pytest.approx(1, abs=0.02)


def test_what_a_switch_leaves_behind_is_not_charged_to_the_next_window() -> None:
    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int]]:
        return [(0, 90 * 10**6), *young(5)] if setting == OWN else young(5)

    seen = explored([exploring(cost)])
    assert seen is not None
    assert seen.of(OWN).gc_share == pytest.approx(seen.of(FEWER).gc_share, rel=0.15)


def test_full_collections_are_charged_to_those_that_let_them_happen() -> None:
    """One falls due every two windows or so, and comes in the next that lets it."""
    due = Random(1)

    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int]]:
        full = setting != NO_FULL and due.random() < 0.7
        return [*young(2, 60), (2, 200 * 10**6)] if full else young(2, 60)

    seen = explored([exploring(cost)])
    assert seen is not None
    assert seen.tried[0].thresholds == NO_FULL
    assert seen.of(NO_FULL).gc_share == pytest.approx(0.12, abs=0.02)
    assert 0.15 < seen.of(OWN).gc_share < 0.25


def test_a_few_blocks_tell_nothing() -> None:
    assert explored([exploring(lambda *_: young(5), blocks=5)]) is None


def test_a_capture_that_did_not_explore_tells_nothing() -> None:
    assert explored([profile([collection()])]) is None


def test_why_it_ended_is_told() -> None:
    seen = explored([exploring(lambda *_: young(5))])
    assert seen is not None
    assert seen.ended == ("all windows are done",)
    assert seen.blocks == 30
