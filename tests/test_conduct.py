"""What real programs do to their collector is seen in their captures, told, and minded."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from captured import growing, profile
from children import BARE, python

from gctune.errors import ProfileError
from gctune.host.interpreter import Collector, this_interpreter
from gctune.profile.file import Profile, read
from gctune.profile.siblings import siblings
from gctune.recommender.judgement import Verdict
from gctune.recommender.recommendation import Recommendation, recommend
from gctune.recommender.search import Goal
from gctune.settings.quantities import Ratio

pytestmark = pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL,
    reason=f"the collector of {sys.version.split()[0]} is not simulated",
)

PROGRAM = """
import gc, os, signal, sys, time
from gctune.profile.capture import capture

class Node:
    def __init__(self):
        self.me = [self]

def work(seconds):
    kept, until = [], time.process_time() + seconds
    while time.process_time() < until:
        kept += [{"key": [number]} for number in range(2000)]
        Node()

with capture(sys.argv[1]):
"""


def run(folder: Path, body: str) -> Path:
    """Capture a program that works, and does what `body` says."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    python("-c", PROGRAM + lines, str(folder / "app.profile"), environ=BARE)
    return folder / "app.profile"


def answer(*profiles: Profile) -> Recommendation:
    return recommend(profiles, Goal.THROUGHPUT, Ratio(0.1), None)


def test_its_own_calls_of_collect_are_counted_with_their_cost(tmp_path: Path) -> None:
    path = run(tmp_path, "for _ in range(5): work(0.15); gc.collect()")
    told = answer(read(path)).evidence[0].told
    assert any(line.startswith("the program itself calls for 5 of ") for line in told)


def test_thresholds_that_it_sets_are_those_that_changes_are_from(tmp_path: Path) -> None:
    recommendation = answer(read(run(tmp_path, "gc.set_threshold(300, 5, 5); work(1)")))
    (evidence,) = recommendation.evidence
    assert evidence.thresholds == (300, 5, 5)
    assert any(line.endswith("then 300/5/5") for line in evidence.told)
    assert recommendation.verdict == Verdict.CHANGE
    assert recommendation.changes[0].old in {300, 5}
    assert any("sets its thresholds itself" in risk for risk in recommendation.risks)


def test_a_collector_kept_off_is_left_alone_with_that_reason(tmp_path: Path) -> None:
    recommendation = answer(read(run(tmp_path, "gc.disable(); work(0.7); gc.collect()")))
    assert recommendation.verdict == Verdict.LEAVE_ALONE
    assert "keeps the collector disabled" in recommendation.reason


def test_a_collector_off_for_a_time_is_told(tmp_path: Path) -> None:
    path = run(tmp_path, "work(0.4); gc.disable(); work(0.6); gc.enable(); work(0.4)")
    told = answer(read(path)).evidence[0].told
    assert any(line.startswith("the program disables the collector for ") for line in told)


def test_objects_that_it_freezes_are_told_and_freezing_is_not_recommended(tmp_path: Path) -> None:
    path = run(tmp_path, "kept = [[] for _ in range(9999)]; gc.freeze(); work(0.7)")
    recommendation = recommend([read(path)], Goal.LATENCY, Ratio(0.1), None)
    (frozen,) = [line for line in recommendation.evidence[0].told if "freezes" in line]
    assert int(frozen.split()[3]) > 9999
    assert "gc.freeze" not in {change.setting for change in recommendation.changes}


def test_a_run_that_is_too_short_is_not_enough(tmp_path: Path) -> None:
    recommendation = answer(read(run(tmp_path, "work(0.1)")))
    assert recommendation.verdict == Verdict.NOT_ENOUGH
    assert recommendation.reason.endswith("capture a longer run")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_workers_that_died_are_told_and_the_rest_is_used(tmp_path: Path) -> None:
    """Two forked workers work side by side; one of them is killed."""
    path = run(
        tmp_path,
        "if os.fork() == 0: work(0.7); os.kill(os.getpid(), signal.SIGKILL)\n"
        "if os.fork() == 0: work(0.7); sys.exit()\n"
        "os.wait(); os.wait()",
    )
    paths = [path, *siblings(path)]
    recommendation = answer(*map(read, paths))
    cut = [one for one in recommendation.evidence if any("cut off" in line for line in one.told)]
    assert [len(paths), len(cut)] == [3, 1]
    assert recommendation.captured.cpu_seconds > 1


def test_a_profile_that_lost_collections_is_not_enough() -> None:
    """Of 360 collections that the collector counted every other one is missing."""
    events = list(growing(cycles=30))
    whole, half = (
        profile(kept, thresholds=[(2000, 10, 10)] * 4, totals=[100, 200, 300, 360])
        for kept in (events, events[::2])
    )
    assert answer(whole).verdict != Verdict.NOT_ENOUGH
    recommendation = answer(half)
    assert recommendation.verdict == Verdict.NOT_ENOUGH
    assert recommendation.reason == "50% of the collections were recorded; capture again"


def test_profiles_of_two_pythons_are_refused_together() -> None:
    newer, older = profile(growing()), profile(growing(), version=(3, 12, 1), name="old.profile")
    wrong = r"old\.profile.*of cpython 3\.12\.1, and app\.profile is of cpython 3\.13\.0"
    with pytest.raises(ProfileError, match=wrong):
        answer(newer, older)


def test_patch_releases_of_one_python_go_together() -> None:
    older = profile(growing(), version=(3, 13, 1))
    assert answer(profile(growing()), older).verdict != Verdict.NOT_ENOUGH
