"""The replay follows CPython's rules: on hand-made traces, and against the real collector."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from captured import PROFILES, collection, growing, profile
from children import BARE, python
from hypothesis import given, settings
from hypothesis import strategies as st

from gctune.host.interpreter import Collector, this_interpreter
from gctune.profile.file import Profile, read
from gctune.simulator import tally
from gctune.simulator.arrivals import arrivals, young_collections
from gctune.simulator.flow import Flow
from gctune.simulator.generations import AUTOMATIC
from gctune.simulator.heap import Collected, Heap
from gctune.simulator.lives import Life
from gctune.simulator.replay import Replay
from gctune.simulator.runs import Runs
from gctune.simulator.simulator import Prediction, simulate
from gctune.simulator.stretch import Stretch
from gctune.simulator.summary import Summary, summarise
from gctune.simulator.youngs import youngs_of

DEFAULT = (2000, 10, 10)


def summary(*events: object, **values: object) -> Summary:
    return summarise(profile(*events, **values))  # type: ignore[arg-type]


def simulated(thresholds: tuple[int, int, int], **values: object) -> Prediction:
    return simulate(summary(growing(cycles=30, **values)), thresholds)  # type: ignore[arg-type]


def test_its_own_thresholds_give_the_captured_collections() -> None:
    """A full collection comes after 11 middle ones, 132 collections, and once more."""
    assert simulated(DEFAULT).collections == (329, 29, 2)


def test_a_young_collection_waits_until_the_count_passes_threshold0() -> None:
    assert sum(simulated((2001, 10, 10)).collections) == 360 * 2001 // 2002


def test_threshold0_thins_young_collections_out() -> None:
    young, middle, old = simulated((20_009, 10, 10)).collections
    assert (young, middle, old) == (33, 3, 0)


def test_threshold1_decides_how_many_young_collections_make_a_middle_one() -> None:
    young, middle, old = simulated((2000, 20, 10_000)).collections
    assert young + middle + old == 360
    assert middle == 360 // 22


def test_a_full_collection_needs_threshold2_middle_ones() -> None:
    assert simulated((2000, 10, 10_000)).collections == (330, 30, 0)


def test_a_full_collection_also_waits_until_a_quarter_of_the_old_objects_is_new() -> None:
    many = profile(growing(cycles=30), objects=10_000_000)
    earlier = [replace(each, collections=(99, 9, 1)) for each in many.readings]
    settled = summarise(replace(many, readings=tuple(earlier)))
    assert simulate(settled, DEFAULT).collections == (330, 30, 0)


def test_a_full_collection_that_came_against_the_estimate_comes_again() -> None:
    """What the counts do not tell, the captured collections do."""
    events = []
    for number in range(3):
        events += growing(cycles=11, blocks=50_000 + number * 133 * 4002)
        events.append(collection(2, count2=11))
    many = profile(events, objects=10_000_000)
    earlier = [replace(each, collections=(99, 9, 1)) for each in many.readings]
    settled = summarise(replace(many, readings=tuple(earlier)))
    assert simulate(settled, DEFAULT).collections[2] == 3
    assert simulate(settled, (2000, 10, 100)).collections[2] == 0


def test_an_allocation_in_bulk_is_one_step() -> None:
    bulk = summary([collection(count0=100_000), collection(count0=2001)])
    assert simulate(bulk, (50_000, 10, 10)).collections == (1, 0, 0)
    assert simulate(bulk, (700, 10, 10)).collections[0] == 2000 // 701 + 1 + 2001 // 701


@pytest.mark.parametrize("threshold0", [-1, -5, -(2**31)])
def test_every_allocation_passes_a_negative_threshold0(threshold0: int) -> None:
    climbs = summary([collection(count0=11)] * 3, thresholds=[(10, 10, 10)])
    assert simulate(climbs, (threshold0, -1, 1000)).collections == (0, 33, 0)
    assert simulate(climbs, (threshold0, 10, 1000)).collections == (31, 2, 0)


def test_collections_that_every_allocation_led_to_come_again() -> None:
    own = (-5, -3, -2)
    often = summary([collection(1, count0=2, count1=0)] * 30, thresholds=[own] * 9)
    assert often.thresholds == own
    assert sum(simulate(often, own).collections) == 30
    assert simulate(often, (29, 10, 10)).collections == (2, 0, 0)


def test_a_threshold0_of_0_lets_no_collection_come_but_what_the_program_asks_for() -> None:
    off = summary([collection(each, count1=0) for each in (0, 2)] * 3, thresholds=[(0, 10, 10)] * 9)
    assert off.conduct.disabled == 1
    assert simulate(off, (0, 10, 10)).collections == (3, 0, 3)
    assert simulate(summary(growing()), (0, 10, 10)).collections == (0, 0, 0)


def test_an_explicit_collection_stays() -> None:
    asked = summary([collection(2, count0=40, count1=1, count2=1)] * 3)
    assert simulate(asked, (50_000, 20, 1000)).collections == (0, 0, 3)


def test_deaths_that_the_count_could_not_follow_keep_a_higher_threshold_from_being_passed() -> None:
    """A server climbs by 2001 containers in each request and frees them all."""
    level = {"blocks_before": 50_000 + 2 * 2001, "blocks_after": 50_000 + 2 * 2001}
    requests = summary([collection(**level) for _ in range(200)])
    assert simulate(requests, DEFAULT).collections[0] > 100
    assert sum(simulate(requests, (5000, 10, 10)).collections) <= 1


def test_stretches_of_a_long_run_stand_for_the_whole() -> None:
    long = simulate(summary(growing(cycles=2000)), (20_009, 10, 10_000))
    assert sum(long.collections) == pytest.approx(24_000 / 10, rel=0.02)


def test_garbage_that_waits_longer_takes_memory() -> None:
    extra = simulated((50_000, 10, 10), garbage=1000).extra_bytes
    assert extra.expected > 1000 * 2 * 100  # 24 young collections' catch at once, against one
    assert extra.low <= extra.expected <= extra.high


def test_a_run_that_ends_just_before_a_full_collection_is_not_one_that_does_without() -> None:
    """The 131st collection is the last before a full one, which all but a few runs meet."""
    events = list(growing(cycles=11))
    ended = simulate(summary(events[:-1]), (2000, 10, 10))
    assert ended.collections[2] == 0
    assert ended.was.seconds > 1.5 * ended.was_seconds
    assert ended.was.pause_seconds > ended.pause_seconds.expected
    far = simulate(summary(events[:60]), (2000, 10, 10))
    assert far.was.pause_seconds == 0.0005
    assert far.was.seconds == far.was_seconds


def test_a_count_far_above_threshold1_brings_one_collection_of_generation_1() -> None:
    """A sampled stretch begins with ten young collections counted, where one would have done."""
    events = [collection(count0=2, count1=10), *[collection(count0=2, count1=1)] * 5000]
    few = simulate(summary(events, thresholds=[(1, 10, 10)] * 9), (2000, 1, 1))
    assert few.collections[2] == 0
    assert few.gc_seconds.low <= few.gc_seconds.expected <= few.gc_seconds.high


def test_no_run_takes_less_than_nothing() -> None:
    """A stretch began nearer to a full collection than it ends: it begins with none counted."""
    events = [collection(count0=2, count1=10), *[collection(count0=2, count1=0)] * 5000]
    few = simulate(summary(events, thresholds=[(1, -1, 10)] * 9), (5000, 2, 2))
    assert few.collections == (0, 0, 0)
    assert few.gc_seconds.low <= few.gc_seconds.expected <= few.gc_seconds.high


def test_garbage_may_hold_what_no_block_accounts_for() -> None:
    """rss rises by 30 MB while no more blocks are allocated."""
    whole = profile(growing(garbage=1500), thresholds=[(2000, 10, 10)] * 3)
    *early, last = whole.readings
    raised = replace(whole, readings=(*early, replace(last, rss_bytes=last.rss_bytes + 30_000_000)))
    plain, heavy = (simulate(summarise(each), (20_009, 10, 10)) for each in (whole, raised))
    assert heavy.extra_bytes.high > plain.extra_bytes.high + 15_000_000


def test_garbage_that_is_rare_holds_little_of_what_no_block_accounts_for() -> None:
    whole = profile(growing(garbage=1), thresholds=[(2000, 10, 10)] * 3)
    *early, last = whole.readings
    raised = replace(whole, readings=(*early, replace(last, rss_bytes=last.rss_bytes + 30_000_000)))
    assert simulate(summarise(raised), (20_009, 10, 10)).extra_bytes.high < 5_000_000


def found_by_full_collections(unread: int = 0, full_ns: int = 100_000) -> Profile:
    """Full collections find garbage that no other did, and leave the same heap each time.

    The blocks at the first `unread` collections after each are not read.
    """
    events = []
    for _ in range(6):
        spans = list(growing(cycles=11, blocks=150_000))
        blanks = {"cpu_ns": 0, "blocks_before": 0, "blocks_after": 0}
        events += [each._replace(**blanks) for each in spans[:unread]] + spans[unread:]
        before = spans[-1].blocks_after
        full = {"blocks_before": before, "blocks_after": 150_000}
        events.append(collection(2, count2=11, collected=200_000, cpu_ns=full_ns, **full))
    return profile(events)


def with_one_far_dearer() -> Summary:
    """One young collection in ten is sampled, and takes 100 us; one of those takes 50 ms."""
    spans = [
        each if number % 10 == 9 or each.generation else each._replace(cpu_ns=0)
        for number, each in enumerate(growing(cycles=30))
    ]
    spans[189] = spans[189]._replace(cpu_ns=50_000_000)
    return summary(spans)


def test_a_collection_like_no_other_stands_for_itself_alone() -> None:
    assert with_one_far_dearer().gc_ns < 50_000_000 + 330 * 100_000 + 30 * 500_000 + 1_000_000


def test_a_young_pause_that_the_counts_do_not_tell_of_comes_again() -> None:
    for thresholds in ((700, 10, 1000), (5000, 10, 100)):
        assert simulate(with_one_far_dearer(), thresholds).toll.pause_seconds >= 0.05


def test_garbage_that_windows_never_catch_piles_up_without_full_collections() -> None:
    """However even what is alive at a time: a cache that drops its oldest, say."""
    captured = summarise(found_by_full_collections())
    extra = simulate(captured, (2000, 10, 1000)).grown_bytes
    assert extra.expected > 4 * 500_000 * captured.bytes_per_block


def test_what_a_full_collection_freed_is_gone_where_no_blocks_are_read() -> None:
    captured = summarise(found_by_full_collections(unread=4))
    assert simulate(captured, (2010, 10, 10)).grown_bytes.expected < 10_000_000


def test_freeze_takes_the_frozen_objects_from_a_full_collection() -> None:
    full = collection(2, count0=40, count1=1, count2=1, cpu_ns=10_000_000)
    asked = [*growing(cycles=10), *[full] * 2]
    whole = simulate(summary(asked), DEFAULT)
    frozen = simulate(summary(asked), DEFAULT, 100, freeze=True)
    assert frozen.collections[2] == whole.collections[2] == 2
    assert frozen.pause_seconds.expected < whole.pause_seconds.expected / 1.5


def test_a_frozen_heap_whose_objects_are_replaced_is_looked_at_again() -> None:
    heap = Heap(settled=0.0, count1=0, count2=0)
    heap.freeze(live=1000.0, position=50)
    heap.bury(Life(birth=20, death=60, objects=400), blocks=800)
    assert heap.frozen_blocks == 800
    assert heap.collect(2, young=0, live=1000.0, position=70).examined == 400


def test_full_collections_that_come_more_often_find_less_each() -> None:
    captured = summarise(found_by_full_collections(full_ns=100_000_000))
    usual, often = (simulate(captured, (2000, 10, each)) for each in (10, 2))
    assert often.collections[2] > 2 * usual.collections[2]
    assert often.pause_seconds.expected < 0.7 * usual.pause_seconds.expected
    assert often.extra_bytes.expected < usual.extra_bytes.expected


def test_objects_that_no_block_tells_of_are_not_alive() -> None:
    """What dies right after a collection is not in the counts, nor what it lets go of."""
    flat = [collection(blocks_before=60_000, blocks_after=60_000)] * 100
    (stretch,) = summary(flat).stretches
    assert max(stretch.live) < 60_000 / 2


def test_more_collections_find_no_more_garbage_than_there_was() -> None:
    found = [collection(collected=800, blocks_before=60_000, blocks_after=59_000)] * 11
    older = collection(1, count1=11, collected=8000, blocks_before=80_000, blocks_after=60_000)
    captured = summary([*found, older] * 20)
    (stretch,) = captured.stretches
    heap = stretch.heap()
    runs, freed = Runs(stretch, 700), 0.0
    for turn in Replay(runs, heap, (700, 10, 1000)):
        freed += sum(runs.freed[turn.first : turn.place])
        freed += turn.last.collected if turn.last else 0.0
    assert freed + sum(heap.garbage) <= 1.01 * 20 * (11 * 800 + 8000)


def test_a_program_that_ran_on_may_pile_up_more_garbage_than_was_seen() -> None:
    blocks = {"blocks_before": 1_014_482, "blocks_after": 974_482}
    found = collection(2, count1=3, collected=20_000, **blocks)
    events = [*growing(cycles=20), found, *growing(cycles=20, blocks=974_482)]
    ended = simulate(summary(events), (5000, 10, 1000))
    ran_on = simulate(summary(events, reason="seconds"), (5000, 10, 1000))
    assert ran_on.extra_bytes.high > ended.extra_bytes.high


traces = st.lists(
    st.builds(
        collection,
        st.just(0),
        count0=st.integers(2001, 2400),
        collected=st.just(0),
        cpu_ns=st.integers(10_000, 500_000),
    ),
    min_size=1,
    max_size=150,
)
thresholds0 = st.integers(200, 100_000)


@settings(max_examples=60, deadline=None)
@given(traces, thresholds0, thresholds0, st.integers(1, 50), st.integers(1, 50))
def test_a_higher_threshold0_never_gives_more_collections(
    events: list[object], one: int, other: int, threshold1: int, threshold2: int
) -> None:
    """As long as nothing is taken from free lists, which young collections fill."""
    low, high = sorted((one, other))
    captured = summary(events)
    few = simulate(captured, (high, threshold1, threshold2))
    many = simulate(captured, (low, threshold1, threshold2))
    assert sum(few.collections) <= sum(many.collections)


@settings(max_examples=60, deadline=None)
@given(traces, thresholds0, st.integers(0, 50), st.integers(0, 50))
def test_every_prediction_is_ordered_and_finite(
    events: list[object], threshold0: int, threshold1: int, threshold2: int
) -> None:
    predicted = simulate(summary(events), (threshold0, threshold1, threshold2))
    for estimate in (predicted.gc_seconds, predicted.pause_seconds, predicted.extra_bytes):
        assert estimate.low <= estimate.expected <= estimate.high < float("inf")
    assert predicted.gc_seconds.low >= 0


PROGRAM = """
import gc, sys
from gctune.profile.capture import capture
gc.collect()
gc.set_threshold(*map(int, sys.argv[2].split(",")))

