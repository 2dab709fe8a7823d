"""Verdicts: what is worth changing, what is not, and what cannot be said."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from captured import PROFILES, collection, growing, profile
from rich.console import Console

from gctune.errors import ProfileError
from gctune.host.container import Limit
from gctune.host.interpreter import Collector, Interpreter
from gctune.profile.file import Profile, read
from gctune.profile.records import Paced
from gctune.recommender.budget import budget_of
from gctune.recommender.judgement import Verdict, judge
from gctune.recommender.processes import Processes
from gctune.recommender.recommendation import Recommendation, recommend
from gctune.recommender.remarks import notes
from gctune.recommender.search import Goal, choose
from gctune.report.recommendation import render
from gctune.settings.quantities import Ratio, Size
from gctune.simulator.estimate import Estimate
from gctune.simulator.summary import summarise

MIB = 2**20
TENTH = Ratio(0.1)
MOST = 2**31 - 1  # that a threshold can be


def interpreter(
    version: tuple[int, int, int] = (3, 13, 0), collector: str = Collector.GENERATIONAL
) -> Interpreter:
    return Interpreter("cpython", version, collector, (2000, 10, 10), "glibc")


def answer(
    *profiles: Profile,
    goal: str = Goal.THROUGHPUT,
    budget: Size | Ratio = TENTH,
    limit: Limit | None = None,
    target: Interpreter | None = None,
) -> Recommendation:
    return recommend(profiles, goal, budget, limit, target or interpreter())


def costly_full_collections(**values: object) -> Profile:
    events: list[object] = []
    for number in range(10):
        events += growing(cycles=11, blocks=50_000 + number * 132 * 4002)
        events.append(collection(2, count1=1, cpu_ns=100_000_000))
    return profile(events, **values)  # type: ignore[arg-type]


def settings(recommendation: Recommendation) -> dict[str, int | str]:
    return {change.setting: change.new for change in recommendation.changes}


def test_costly_full_collections_are_a_reason_to_change() -> None:
    recommendation = answer(costly_full_collections())
    assert recommendation.verdict == Verdict.CHANGE
    assert settings(recommendation)["gc.threshold2"] in {100, 300, 1000}
    assert recommendation.predicted is not None
    assert recommendation.predicted.cpu.high < 0.99


def test_all_three_thresholds_are_put_in_force_together() -> None:
    recommendation = answer(costly_full_collections())
    kept = {f"gc.threshold{number}": each for number, each in enumerate((2000, 10, 10))}
    assert recommendation.settings == {**kept, **settings(recommendation)}
    assert answer(profile([collection()])).settings == {}


def test_every_change_says_what_it_was_and_what_it_means() -> None:
    for change in answer(costly_full_collections()).changes:
        assert change.old != change.new
        assert change.meaning


def test_a_collector_that_costs_next_to_nothing_is_left_alone() -> None:
    recommendation = answer(profile(growing(cycles=40, cpu_ns=2_000), cpu_seconds=60.0))
    assert recommendation.verdict == Verdict.LEAVE_ALONE
    assert recommendation.changes == ()
    assert recommendation.reason.startswith("the collector takes 0.0% of CPU time")


def test_a_short_run_is_not_enough_evidence() -> None:
    recommendation = answer(profile(growing(cycles=2), cpu_seconds=0.1))
    assert recommendation.verdict == Verdict.NOT_ENOUGH
    assert recommendation.reason == "24 collections in 0.10 s of CPU time; capture a longer run"


def test_a_run_without_collections_is_left_alone() -> None:
    assert answer(profile(cpu_seconds=20.0)).verdict == Verdict.LEAVE_ALONE


def test_doubtful_costs_are_not_enough_evidence() -> None:
    """Three young collections say too little of what one costs."""
    few = [collection(cpu_ns=9_000_000) for _ in range(3)]
    recommendation = answer(profile(few, cpu_seconds=1.0))
    assert recommendation.verdict == Verdict.NOT_ENOUGH
    assert "capture a longer run" in recommendation.reason


def test_garbage_that_grows_old_before_any_full_collection_is_not_enough_evidence() -> None:
    """What generation 1 just misses piles up, and looks like a heap that grows."""
    found = [one._replace(collected=one.generation * 4000) for one in growing()]
    little = [one._replace(collected=one.generation * 500) for one in growing()]
    recommendation = answer(profile(found))
    assert recommendation.verdict == Verdict.NOT_ENOUGH
    assert recommendation.reason.startswith("generation 1 finds garbage, and no full collection")
    assert answer(profile(little)).verdict != Verdict.NOT_ENOUGH


def garbage_found(*found: int) -> Profile:
    """Costly full collections of a growing heap find so much."""
    events: list[object] = []
    for number, collected in enumerate(found):
        blocks = 50_000 + number * 132 * 4002
        top = blocks + 132 * 4002
        full = {"blocks_before": top, "blocks_after": top - 2 * collected, "collected": collected}
        events += growing(cycles=11, blocks=blocks)
        events.append(collection(2, count1=1, cpu_ns=100_000_000, **full))
    return profile(events)  # type: ignore[arg-type]


def test_garbage_that_only_began_to_pile_up_is_a_risk() -> None:
    begun = "garbage only began to pile up"
    assert any(risk.startswith(begun) for risk in answer(garbage_found(10, 10, 10, 900)).risks)
    steady = answer(garbage_found(300, 300, 300, 300))
    assert steady.changes
    assert not any(risk.startswith(begun) for risk in steady.risks)


def verdict(expected: float, high: float, toll: float = 1.0) -> str:
    return judged(expected, high, toll)[0]


def judged(expected: float, high: float, toll: float) -> tuple[str, str]:
    """Of other settings under which the collector takes so many times its CPU time.

    `toll` is the same with what is soon to come.
    """
    processes = Processes.of([summarise(costly_full_collections())])
    other = processes.predict((2000, 10, 100), freeze=False)
    was = other.was_seconds
    told = replace(other, gc_seconds=Estimate(expected * was, expected * was, high * was))
    paid = replace(told.was, seconds=toll * told.was.seconds)
    return judge(processes, replace(told, toll=paid), Goal.THROUGHPUT)


def test_a_change_is_worth_it_that_may_cost_less_than_it_is_to_save() -> None:
    assert verdict(expected=0.7, high=1.2) == Verdict.CHANGE
    assert verdict(expected=0.7, high=1.4) == Verdict.NOT_ENOUGH
    assert verdict(expected=0.99, high=1.0) == Verdict.LEAVE_ALONE


def test_only_a_full_collection_that_was_about_to_come_is_told_to_be_saved() -> None:
    coming, why = judged(expected=0.98, high=1.01, toll=0.8)
    assert coming == Verdict.CHANGE
    assert "a full collection was about to come" in why
    likely, why = judged(expected=0.8, high=1.4, toll=0.8)  # no full collection explains that
    assert likely == Verdict.CHANGE
    assert why.startswith("is likely to save")


def test_what_may_well_cost_much_is_no_change_however_much_it_is_to_save() -> None:
    assert verdict(expected=0.8, high=3.0, toll=0.8) == Verdict.NOT_ENOUGH
    assert verdict(expected=0.98, high=3.0, toll=0.8) == Verdict.LEAVE_ALONE


def shortened(was: float, high: float = 1.0) -> str:
    """For latency, of settings that halve a longest pause of so many seconds.

    The collector takes the CPU time that it took, and `high` times that at most.
    """
    processes = Processes.of([summarise(costly_full_collections())])
    other = processes.predict((2000, 10, 100), freeze=False)
    half, before = (replace(other.was, settled_seconds=each) for each in (was / 2, was))
    took = other.was_seconds
    other = replace(other, gc_seconds=Estimate(took, took, high * took))
    return judge(processes, replace(other, toll=half, was=before), Goal.LATENCY)[0]


def test_a_shorter_pause_is_no_reason_for_what_may_well_cost_much() -> None:
    assert shortened(0.1, high=1.1) == Verdict.CHANGE
    assert shortened(0.1, high=2.0) == Verdict.LEAVE_ALONE


def test_what_such_runs_take_is_told_where_the_captured_one_took_another_time() -> None:
    recommendation = answer(costly_full_collections())
    assert recommendation.predicted is not None
    took = recommendation.captured.gc_seconds
    again = replace(recommendation.predicted, usual_seconds=2 * took)
    assert "as such runs go" in shown(replace(recommendation, predicted=again))
    alike = replace(recommendation.predicted, usual_seconds=took)
    assert "as such runs go" not in shown(replace(recommendation, predicted=alike))


def shown(recommendation: Recommendation) -> str:
    console = Console(width=200, file=StringIO())
    console.print(render(recommendation))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_pause_is_worth_shortening_that_is_longer_than_those_of_the_system() -> None:
    assert shortened(0.006) == Verdict.CHANGE
    assert shortened(0.004) == Verdict.LEAVE_ALONE


@pytest.mark.parametrize(
    "own",
    [(-5, -3, -2), (-1, -1, -1), (0, 10, 10), (1, 1, 1), (700, 0, 0), (2000, -1, -1), (MOST,) * 3],
)
def test_whatever_thresholds_cpython_takes_there_is_an_answer(own: tuple[int, int, int]) -> None:
    made = profile(growing(cycles=5), thresholds=[own])
    said = answer(replace(made, header=replace(made.header, thresholds=own)))
    assert said.evidence[0].thresholds == own
    assert min((int(value) for value in said.settings.values()), default=0) >= 0


def test_a_threshold0_of_0_is_a_collector_kept_off() -> None:
    off = answer(profile(growing(), thresholds=[(0, 10, 10)] * 9))
    assert (off.verdict, "disabled" in off.reason) == (Verdict.LEAVE_ALONE, True)


def test_profiles_of_another_collector_are_refused() -> None:
    with pytest.raises(ProfileError, match=r"generational collector of cpython 3\.13\.0, and"):
        answer(profile(growing()), target=interpreter((3, 14, 2), Collector.INCREMENTAL))
    with pytest.raises(ProfileError, match="of the incremental collector"):
        answer(profile(growing(), collector=Collector.INCREMENTAL))


def test_what_adaptive_mode_moved_is_not_taken_for_the_programs_own() -> None:
    paced = replace(profile(growing()), paced=(Paced(1, "start", ("freeze",), (6666, 1, 1000)),))
    with pytest.raises(ProfileError, match=r"of adaptive mode, .* GCTUNE_GC__MODE=static"):
        answer(paced)


def test_a_collector_that_is_not_simulated_is_refused_for_itself_too() -> None:
    target = interpreter((3, 14, 2), Collector.INCREMENTAL)
    with pytest.raises(ProfileError, match="whose rules are not simulated"):
        answer(profile(growing(), collector=Collector.INCREMENTAL), target=target)


def test_another_version_is_told() -> None:
    notes = answer(costly_full_collections(version=(3, 11, 7))).notes
    assert notes == ("captured under 3.11.7, recommended for 3.13.0",)


def test_several_profiles_are_one_answer_by_their_cpu_time() -> None:
    light = profile(growing(cycles=2), name="b", cpu_seconds=0.6)
    recommendation = answer(light, costly_full_collections(name="a"))
    assert [evidence.profile for evidence in recommendation.evidence] == ["a", "b"]
    assert recommendation.captured.cpu_seconds == pytest.approx(4.6)
    assert recommendation.verdict == Verdict.CHANGE


@pytest.mark.parametrize(("started", "peak"), [(0.5, 200 * MIB), (9.0, 100 * MIB)])
def test_memory_is_that_of_processes_that_ran_at_once(started: float, peak: int) -> None:
    """Each ran for a second: the other half a second later, or after the first."""
    first = costly_full_collections(name="a", started=0.0)
    other = costly_full_collections(name="b", started=started)
    assert answer(first, other).captured.peak_rss_bytes == peak


def test_what_is_best_for_all_but_harms_one_is_said_to_contradict() -> None:
    """Where each request's objects die, fewer collections are free; garbage grows cold."""
    level = {"blocks_before": 54_002, "blocks_after": 54_002}
    requests = [collection(cpu_ns=5_000_000, start_ns=n * 10**7, **level) for n in range(360)]
    served = profile(requests, name="served")
    cold = profile(growing(garbage=1500, cpu_ns=4_000_000), name="cold", started=100.0)
    assert settings(answer(served))["gc.threshold0"] == 5000
    recommendation = answer(served, cold)
    assert "gc.threshold0" not in settings(recommendation)
    assert recommendation.notes[0].startswith("cold contradicts: ")
    tried = choose(Processes.of(map(summarise, (served, cold))), Goal.THROUGHPUT, 2**30).tried
    assert max(one.worst for one in tried) <= 1.01  # more memory would buy no harm either


