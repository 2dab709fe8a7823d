"""How long garbage lived, by what the captured collections found and left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from captured import collection

from gctune.monitor.recorder import Collection
from gctune.recommender.columns import Columns
from gctune.recommender.garbage import ages
from gctune.recommender.timeline import build


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


def test_what_is_found_at_the_end_is_taken_down_and_does_not_go_on() -> None:
    events = [*spans(50_000), *spans(50_000)]
    columns = Columns.of([events])
    assert build(columns, [(2000, 10, 10)] * len(columns), 12_000, 50_000).going_on == 0.5
    columns = Columns.of([[*events, *(collection() for _ in range(60))]])
    assert build(columns, [(2000, 10, 10)] * len(columns), 12_000, 50_000).going_on == 1.0


def test_a_heap_that_grows_tells_nothing() -> None:
    assert max(lives(50_000, 100_000, 150_000, 200_000)) > 133 / 2
