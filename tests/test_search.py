"""The search keeps the budget, serves its goal, and does no harm."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest
from captured import PROFILES, collection, growing, profile

from gctune.profile.file import read
from gctune.recommender.phases import started_up
from gctune.recommender.processes import Processes
from gctune.recommender.search import Goal, Wish, candidates, choose, is_free
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import Summary, summarise

PLENTY = 10**12


def best(summary: Summary, goal: str, budget_bytes: int) -> Prediction | None:
    return choose(Processes.of([summary]), goal, budget_bytes).best


def heap_growth(cpu_seconds: float = 4.0, garbage: int = 0) -> Summary:
    """A heap that grows, and full collections that cost a second in all.

    Each young collection finds `garbage`, and each full one twenty times as much.
    """
    events = []
    for number in range(10):
        blocks = 50_000 + number * 240 * 4002
        events += growing(cycles=11, garbage=garbage, blocks=blocks)
        full = {"cpu_ns": 100_000_000, "collected": 20 * garbage}
        events.append(collection(2, count1=1, start_ns=10**9, **full))
    return summarise(profile(events, cpu_seconds=cpu_seconds))


def garbage() -> Summary:
    """A program of cyclic garbage, nearly all of it found young."""
    return summarise(profile(growing(cycles=60, garbage=1800)))


def test_throughput_takes_away_full_collections_that_find_nothing() -> None:
    summary = heap_growth()
    choice = best(summary, Goal.THROUGHPUT, PLENTY)
    assert choice is not None
    assert choice.collections[2] == 0
    assert choice.gc_seconds.high < summary.gc_ns / 1e9


@pytest.mark.parametrize("goal", Goal.ALL)
@pytest.mark.parametrize("budget", [0, 200_000, 2_000_000])
def test_nothing_is_likely_to_go_over_the_budget(goal: str, budget: int) -> None:
    processes = Processes.of([garbage()])
    choice = choose(processes, goal, budget).best
    assert choice is None or Wish(processes, budget).risk(choice) <= 0.25


def test_of_settings_that_are_as_good_the_least_changed_are_chosen() -> None:
    """Only threshold2 matters here: collections that never come cost nothing."""
    choice = best(heap_growth(cpu_seconds=40.0), Goal.THROUGHPUT, PLENTY)
    assert choice is not None
    assert choice.thresholds[:2] == (2000, 10)


@pytest.mark.parametrize("own", [(-5, -3, -2), (0, 10, 10), (700, -1, 10)])
def test_what_no_settings_can_say_is_not_tried(own: tuple[int, int, int]) -> None:
    processes = Processes.of([summarise(profile(growing(cycles=3), thresholds=[own] * 9))])
    assert processes.thresholds == own
    tried = [thresholds for thresholds, _ in candidates(processes, Goal.THROUGHPUT)]
    assert min(zero for zero, _, _ in tried) > 0
    assert min(min(rest) for _, *rest in tried) >= 0


def test_what_would_vary_without_a_change_is_no_extra_memory() -> None:
    """The unchanged settings in runs that begin otherwise are what others are compared with."""
    own = Processes.of([garbage()]).predict_about((2000, 10, 10), freeze=False)
    assert own.extra_bytes.expected <= 0


def test_settings_whose_first_choices_need_too_much_memory_give_way_to_others() -> None:
    """A budget that no high threshold0 keeps leaves the best of the rest."""
    summary = garbage()
    tight = best(summary, Goal.THROUGHPUT, 1_500_000)
    assert tight is not None
    assert tight.risk(1_500_000) <= 0.25


def test_where_nothing_else_is_within_the_budget_nothing_changes() -> None:
    choice = best(garbage(), Goal.THROUGHPUT, -(10**12))
    assert choice is not None
    assert choice.thresholds == (2000, 10, 10)


def test_latency_shortens_the_longest_pause_at_no_cost_of_cpu() -> None:
    summary = heap_growth()
    choice = best(summary, Goal.LATENCY, PLENTY)
    assert choice is not None
    assert choice.pause_seconds.expected < 0.1 / 3
    assert choice.gc_seconds.expected <= summary.gc_ns / 1e9


def test_who_asks_for_short_pauses_gets_none_longer_than_who_asks_for_throughput() -> None:
    summary = heap_growth(garbage=100)
    smooth, fast = (best(summary, goal, 3_000_000) for goal in (Goal.LATENCY, Goal.THROUGHPUT))
    assert smooth is not None
    assert fast is not None
    assert smooth.toll.settled_seconds <= 1.25 * fast.toll.settled_seconds


def test_a_freeze_is_asked_for_only_where_no_threshold2_does_as_well() -> None:
    processes = Processes.of([summarise(read(PROFILES / "type_check-3.13.profile.gz"))])
    choice = choose(processes, Goal.LATENCY, processes.captured.peak_rss_bytes // 10).best
    assert choice is not None
    assert not choice.freeze
    frozen = processes.predict_about(choice.thresholds, freeze=True)
    assert choice.toll.settled_seconds <= 1.25 * frozen.toll.settled_seconds
    assert choice.toll.seconds < frozen.toll.seconds


def test_memory_takes_no_more_than_a_percent_of_cpu() -> None:
    summary = garbage()
    choice = best(summary, Goal.MEMORY, PLENTY)
    assert choice is not None
    assert choice.cpu.expected <= 1.01
    assert choice.extra_bytes.expected <= 0.01 * summary.peak_rss_bytes


def test_two_processes_cost_what_they_cost_together() -> None:
    one, other = heap_growth(), garbage()
    settings = (5000, 10, 100), False
    apart = [Processes.of([each]).predict(*settings) for each in (one, other)]
    together = Processes.of([one, other])
    both = together.predict(*settings)
    assert both.gc_seconds.expected == pytest.approx(sum(p.gc_seconds.expected for p in apart))
    assert both.pause_seconds.expected == max(p.pause_seconds.expected for p in apart)
    assert together.captured.gc_seconds == pytest.approx((one.gc_ns + other.gc_ns) / 1e9)


def test_a_program_that_only_grows_never_starts_up() -> None:
    blocks = ((number * 10**7, 50_000 + number * 2000) for number in range(900))
    events = [collection(start_ns=at, blocks_before=n, blocks_after=n) for at, n in blocks]
    assert started_up(summarise(profile(events))) is None


def test_a_program_has_started_up_when_its_heap_has_its_later_size() -> None:
    level = {"blocks_before": 1_010_480, "blocks_after": 1_010_480}
    later = (collection(start_ns=number * 10**7, **level) for number in range(240, 900))
    events = [*growing(cycles=20), *later]
    start = started_up(summarise(profile(events, thresholds=[(2000, 10, 10)] * 9)))
    assert start is not None
    assert 150 < start.collections <= 240
    assert start.seconds == (start.collections - 1) / 100
    assert start.objects < 500_000


def captured(program: str) -> Processes:
    return Processes.of([summarise(read(PROFILES / f"{program}-3.13.profile.gz"))])


def frozen_and_oftener(processes: Processes) -> list[tuple[int, int, int]]:
    """What asks for more full collections, of less heap."""
    return [
        thresholds
        for thresholds, freeze in candidates(processes, Goal.LATENCY)
        if freeze and prod(thresholds) < prod(processes.thresholds)
    ]


def test_a_freeze_pays_for_no_more_full_collections_where_the_heap_turns_over() -> None:
    """What was frozen is garbage soon, and they look at as much as ever."""
    turning, lasting = captured("html_parse"), captured("service")
    assert turning.freezable
    assert not frozen_and_oftener(turning)
    assert frozen_and_oftener(lasting)


@pytest.mark.parametrize("thresholds", [(700, 5, 5), (2000, 10, 2)])
def test_more_full_collections_have_to_save_what_they_may_cost(
    thresholds: tuple[int, int, int],
) -> None:
    """What they take is foretold to a quarter of GC's CPU time at best."""
    processes = Processes.of([heap_growth()])
    often, seldom = (processes.predict(each, False) for each in (thresholds, (2000, 10, 100)))
    share = often.was_seconds / often.whole_seconds
    assert is_free(saving(often, 0.3 * share), processes)
    assert not is_free(saving(often, 0.2 * share), processes)
    assert is_free(saving(often, 0.25 * share - 0.005), processes, may_cost=0.01)
    assert is_free(saving(seldom, -0.004), processes)


def saving(one: Prediction, gain: float) -> Prediction:
    """The same with so much of all CPU time saved."""
    seconds = one.was.seconds - gain * one.whole_seconds
    return replace(one, toll=replace(one.toll, seconds=seconds))


def test_settings_that_may_cost_more_than_they_save_are_not_the_fastest() -> None:
    """A game search's trees, say: full collections twice as often took 4% more CPU time."""
    processes = Processes.of([summarise(read(PROFILES / "html_parse-3.13.profile.gz"))])
    best = choose(processes, Goal.THROUGHPUT, PLENTY // 10**6).best
    assert best is None or is_free(best, processes)