class Node:
    def __init__(self):
        self.children = [{"a": 1}]
        self.me = self

def run():
    kept = []
    for number in range(60_000):
        kept.append({"key": [number]})
        Node()
    return kept

started = gc.get_stats()
with capture(sys.argv[1]):
    run()
    ended = gc.get_stats()
print([b["collections"] - a["collections"] for a, b in zip(started, ended)])
"""


def really(path: Path, thresholds: tuple[int, int, int]) -> list[int]:
    """Run the program under `thresholds`: its collections by generation."""
    arguments = (str(path), ",".join(map(str, thresholds)))
    counts: list[int] = json.loads(python("-c", PROGRAM, *arguments, environ=BARE).stdout)
    return counts


@pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL,
    reason=f"the collector of {sys.version.split()[0]} is not simulated",
)
def test_the_real_collector_does_what_was_predicted(tmp_path: Path) -> None:
    really(tmp_path / "captured", (700, 10, 10))
    captured = summarise(read(tmp_path / "captured"))
    for number, thresholds in enumerate([(3000, 10, 10), (1500, 5, 1000), (10_000, 20, 10)]):
        young, middle, old = really(tmp_path / str(number), thresholds)
        predicted = simulate(captured, thresholds).collections
        assert predicted[0] == pytest.approx(young, rel=0.03, abs=1)
        assert predicted[1] == pytest.approx(middle, abs=1)
        assert predicted[2] == pytest.approx(old, abs=1)


def test_the_longest_pause_once_started_up_leaves_out_those_before() -> None:
    start = [*growing(cycles=3), collection(2, count1=1, count2=1, cpu_ns=900_000_000)]
    run = summary([*start, *growing(cycles=4)])
    was = simulate(run, DEFAULT, len(start)).was
    assert was.pause_seconds == 0.9
    assert was.settled_seconds < 0.1
    assert simulate(run, DEFAULT).was.settled_seconds >= 0.9


def test_a_replay_that_serves_several_values_of_threshold2_tells_what_each_would() -> None:
    run = summarise(read(PROFILES / "crawler-3.13.profile.gz"))
    values = (10, 11, 13, 20, 40)
    shared = [simulate(run, (2000, 10, two)) for two in values]
    for two, one in zip(values, shared):
        tally._replays.cache_clear()
        assert simulate(run, (2000, 10, two)) == one
    assert len({one.collections for one in shared}) > 1


def one_by_one(
    stretch: Stretch, heap: Heap, thresholds: tuple[int, int, int], freeze_at: int | None
) -> Iterator[tuple[int, float, Collected]]:
    """A replay's collections, each in its turn: position, blocks that garbage held, what it did."""
    line, flow, last = stretch.timeline, Flow(stretch.timeline, heap), len(stretch.quarters) - 1
    youngs = list(young_collections(line, thresholds[0]))
    *met, rest = arrivals(line, youngs)
    for (position, objects, died, asked), arrival in zip(youngs, met):
        flow.arrive(arrival)
        heap.lose(died)
        ripe, held = heap.ripeness >= stretch.quarters[min(position, last)], heap.held_blocks
        generation = heap.due(*thresholds[1:], ripe) if asked == AUTOMATIC else asked
        in_flight = flow.spare(generation, arrival)
        live = stretch.live[max(position - 1, 0)]
        yield position, held, heap.collect(generation, objects, live, position)
        flow.land(generation, in_flight)
        if freeze_at is not None and position >= freeze_at:
            heap.freeze(live, position)
            freeze_at = None
    flow.arrive(rest)


