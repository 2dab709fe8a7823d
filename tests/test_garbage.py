"""How long garbage lived, by what the captured collections found and left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from captured import collection

from gctune.monitor.recorder import Collection
from gctune.simulator.columns import Columns
from gctune.simulator.garbage import Garbage, ages

BEFORE = 50_000  # blocks that there were before the program


def columns(events: Iterable[Collection]) -> Columns:
    return Columns.of([zip(*events)])


def spans(*left: int) -> Iterator[Collection]:
    """Spans of generation 2, whose full collections free 600 objects and leave so many blocks."""
    for blocks in left:
        for number in range(132):
            yield collection(int(number % 12 == 11))
        found = {"collected": 600, "blocks_before": blocks + 1200, "blocks_after": blocks}
        yield collection(2, **found)


def lives(*left: int) -> list[float]:
    garbage = ages(columns(spans(*left)), BEFORE, blocks_per_garbage=2.0)
    assert sum(life.objects for life in garbage.old) == pytest.approx(600 * len(left))
    return [life.death - life.birth for life in garbage.old]


def test_lives_are_no_longer_than_what_is_alive_allows() -> None:
    """What a span brings is 1200 blocks, of which so much is alive at a time."""
    assert max(lives(50_150)) < 133 / 2 < max(lives(51_200))
    assert max(lives(50_075)) < max(lives(50_150))


def test_what_is_alive_may_be_the_same_all_the_time() -> None:
    """A cache that drops its oldest, say: built up evenly, it is twice as old as its parts."""
    left = 50_100
    parts = 133 * (left - BEFORE) / 1200
    assert max(lives(left, left, left, left)) == pytest.approx(2 * parts * 4 / 3)


def test_what_windows_never_catch_outlives_them() -> None:
    assert max(lives(50_000, 50_000, 50_000, 50_000)) > 12


def found(*rows: tuple[int, int]) -> Garbage:
    """Of spans of generation 2 in which so much was found and so many blocks were left."""
    events: list[Collection] = []
    for collected, blocks in rows:
        *span, full = spans(blocks)
        events += [*span, full._replace(collected=collected)]
    return ages(columns(events), BEFORE, blocks_per_garbage=2.0)


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
    late = [life for life in ages(columns(events), BEFORE, 2.0).old if life.birth >= 266]
    assert sum(life.objects for life in late) == pytest.approx(600 * 66 / 133)
    assert max(life.death for life in late) <= len(events)


def windows(caught: int, *left: int) -> list[float]:
    """Lives of what full collections find 600 of, where generation 1 finds so much each time."""
    events = [
        each._replace(collected=caught) if each.generation == 1 else each for each in spans(*left)
    ]
    old = ages(columns(events), BEFORE, blocks_per_garbage=2.0).old
    return [life.death - life.birth for life in old if life.objects > 1]


def test_what_windows_mostly_catch_turns_over() -> None:
    """However much is alive besides."""
    turned = (90_000, 90_012, 90_000, 90_012)
    assert max(windows(100, *turned)) < max(windows(10, *turned)) / 2


def test_a_heap_that_grows_tells_nothing() -> None:
    assert max(lives(50_000, 100_000, 150_000, 200_000)) > 133 / 2
