"""Histograms count each duration once, wherever and in whatever order it is added."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from gctune.monitor.histogram import BOUNDS, EMPTY, Histogram

durations = st.lists(st.integers(0, 10**12), max_size=50)


def of(durations: list[int]) -> Histogram:
    return EMPTY.with_durations(durations)


@given(durations)
def test_each_duration_is_below_its_bound_and_not_below_the_one_before(taken: list[int]) -> None:
    for duration in taken:
        place = of([duration]).counts.index(1)
        assert place == len(BOUNDS) or duration / 1e9 < BOUNDS[place]
        assert place == 0 or BOUNDS[place - 1] <= duration / 1e9


@given(durations)
def test_nothing_is_lost(taken: list[int]) -> None:
    assert (of(taken).number, of(taken).sum_ns) == (len(taken), sum(taken))


@given(st.lists(durations, max_size=5))
def test_merging_is_adding_all(several: list[list[int]]) -> None:
    merged = reduce(Histogram.merged, map(of, several), EMPTY)
    assert merged == of([each for taken in several for each in taken])
    assert merged == reduce(Histogram.merged, map(of, reversed(several)), EMPTY)


def test_it_takes_the_same_memory_whatever_it_holds() -> None:
    assert len(of(list(range(0, 10**9, 10**6))).counts) == len(EMPTY.counts) == 28