def test_a_profile_does_not_contradict_itself() -> None:
    """Though what is best in a longer run would have taken more in this one."""
    processes = Processes.of([summarise(costly_full_collections(name="alone"))])
    passed_over = processes.predict((200, 5, 5), freeze=False)
    assert passed_over.worst > 1.01
    assert list(notes(processes, passed_over, interpreter())) == []


def test_a_program_that_ran_on_is_told_as_a_risk() -> None:
    risks = answer(costly_full_collections(reason="seconds")).risks
    assert any("ran on after the recording" in risk for risk in risks)


def test_a_memory_limit_that_leaves_no_room_allows_no_memory() -> None:
    limit = Limit(100 * MIB, "/sys/fs/cgroup/memory.max")
    recommendation = answer(profile(growing(cycles=60, garbage=1800)), limit=limit)
    assert recommendation.budget.bytes == 0
    assert "/sys/fs/cgroup/memory.max" in recommendation.budget.how


@pytest.mark.parametrize(
    ("wish", "limit", "allowed"),
    [
        (Ratio(0.1), None, 100 * MIB),
        (Size(5 * MIB), None, 5 * MIB),
        (Size(5 * MIB), 4000 * MIB, 5 * MIB),
        (Size(5000 * MIB), 4000 * MIB, 2600 * MIB),
        (Ratio(0.1), 1100 * MIB, 0),
    ],
)
def test_the_budget_never_goes_above_the_limit_less_headroom(
    wish: Size | Ratio, limit: int | None, allowed: int
) -> None:
    known = Limit(limit, "memory.max") if limit else None
    assert budget_of(wish, known, 1000 * MIB).bytes == allowed


@pytest.mark.parametrize("goal", Goal.ALL)
def test_every_goal_has_an_answer(goal: str) -> None:
    profiles: Sequence[Profile] = [costly_full_collections(), profile(growing(garbage=1500))]
    recommendation = answer(*profiles, goal=goal)
    assert recommendation.goal == goal
    assert bool(recommendation.changes) == (recommendation.verdict == Verdict.CHANGE)


def test_no_pause_since_the_start_is_longer_than_the_longest(tmp_path: Path) -> None:
    """Not where the recording is cut off just before a full collection, either."""
    lines = gzip.decompress((PROFILES / "lint-3.13.profile.gz").read_bytes())
    (tmp_path / "cut").write_bytes(lines[: len(lines) // 2])
    found = recommend([read(tmp_path / "cut")], Goal.THROUGHPUT, TENTH, None)
    assert found.predicted is not None
    assert found.predicted.settled_before <= found.captured.pause_seconds
    assert found.predicted.settled_seconds <= found.predicted.pause_seconds.expected
