"""A profile boiled down: what is told of the run, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from captured import collection, growing, profile

from gctune.errors import ProfileError
from gctune.simulator.generations import AUTOMATIC
from gctune.simulator.summary import summarise


def test_totals_are_those_of_the_collections() -> None:
    summary = summarise(profile(growing(cycles=2, garbage=7)))
    young, middle, old = summary.generations
    assert (young.collections, middle.collections, old.collections) == (22, 2, 0)
    assert (young.collected, middle.collected) == (22 * 7, 2 * 7)
    assert summary.gc_ns == 22 * 100_000 + 2 * 500_000
    assert summary.cpu_ns == 4_000_000_000


def test_a_middle_collection_examines_what_young_ones_left() -> None:
    young, middle, _ = summarise(profile(growing(cycles=1, garbage=100))).generations
    assert young.examined == 11 * 2001
    assert middle.examined == 12 * 2001 - 11 * 100


def test_the_first_middle_collection_examines_what_there_was_before() -> None:
    begun = summarise(profile([*growing(cycles=1)][8:], objects=10_000))
    assert begun.generations[1].examined == 10_000 + 4 * 2001


@pytest.mark.parametrize("kind", ["incremental", "free-threaded", "unknown"])
def test_other_collectors_are_refused_with_the_reason(kind: str) -> None:
    with pytest.raises(ProfileError, match=f"PROFILE = 'app.profile': of the {kind} collector"):
        summarise(profile(growing(), collector=kind))


def test_an_explicit_collection_is_seen_and_told() -> None:
    events = [*growing(cycles=2), collection(2, count0=40, count1=3, count2=2)]
    summary = summarise(profile(events))
    assert summary.told == (
        "the program itself calls for 1 of 25 collections (0.00 s of CPU time)",
    )
    assert list(summary.stretches[0].timeline.explicit) == [AUTOMATIC] * 24 + [2]


def test_a_count_that_fell_below_its_threshold_at_the_eval_breaker_is_automatic() -> None:
    summary = summarise(profile([*growing(cycles=2), collection(1, count0=1990)]))
    assert summary.told == ()


def test_changed_thresholds_are_told() -> None:
    summary = summarise(profile(growing(), thresholds=[(2000, 10, 10), (9000, 10, 10)]))
    assert "the program sets its thresholds: 2000/10/10 then 9000/10/10" in summary.told


def test_a_profile_without_collections_can_be_summarised() -> None:
    summary = summarise(profile())
    assert summary.collections == (0, 0, 0)
    assert summary.gc_ns == 0


def test_cpu_time_beyond_the_wall_clock_counts_as_not_sampled() -> None:
    mispaired = collection(wall_ns=1_000, cpu_ns=4_000_000_000)
    assert summarise(profile([mispaired])).gc_ns == 0
    assert summarise(profile([mispaired, collection(cpu_ns=9_000)])).gc_ns == 18_000


def test_sampled_collections_stand_for_those_of_their_generation_that_were_not() -> None:
    young, middle, unsampled = collection(cpu_ns=9_000), collection(1), collection(cpu_ns=0)
    summary = summarise(profile([young, middle, unsampled, unsampled, young, unsampled]))
    assert [one.cpu_ns for one in summary.generations] == [45_000, 100_000, 0]


def test_a_long_run_is_replayed_in_stretches_that_stand_for_it() -> None:
    summary = summarise(profile(growing(cycles=2000)))
    assert sum(len(stretch.timeline) for stretch in summary.stretches) == 4096
    assert summary.weight == 24_000 / 4096
    assert summary.told == ("4096 of 24000 collections, in 4 stretches, are replayed",)
    assert summary.collections == (22_000, 2_000, 0)


def test_the_size_of_a_block_follows_from_what_the_peaks_grew() -> None:
    """Blocks that a collection freed in between do not count."""
    peaked = collection(start_ns=2 * 10**9, blocks_before=560_000, blocks_after=100_000)
    whole = profile([peaked], thresholds=[(2000, 10, 10)] * 3)
    first, *others = whole.readings
    readings = (first, *(replace(each, rss_bytes=first.rss_bytes + 60_000_000) for each in others))
    closing = replace(whole.closing, peak_rss_bytes=first.rss_bytes + 60_000_000)
    summary = summarise(replace(whole, readings=readings, closing=closing))
    assert summary.bytes_per_block == 120
