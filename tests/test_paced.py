"""Adaptive mode, replayed: its own policy, on what a captured program did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from captured import PROFILES, collection, growing, profile

from gctune.monitor.recorder import Collection
from gctune.pacing.pace import Goal
from gctune.profile.file import Profile, read
from gctune.recommender.adaptive import Adaptive, adaptive, told
from gctune.recommender.processes import Processes
from gctune.recommender.recommendation import recommend
from gctune.settings.quantities import Ratio
from gctune.simulator.estimate import Estimate
from gctune.simulator.paced import Paced, pace
from gctune.simulator.summary import Summary, summarise

GOAL = Goal(10_000_000, 0.1)
MIB = 2**20


def quick(events: Iterable[Collection]) -> Iterator[Collection]:
    """Collections that end before the next one is due."""
    return (event._replace(wall_ns=event.cpu_ns) for event in events)


def heavy() -> Profile:
    """A heap that grows to 200,000 objects, with full collections of up to 100 ms."""
    events: list[Collection] = []
    for number in range(10):
        events += growing(cycles=1, blocks=50_000 + number * 12 * 4002)
        events.append(collection(2, count1=1, cpu_ns=(number + 1) * 10_000_000))
    dated = (event._replace(start_ns=place * 10**8) for place, event in enumerate(events))
    return profile(quick(dated), rss=200 * MIB, cpu_seconds=13.0)


def paced(one: Profile, goal: Goal = GOAL) -> tuple[Summary, Paced]:
    summary = summarise(one)
    found = pace(summary, goal)
    assert found is not None
    return summary, found


def test_what_lives_is_looked_at_less_and_never_for_long() -> None:
    summary, found = paced(heavy())
    assert found.gc_seconds < summary.gc_ns / 1e9 / 2
    assert found.pause_seconds < 0.03
    assert found.grown_bytes.high <= 0


def test_a_shorter_pause_target_leads_to_shorter_pauses() -> None:
    _, short = paced(heavy(), Goal(2_000_000, 0.1))
    _, long = paced(heavy(), Goal(50_000_000, 0.1))
    assert short.pause_seconds < long.pause_seconds


def test_garbage_is_found_all_the_same() -> None:
    events = quick(growing(cycles=60, garbage=2000, cpu_ns=500_000))
    summary, found = paced(profile(events, rss=400 * MIB))
    assert found.gc_seconds > summary.gc_ns / 1e9 / 3
    assert found.grown_bytes.high < 40 * MIB


def with_payloads(megabytes: int) -> Profile:
    """Garbage in plenty, with so much memory that is in no block."""
    events = quick(growing(cycles=60, garbage=1990, cpu_ns=500_000))
    one = profile(events, rss=50 * MIB, cpu_seconds=6.0)
    assert one.closing is not None
    peak = one.closing.peak_rss_bytes + megabytes * MIB
    return replace(one, closing=replace(one.closing, peak_rss_bytes=peak))


def test_what_garbage_keeps_besides_its_blocks_counts_as_memory() -> None:
    _, light = paced(with_payloads(0))
    _, heavy = paced(with_payloads(50))
    assert light.grown_bytes.high < 5 * MIB
    assert heavy.grown_bytes.low < 5 * MIB < heavy.grown_bytes.expected < heavy.grown_bytes.high


def test_thresholds_that_the_program_sets_itself_are_left_to_it() -> None:
    steering = replace(heavy(), header=replace(heavy().header, thresholds=(700, 10, 10)))
    assert adaptive(Processes.of([summarise(steering)]), MIB) is None


def test_a_collector_that_the_program_keeps_off_is_left_off() -> None:
    one = heavy()
    off = replace(one, readings=tuple(replace(each, enabled=False) for each in one.readings))
    assert adaptive(Processes.of([summarise(off)]), MIB) is None


def test_a_program_without_a_collection_is_left_alone() -> None:
    _, found = paced(profile([]))
    assert found == Paced(0, 0, Estimate.exact(0))


def test_a_run_of_days_is_not_replayed_for_as_long() -> None:
    events = (event._replace(start_ns=event.start_ns * 10_000) for event in growing())
    assert pace(summarise(profile(quick(events))), GOAL) is None


def test_much_shorter_pauses_are_told_and_json_carries_the_rest() -> None:
    answer = recommend([heavy()], "memory", Ratio(0.1), None)
    assert answer.adaptive is not None
    assert answer.adaptive.cpu.low <= answer.adaptive.cpu.expected <= answer.adaptive.cpu.high < 1
    (note,) = (each for each in answer.notes if "adaptive" in each)
    assert note.startswith('gc.mode = "adaptive" would take pauses of ')
    assert " ms instead of 100 ms, and save about " in note


def test_nothing_is_told_of_what_takes_more_memory_than_it_may() -> None:
    processes = Processes.of([summarise(heavy())])
    one = adaptive(processes, 100 * MIB)
    assert one is not None
    assert list(told(one, None, processes.captured))
    assert not list(told(replace(one, over_budget=True), None, processes.captured))


def captured_as(name: str) -> tuple[Adaptive, float]:
    """A captured program in adaptive mode, and its longest pause as captured, in seconds."""
    processes = Processes.of([summarise(read(PROFILES / f"{name}-3.13.profile.gz"))])
    one = adaptive(processes, processes.captured.peak_rss_bytes // 10)
    assert one is not None
    return one, processes.captured.pause_seconds


@pytest.mark.parametrize("name", ["graph_analysis", "service", "docs_build"])
def test_real_programs_save_something(name: str) -> None:
    one, _ = captured_as(name)
    assert one.cpu.expected < 0.97


@pytest.mark.parametrize("name", ["lint", "docs_build"])
def test_real_programs_that_do_not_double_by_256_mib_pause_for_less(name: str) -> None:
    one, longest = captured_as(name)
    assert one.pause_seconds.expected < longest / 2


def test_processes_are_taken_together() -> None:
    one = summarise(heavy())
    alone, twice = (adaptive(Processes.of([one] * times), MIB) for times in (1, 2))
    assert alone is not None
    assert twice is not None
    assert twice.cpu.expected == pytest.approx(alone.cpu.expected)
