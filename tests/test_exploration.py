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
from gctune.recommender.windows import windows_of
from gctune.settings.quantities import Ratio

SECOND = 10**9
OWN, SOME, FEWER = (2000, 10, 10), (5000, 10, 10), (20_000, 10, 10)
MOST = 2**31 - 1  # that a threshold can be
NO_FULL = (2000, 10, 1000)  # never tried
# What a window collects: each a generation, its CPU time and its blocks before and after.
Cost = Callable[[tuple[int, int, int], int], list[tuple[int, int, int, int]]]


def exploring(
    cost: Cost,
    blocks: int = 30,
    seed: int = 3,
    settings: tuple[tuple[int, int, int], ...] = (OWN, SOME, FEWER),
) -> Profile:
    """A capture with a second of CPU time a window, by `settings`, the program's own first.

    `cost` gives the collections of a setting's window, by generation and CPU time.
    """
    draw = Random(seed)
    windows = [one for _ in range(blocks) for one in draw.sample(settings, len(settings))]
    switches = [
        Switch(place * SECOND, place * SECOND, window, "window")
        for place, window in enumerate(windows)
    ]
    end = Switch(len(windows) * SECOND, len(windows) * SECOND, settings[0], "all windows are done")
    made = profile(_collections(windows, cost), cpu_seconds=float(len(windows)))
    header = replace(made.header, thresholds=settings[0])
    return replace(made, header=header, switches=(*switches, end))


def _collections(windows: list[tuple[int, int, int]], cost: Cost) -> Iterator[Collection]:
    for place, window in enumerate(windows):
        each = cost(window, place)
        for number, (generation, cpu_ns, before, after) in enumerate(each):
            yield collection(
                generation,
                start_ns=place * SECOND + (number + 1) * SECOND // (len(each) + 1),
                cpu_ns=cpu_ns,
                count0=window[0] + 1,
                blocks_before=before,
                blocks_after=after,
            )


def young(millions: int, number: int = 20, freed: int = 0) -> list[tuple[int, int, int, int]]:
    """The young collections of a window, every fifth of generation 1."""
    return [
        (int(place % 5 == 2), millions * 10**6, 10**6, 10**6 - freed) for place in range(number)
    ]


def full(freed: int = 0) -> list[tuple[int, int, int, int]]:
    return [(2, 200 * 10**6, 10**6, 10**6 - freed)]


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


def test_the_collection_that_ends_a_window_counts_as_far_as_it_had_come() -> None:
    def ended(setting: tuple[int, int, int]) -> Profile:
        """Three and a half collections are due in a second, and paid in it."""
        columns = [collection(0, cpu_ns=10**8, start_ns=10**8, count0=setting[0] + 1)] * 3
        last = collection(1, cpu_ns=10**8, start_ns=2 * 10**8, count0=setting[0] // 2)
        return profile([*columns, last])

    switches = (Switch(0, 0, OWN, "window"), Switch(SECOND, SECOND, OWN, "window"))
    (window,) = windows_of(replace(ended(OWN), switches=switches))
    assert window.due == pytest.approx(3.5, abs=0.01)
    assert (window.young, window.middle) == pytest.approx((0.3, 0.1))
    assert window.other == pytest.approx(0.6)


def test_a_window_that_was_cut_off_is_left_out() -> None:
    made = exploring(lambda *_: young(5))
    cut = replace(made.switches[1], reason="fork")
    kept = replace(made, switches=(made.switches[0], cut, *made.switches[2:]))
    assert len(list(windows_of(kept))) == len(list(windows_of(made))) - 2


def test_full_collections_are_charged_by_how_often_the_rules_let_them_come() -> None:
    """One falls due every other window or so, whatever is in force."""
    due = Random(1)

    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int, int, int]]:
        return [*young(2, 60), *(full() if due.random() < 0.5 else [])]

    seen = explored([exploring(cost)])
    assert seen is not None
    young_share = seen.of(NO_FULL).gc_share
    assert young_share == pytest.approx(0.12 / 0.78, rel=0.1)
    assert seen.of(OWN).gc_share == pytest.approx(young_share + 0.5 * 0.2 / 0.78, rel=0.15)
    assert seen.tried[0].thresholds[2] == 1000


