"""What more memory would buy is told where it is much, and comes true when it is asked for."""

from __future__ import annotations

import re

import pytest
from captured import PROFILES

from gctune.host.container import Limit
from gctune.profile.file import read
from gctune.recommender.recommendation import recommend
from gctune.recommender.search import Goal
from gctune.settings.quantities import Ratio

SERVICE = read(PROFILES / "service-3.13.profile.gz")  # much of its garbage dies old
CHEAP = read(PROFILES / "web_app-3.13.profile.gz")  # the collector takes 3% of its CPU time
TOLD = re.compile(r"--memory-budget (\d+)% would allow ([\d/]+), which saves about (\d+)%")


def told(profile: object, goal: str = Goal.THROUGHPUT, limit: Limit | None = None) -> list[str]:
    notes = recommend([profile], goal, Ratio(0.1), limit).notes  # type: ignore[list-item]
    return [note for note in notes if "--memory-budget" in note]


def test_what_more_memory_would_save_comes_true_when_it_is_asked_for() -> None:
    (note,) = told(SERVICE)
    found = TOLD.match(note)
    assert found is not None
    share, _, saved = found.groups()
    asked = recommend([SERVICE], Goal.THROUGHPUT, Ratio(int(share) / 100), None)
    assert asked.predicted is not None
    assert asked.predicted.cpu.expected <= 1 - int(saved) / 100 + 0.01


def test_no_more_memory_is_proposed_than_the_limit_leaves() -> None:
    peak = recommend([SERVICE], Goal.THROUGHPUT, Ratio(0.1), None).captured.peak_rss_bytes
    assert told(SERVICE, limit=Limit(int(peak * 1.3), "memory.max")) == []
    assert told(SERVICE, limit=Limit(peak * 10, "memory.max")) == told(SERVICE)


@pytest.mark.parametrize("goal", [Goal.LATENCY, Goal.MEMORY])
def test_who_asks_for_something_else_is_not_told(goal: str) -> None:
    assert told(SERVICE, goal) == []


def test_nothing_is_told_where_there_is_little_to_save() -> None:
    assert told(CHEAP) == []
