"""How long garbage lived, by what the captured collections found and left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from captured import collection

from gctune.monitor.recorder import Collection
from gctune.recommender.columns import Columns
from gctune.recommender.garbage import Garbage, ages


def spans(*left: int) -> Iterator[Collection]:
    """Spans of generation 2, whose full collections free 600 objects and leave so many blocks."""
    for blocks in left:
        for number in range(132):
            yield collection(int(number % 12 == 11))
        found = {"collected": 600, "blocks_before": blocks + 1200, "blocks_after": blocks}
        yield collection(2, **found)


def lives(*left: int) -> list[float]:
    garbage = ages(Columns.of([spans(*left)]), blocks_per_garbage=2.0)
    assert sum(life.objects for life in garbage.old) == pytest.approx(600 * len(left))
    return [life.death - life.birth for life in garbage.old]


def test_little_that_comes_and_goes_makes_short_lives() -> None:
    """A hundredth of what a span brings is alive by turns."""
    assert max(lives(50_000, 50_012, 50_000, 50_012)) < 133 / 20


def test_much_that_comes_and_goes_makes_longer_lives() -> None:
    short, longer = lives(50_000, 50_012) * 2, lives(50_000, 50_120, 50_000, 50_120)
    assert max(longer) > max(lives(50_000, 50_012, 50_000, 50_012))
    assert max(longer) < max(short)


def found(*rows: tuple[int, int]) -> Garbage:
    """Of spans of generation 2 in which so much was found and so many blocks were left."""
    events: list[Collection] = []
    for collected, blocks in rows:
        *span, full = spans(blocks)
        events += [*span, full._replace(collected=collected)]
    return ages(Columns.of([events]), blocks_per_garbage=2.0)


def test_what_a_program_takes_down_at_its_end_does_not_go_on() -> None:
    steady = found((600, 50_000), (600, 50_000))
    assert steady.of_late == steady.on_average == pytest.approx(600 / 133)
    down = found((600, 50_000), (600, 50_000), (90_000, 20_000))
    assert down.of_late == pytest.approx(600 / 133)
    assert down.rising == 1.0


def test_garbage_that_comes_ever_faster_is_rising() -> None:
    assert found((600, 50_000), (600, 50_000), (6000, 80_000)).rising == pytest.approx(10)
    assert found((60, 50_000), (600, 50_000)).rising == 1.0  # the first span has the start in it


def test_since_the_last_full_collection_as_much_garbage_comes_as_before() -> None:
    """Nothing was found yet of what died since."""
    events = [*spans(50_000, 50_000), *list(spans(50_000))[:66]]
    late = [life for life in ages(Columns.of([events]), 2.0).old if life.birth >= 266]
    assert sum(life.objects for life in late) == pytest.approx(600 * 66 / 133)
    assert max(life.death for life in late) <= len(events)


def windows(caught: int, left: int, climbs: int = 0) -> list[float]:
    """Lives of what full collections find where every other one of generation 1 catches so much.

    The youngest catch `climbs` each, and the heap grows.
    """
    events: list[Collection] = []
    for number in range(4):
        *span, full = spans(50_000 * (number + 1))
        lumps = [
            one._replace(collected=caught * (place % 24 == 23) if one.generation else climbs)
            for place, one in enumerate(span)
        ]
        events += [*lumps, full._replace(collected=left)]
    old = ages(Columns.of([events]), blocks_per_garbage=2.0).old
    return [life.death - life.birth for life in old if life.objects > left / 100]


def test_windows_that_catch_a_part_tell_that_lives_are_about_as_long() -> None:
    """Of things that live about as long as a window of 12, a ninth is caught by it."""
    assert 4 < max(windows(caught=100, left=4000)) < 20


def test_windows_that_catch_nothing_tell_nothing() -> None:
    assert max(windows(caught=0, left=4000)) > 60


def test_garbage_of_another_kind_tells_nothing() -> None:
    """As much as the youngest catch may have been in flight."""
    assert max(windows(caught=100, left=4000, climbs=20)) > 60


def test_a_heap_that_grows_tells_nothing() -> None:
    assert max(lives(50_000, 100_000, 150_000, 200_000)) > 133 / 2