@pytest.mark.parametrize("freeze_at", [None, 0, 100])
@pytest.mark.parametrize(
    "thresholds", [(700, 10, 10), (700, 5, 2), (2000, 10, 1000), (20_000, 10, 2)]
)
@pytest.mark.parametrize("program", ["html_parse-3.13", "docs_build-3.11", "crawler-3.13"])
def test_young_collections_in_a_row_come_to_what_each_of_them_does(
    program: str, thresholds: tuple[int, int, int], freeze_at: int | None
) -> None:
    run = summarise(read(PROFILES / f"{program}.profile.gz"))
    (stretch,) = run.stretches
    heap, each = stretch.heap(), stretch.heap()
    youngs = youngs_of(run.cost, stretch, thresholds[0])
    whole = tally.Tally(youngs, run.cost, stretch, thresholds, heap)
    for turn in Replay(youngs.runs, heap, thresholds, freeze_at):
        whole.add(turn)
    counts, took, most = [0, 0, 0], 0.0, 0.0
    for position, held, collected in one_by_one(stretch, each, thresholds, freeze_at):
        counts[collected.generation] += 1
        took += run.cost.cost_ns(*collected)
        most = max(most, stretch.unheld[max(position - 1, 0)] + held)
    assert whole.counts == counts
    assert whole.gc_ns == pytest.approx(took, rel=1e-4)  # sizes are rounded
    assert whole.crest.blocks >= most * (1 - 1e-9)
    for field in fields(Heap):
        assert getattr(heap, field.name) == pytest.approx(getattr(each, field.name), abs=1e-3)
