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
from gctune.recommender.judgement import Verdict
from gctune.recommender.recommendation import recommend
from gctune.recommender.search import Goal
from gctune.settings.quantities import Ratio

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
    made = profile(_collections(windows, cost), cpu_seconds=float(len(windows)))
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
    assert seen.of(NO_FULL).gc_share == pytest.approx(0.13, abs=0.03)
    assert 0.2 < seen.of(OWN).gc_share < 0.35


def test_a_few_blocks_tell_nothing() -> None:
    assert explored([exploring(lambda *_: young(5), blocks=5)]) is None


def test_a_capture_that_did_not_explore_tells_nothing() -> None:
    assert explored([profile([collection()])]) is None


def test_why_it_ended_is_told() -> None:
    seen = explored([exploring(lambda *_: young(5))])
    assert seen is not None
    assert seen.ended == ("all windows are done",)
    assert seen.blocks == 30


def test_a_recommendation_goes_by_what_was_seen() -> None:
    made = exploring(lambda setting, _: young(2 if setting == FEWER else 10))
    answer = recommend([made], Goal.THROUGHPUT, Ratio(0.1), None)
    assert answer.verdict == Verdict.CHANGE
    assert answer.settings == {"gc.threshold0": 20_000, "gc.threshold1": 10, "gc.threshold2": 10}
    assert any("not from a replay" in note for note in answer.notes)


def test_what_exploring_set_is_not_told_as_the_programs_doing() -> None:
    made = exploring(lambda *_: young(5))
    readings = [replace(made.readings[0], time_ns=at * SECOND, thresholds=NO_FULL) for at in (1, 2)]
    answer = recommend([replace(made, readings=tuple(readings))], Goal.THROUGHPUT, Ratio(0.1), None)
    assert answer.evidence[0].thresholds == OWN
    assert [told for told in answer.evidence[0].told if "thresholds" in told] == []


def test_settings_that_make_no_difference_are_left_alone() -> None:
    answer = recommend([exploring(lambda *_: young(5))], Goal.THROUGHPUT, Ratio(0.1), None)
    assert answer.verdict == Verdict.LEAVE_ALONE


def test_exploring_that_came_to_nothing_is_told_of() -> None:
    made = exploring(lambda *_: young(5), blocks=2)
    answer = recommend([made], Goal.THROUGHPUT, Ratio(0.1), None)
    assert any("exploring ended before" in note for note in answer.notes)


def test_settings_that_were_given_up_are_told_of_and_left_out() -> None:
    made = exploring(lambda *_: young(5))
    greedy = Switch(-1, -1, (5000, 10, 10), "window")
    seen = explored([replace(made, switches=(greedy, *made.switches))])
    assert seen is not None
    assert {one.thresholds for one in seen.tried} == {OWN, FEWER, NO_FULL}
    assert "5000/10/10 was given up: memory grew under it" in seen.told()