def test_nothing_is_told_of_full_collections_more_often_than_they_were_seen() -> None:
    """Below its own threshold0 a program was explored with a larger threshold2."""
    large, lower = (20_000, 10, 10), (2000, 10, 118)
    seen = explored([exploring(lambda *_: [*young(1, 24), *full()], settings=(large, lower))])
    assert seen is not None
    told = sorted(one.thresholds for one in seen.tried)
    assert told[0] == lower
    assert min(two for zero, _, two in told if zero == large[0]) == 10


def test_no_threshold2_is_told_of_that_no_settings_can_say() -> None:
    made = exploring(lambda *_: young(5), settings=((2000, 10, MOST), (5000, 10, MOST)))
    seen = explored([made])
    assert seen is not None
    assert [one.thresholds[2] for one in seen.tried] == [MOST, MOST]


def test_garbage_waits_longer_where_full_collections_are_put_off() -> None:
    """It is found in full collections alone, every six seconds at its own settings."""

    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int, int, int]]:
        return [*young(1, 24), *(full(60_000) if place % 6 == 0 else [])]

    seen = explored([exploring(cost)])
    assert seen is not None
    assert seen.of(OWN).extra_bytes == (0, 0, 0)
    twenty = seen.of((2000, 10, 20)).extra_bytes
    assert twenty.low <= twenty.expected <= twenty.high
    assert twenty.expected > 0
    assert seen.of(NO_FULL).extra_bytes.expected > 5 * twenty.expected
    assert seen.of(NO_FULL).later_bytes > 0


def test_settings_that_hold_more_garbage_than_the_budget_are_not_recommended() -> None:
    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int, int, int]]:
        return [*young(1, 24), *(full(200_000) if place % 6 == 0 else [])]

    answer = recommend([exploring(cost)], Goal.THROUGHPUT, Ratio(0.1), None)
    assert answer.verdict == Verdict.LEAVE_ALONE
    answer = recommend([exploring(cost)], Goal.THROUGHPUT, Ratio(9.0), None)
    assert answer.verdict == Verdict.CHANGE


def test_a_few_blocks_tell_nothing() -> None:
    assert explored([exploring(lambda *_: young(5), blocks=5)]) is None


@pytest.mark.parametrize("processes", [1, 6, 30])
def test_captures_that_did_not_explore_tell_nothing(processes: int) -> None:
    assert explored([profile([collection()])] * processes) is None


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
    readings = [replace(made.readings[0], time_ns=at * SECOND, thresholds=SOME) for at in (1, 2)]
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
    greedy = Switch(-1, -1, (7000, 10, 10), "window")
    seen = explored([replace(made, switches=(greedy, *made.switches))])
    assert seen is not None
    assert set(seen.settings) == {OWN, SOME, FEWER}
    assert "7000/10/10 was given up: memory grew under it" in seen.told()


def test_full_collections_come_as_their_waits_say_whenever_exploring_begins_and_ends() -> None:
    """Every fourth window has one, the first and the last of all too."""

    def cost(setting: tuple[int, int, int], place: int) -> list[tuple[int, int, int, int]]:
        return [*young(1, 24), *(full(60_000) if place % 4 == 0 else [])]

    made = exploring(cost, blocks=7)
    windows = list(windows_of(made))
    waited, waits = (sum(each) for each in zip(*(window.waits for window in windows)))
    assert sum(window.fulls for window in windows) == 6
    assert waits == 5
    other = sum(window.other for window in windows) / len(windows)
    assert waited / waits == pytest.approx(4 * other, rel=0.02)
