"""The verdict on settings follows from pairs of runs, and errs as seldom as it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from math import exp
from random import Random

import pytest
from rich.console import Console

from gctune.recommender.bootstrap import of_blocks, paired
from gctune.report.verify import render
from gctune.settings.quantities import Ratio, Size
from gctune.verifier.verdict import Finding, Question, Verdict
from gctune.verifier.verify import LOOKS, Pair, Run, in_turn, is_over, judge, so_far

QUESTION = Question(Ratio(0.01), Ratio(0.1))
RUN = Run(
    gc_seconds=0.1,
    cpu_seconds=1.1,
    wall_seconds=2.0,
    peak_rss_bytes=100 * 2**20,
    pause_seconds=0.05,
    operations={},
)


def pairs(number: int = LOOKS[0], noise: float = 0.02, seed: int = 1, **times: float) -> list[Pair]:
    """Pairs of runs with noise; `times` are the true ratios of candidate to default."""
    return list(islice(_endless(noise, seed, times), number))


def _endless(noise: float, seed: int, times: dict[str, float]) -> Iterator[Pair]:
    draw = Random(seed)
    while True:
        yield Pair(_noisy(RUN, noise, draw, {}), _noisy(RUN, noise, draw, times))


def _noisy(run: Run, noise: float, draw: Random, times: dict[str, float]) -> Run:
    gc_seconds = run.gc_seconds * exp(draw.gauss(0, noise)) * times.get("gc", 1)
    other = 1.0 * draw.gauss(1, 0.2) * times.get("other", 1)
    return replace(
        run,
        gc_seconds=gc_seconds * other,
        cpu_seconds=(1 + gc_seconds) * other,
        peak_rss_bytes=round(run.peak_rss_bytes * times.get("rss", 1)),
        pause_seconds=run.pause_seconds * times.get("pause", 1),
    )


@pytest.mark.parametrize(
    ("times", "verdict", "reason"),
    [
        ({"gc": 0.4}, Verdict.KEEP, "saves 5"),
        ({}, Verdict.REVERT, "saves less than 1.0% of CPU time"),
        ({"gc": 2.0}, Verdict.REVERT, "more CPU time"),
        ({"pause": 0.2}, Verdict.KEEP, "shortens the longest pause"),
        ({"rss": 0.8}, Verdict.KEEP, "takes less memory"),
        ({"gc": 2.0, "pause": 0.2}, Verdict.REVERT, "more CPU time"),
        ({"gc": 0.4, "rss": 1.3}, Verdict.REVERT, "over budget"),
        ({"gc": 0.4, "other": 2.0}, Verdict.REVERT, "more CPU time"),
    ],
)
def test_the_verdict_says_what_the_runs_show(
    times: dict[str, float], verdict: str, reason: str
) -> None:
    finding = judge(pairs(**times), QUESTION)
    assert finding.verdict == verdict
    assert reason in finding.reason


@pytest.mark.parametrize("without", [1, LOOKS[0]])
def test_pauses_that_vanish_are_shorter_for_sure(without: int) -> None:
    ran = pairs(pause=0.02)
    ran[:without] = [
        replace(pair, candidate=replace(pair.candidate, pause_seconds=0)) for pair in ran[:without]
    ]
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.KEEP
    assert "shortens the longest pause" in finding.reason


def test_pauses_that_come_and_go_at_both_are_not_shorter() -> None:
    draw = Random(7)
    found = []
    for seed in range(20):
        ran = [
            Pair(*(_without_pause(run, draw) for run in (pair.default, pair.candidate)))
            for pair in pairs(seed=seed)
        ]
        found.append(judge(ran, QUESTION).verdict)
    assert found.count(Verdict.KEEP) <= 1


def _without_pause(run: Run, draw: Random) -> Run:
    """The same, in one case of three without a collection that takes long."""
    return run if draw.random() < 2 / 3 else replace(run, pause_seconds=0)


def test_a_gain_within_the_noise_is_undecided() -> None:
    finding = judge(pairs(noise=0.5, gc=0.85), QUESTION)
    assert finding.verdict == Verdict.UNDECIDED


def test_a_few_pairs_are_undecided_however_clear() -> None:
    few = pairs(LOOKS[0] - 1, gc=0.1)
    assert judge(few, QUESTION, "interrupted").verdict == Verdict.UNDECIDED
    assert "interrupted" in judge(few, QUESTION, "interrupted").reason


def test_of_a_few_pairs_no_range_is_shown_nor_spoken_of() -> None:
    console = Console(width=100)
    for number, told in ((LOOKS[0] - 1, False), (LOOKS[0], True)):
        finding = judge(pairs(number, gc=0.4), QUESTION)
        assert [figure.ratio is not None for figure in finding.figures] == [told] * 6
        with console.capture() as capture:
            console.print(render(finding, ("default", "tried")))
        assert ("95 times in 100" in capture.get()) is told


def test_a_budget_in_bytes_is_one() -> None:
    grown = pairs(gc=0.4, rss=1.3)
    generous = Question(Ratio(0.01), Size(64 * 2**20))
    assert judge(grown, generous).verdict == Verdict.KEEP


def _at_twice(pair: Pair, *sides: str) -> Pair:
    twice = 2 * RUN.peak_rss_bytes
    changed = {side: replace(getattr(pair, side), peak_rss_bytes=twice) for side in sides}
    return replace(pair, **changed)


def test_one_run_at_twice_the_memory_is_enough_to_doubt_settings() -> None:
    ran = pairs(gc=0.4)
    ran[3] = _at_twice(ran[3], "candidate")
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "the greatest peak of rss is 2 times that of all runs" in finding.reason


def test_memory_that_jumps_at_the_programs_own_settings_too_is_no_doubt() -> None:
    ran = pairs(gc=0.4)
    ran[3] = _at_twice(ran[3], "candidate")
    ran[5] = _at_twice(ran[5], "default")
    assert judge(ran, QUESTION).verdict == Verdict.KEEP


def test_settings_that_save_nothing_revert_though_their_memory_cannot_be_told() -> None:
    ran = pairs()
    ran[3:5] = [_at_twice(pair, "candidate") for pair in ran[3:5]]
    assert judge(ran, QUESTION).verdict == Verdict.REVERT


def _failing(pair: Pair, side: str, fault: str = "exits with 1") -> Pair:
    return replace(pair, **{side: replace(getattr(pair, side), cpu_seconds=1e-9, fault=fault)})


def test_a_failure_under_the_settings_reverts_at_once_however_fast_it_was() -> None:
    ran = pairs(2, gc=0.4)
    ran[-1] = _failing(ran[-1], "candidate", "was killed by SIGKILL")
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.REVERT
    assert "was killed by SIGKILL" in finding.reason
    assert is_over(ran, QUESTION)


def test_a_failure_at_the_programs_own_settings_is_left_out_and_told() -> None:
    ran = pairs(LOOKS[0] + 1, gc=0.4)
    ran[3] = _failing(ran[3], "default")
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.KEEP
    assert finding.measured == f"{LOOKS[0]} pairs of runs"
    assert any("at its own settings the program exits with 1" in note for note in finding.notes)


def test_settings_that_fail_every_other_run_revert_though_the_program_failed_once() -> None:
    ran = pairs(LOOKS[2], gc=0.4)
    ran[0] = _failing(ran[0], "default")
    ran[1::2] = [_failing(pair, "candidate") for pair in ran[1::2]]
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.REVERT
    assert "fails in 9 of 18 runs, and 1 at its own" in finding.reason
    assert is_over(ran, QUESTION)


def test_settings_that_failed_where_the_program_did_not_are_never_kept_unproved() -> None:
    ran = pairs(LOOKS[1], gc=0.4)
    ran[3] = _failing(ran[3], "candidate")
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "may fail more often" in finding.reason


def test_settings_under_which_a_flaky_program_fails_less_are_kept() -> None:
    ran = pairs(LOOKS[1], gc=0.4)
    ran[0] = _failing(ran[0], "candidate")
    ran[1:4] = [_failing(pair, "default") for pair in ran[1:4]]
    assert judge(ran, QUESTION).verdict == Verdict.KEEP


def test_a_failure_adds_no_look() -> None:
    ran = pairs(LOOKS[1] + 1, gc=0.4)
    ran[:3] = [_failing(pair, "default") for pair in ran[:3]]
    ran[-1] = _failing(ran[-1], "candidate")
    assert judge(ran, QUESTION).verdict == Verdict.KEEP
    assert not is_over(ran, QUESTION)


def test_runs_whose_collections_outweigh_all_cpu_time_are_left_out_and_told() -> None:
    ran = pairs(LOOKS[0] + 1, gc=0.4)
    ran[3] = replace(ran[3], candidate=replace(ran[3].candidate, cpu_seconds=0.01))
    finding = judge(ran, QUESTION)
    assert finding.verdict == Verdict.KEEP
    assert any("1 of 9 pairs are left out" in note for note in finding.notes)


def test_a_program_whose_cpu_time_is_never_seen_is_undecided() -> None:
    ran = [replace(pair, default=replace(RUN, cpu_seconds=0.1)) for pair in pairs(gc=0.4)]
    finding = judge(ran, QUESTION)
    assert (finding.verdict, finding.figures) == (Verdict.UNDECIDED, ())
    assert "whose CPU time is seen" in finding.reason
    assert so_far(ran) == "pair 8: CPU time was not seen"


def _verified(noise: float, seed: int, **times: float) -> Finding:
    ran: list[Pair] = []
    for pair in _endless(noise, seed, times):
        ran.append(pair)
        if is_over(ran, QUESTION):
            break
    return judge(ran, QUESTION)


def test_looking_again_and_again_errs_no_more_often_than_it_says() -> None:
    """Of ten verifications without a difference, one may find a gain, and seldom two."""
    found = [_verified(0.1, seed).verdict for seed in range(10)]
    assert found.count(Verdict.KEEP) <= 1


def test_runs_end_once_the_verdict_is_told_or_never_will_be() -> None:
    assert _verified(0.02, 3, gc=0.4).measured == f"{LOOKS[0]} pairs of runs"
    assert _verified(1.5, 4, gc=0.95).measured == f"{LOOKS[-1]} pairs of runs"


def test_the_order_within_pairs_is_drawn_by_lot() -> None:
    order: list[bool] = []

    def run(candidate: bool) -> Run:
        order.append(candidate)
        return replace(RUN, wall_seconds=float(candidate))

    ran = list(islice(in_turn(run, seed=1), 40))
    assert {(pair.default.wall_seconds, pair.candidate.wall_seconds) for pair in ran} == {(0, 1)}
    first = order[::2]
    assert 10 < first.count(True) < 30


def counting(ran: list[Pair], **numbers: tuple[int, int]) -> list[Pair]:
    """The same, with the numbers of operations that the runs of a pair count."""
    own, other = ({kind: each[side] for kind, each in numbers.items()} for side in (0, 1))
    return [
        Pair(replace(pair.default, operations=own), replace(pair.candidate, operations=other))
        for pair in ran
    ]


def steady(ran: list[Pair], other: float) -> list[Pair]:
    """The same on a quiet machine; `other` is what the candidate takes outside the collector."""
    return [Pair(_quiet(pair.default, 1.0), _quiet(pair.candidate, other)) for pair in ran]


def _quiet(run: Run, other: float) -> Run:
    gc_seconds = run.cpu_cost - 1
    return replace(run, gc_seconds=gc_seconds, cpu_seconds=other + gc_seconds)


def test_throughput_is_measured_where_operations_are_counted() -> None:
    ran = counting(pairs(), requests=(100, 120))
    (figure,) = (each for each in judge(ran, QUESTION).figures if each.name.startswith("requests"))
    assert figure.ratio is not None
    assert figure.ratio.value == pytest.approx(1.2)


def test_more_requests_in_little_more_cpu_time_are_a_gain() -> None:
    ran = steady(pairs(gc=0.4), 1.12)
    assert "more CPU time" in judge(ran, QUESTION).reason
    finding = judge(counting(ran, requests=(1000, 1100)), QUESTION)
    assert finding.verdict == Verdict.KEEP
    assert finding.reason.endswith("of CPU time of one of the requests")


def test_an_operation_that_takes_more_cpu_time_reverts() -> None:
    finding = judge(counting(steady(pairs(gc=0.4), 1.0), requests=(1100, 1000)), QUESTION)
    assert finding.verdict == Verdict.REVERT
    assert "more CPU time of one of the requests" in finding.reason


@pytest.mark.parametrize(
    ("times", "said"),
    [(0.1, "does 90.0% fewer of the requests"), (3, "does 3 times as many of the requests")],
)
def test_runs_of_different_work_are_undecided(times: float, said: str) -> None:
    ran = [
        replace(
            pair,
            candidate=replace(
                pair.candidate,
                cpu_seconds=times * pair.default.cpu_seconds,
                gc_seconds=0.4 * times * pair.default.gc_seconds,
            ),
        )
        for pair in pairs()
    ]
    finding = judge(counting(ran, requests=(1000, round(1000 * times))), QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert said in finding.reason


def test_runs_that_come_to_no_operation_are_not_kept() -> None:
    finding = judge(counting(pairs(gc=0.4), requests=(1000, 0)), QUESTION)
    assert finding.verdict != Verdict.KEEP


def test_what_is_counted_most_often_decides() -> None:
    ran = counting(steady(pairs(gc=0.4), 1.1), jobs=(10, 10), requests=(1000, 1100))
    assert judge(ran, QUESTION).verdict == Verdict.KEEP


def test_an_interval_of_pairs_holds_the_truth_as_often_as_it_says() -> None:
    draw = Random(5)
    trials = [paired([draw.gauss(1, 0.05) for _ in range(10)]) for _ in range(100)]
    held = sum(low <= 1 <= high for _, low, high in trials)
    assert held >= 88  # of 95 expected


def test_bounds_go_on_moving_apart_as_far_as_they_are_asked_to() -> None:
    """From eight pairs 99% asks for one resample in 11,000, and 97% for one in 540."""
    draw = Random(5)
    ratios = [exp(draw.gauss(0, 0.05)) for _ in range(8)]
    likely, sure, surer = (paired(ratios, level) for level in (0.97, 0.985, 0.99))
    assert surer.low < sure.low < likely.low
    assert likely.high < sure.high < surer.high


def test_an_interval_of_windows_minds_that_neighbours_are_alike() -> None:
    """Windows that come in long runs tell less than as many that do not."""
    alike = [(float(number // 20 % 2), 1.0) for number in range(400)]
    mixed = [(float(number % 2), 1.0) for number in range(400)]

    def width(windows: list[tuple[float, ...]]) -> float:
        _, low, high = of_blocks(windows, windows, lambda sums: 1 + sums[0] / sums[1])
        return high - low

    assert width(alike) > 2 * width(mixed)
