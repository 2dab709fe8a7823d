"""The captured profiles of `profiles/`, and the recommendation each leads to.

`python tests/test_profiles.py` prints the rows of their README as they ought to be, and
what the project's README shows first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from gctune.profile.file import read
from gctune.recommender.recommendation import Recommendation, recommend, recommendations
from gctune.recommender.search import Goal
from gctune.report.recommendation import render
from gctune.settings.quantities import size_or_ratio

FOLDER = Path(__file__).parent.parent / "profiles"
PROGRAMS = FOLDER.parent / "tests" / "benchmarks" / "programs"
PROFILES = sorted(FOLDER.glob("*.profile.gz"))
NAMES = [path.name for path in PROFILES]
MOST_BYTES = 300_000


def _rows() -> Iterator[list[str]]:
    """The cells of each row in the README's tables."""
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _worded(answer: Recommendation) -> str:
    changes = (f"{each.setting} {each.old} -> {each.new}" for each in answer.changes)
    return f"{', '.join(changes) or answer.verdict}: {answer.reason}"


def _wanted(name: str) -> Iterator[list[str]]:
    """The rows that the README ought to have, one a goal."""
    profiles = [read(FOLDER / name)]
    answers = recommendations(profiles, Goal.ALL, size_or_ratio("10%"), None)
    return ([f"`{name}`", answer.goal, _worded(answer)] for answer in answers)


@pytest.mark.parametrize("name", NAMES)
def test_leads_to_the_recommendations_in_the_readme(name: str) -> None:
    told = [cells for cells in _rows() if cells[0] == f"`{name}`"]
    assert told[1:] == list(_wanted(name))  # the first tells of the program


def _shown_first() -> str:
    """What the project's README shows first."""
    answer = recommend(
        [read(FOLDER / "docs_build-3.13.profile.gz")], Goal.THROUGHPUT, size_or_ratio("10%"), None
    )
    out = Console(file=io.StringIO(), width=80, highlight=False)
    with out.capture() as captured:
        out.print(render(answer))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).strip()


def test_what_the_project_shows_first_is_what_it_says() -> None:
    assert _shown_first() in (FOLDER.parent / "README.md").read_text(encoding="utf-8")


def test_each_program_of_the_benchmark_and_no_other_is_in_the_readme() -> None:
    programs = {path.stem for path in PROGRAMS.glob("*.py")} - {"command"}
    assert {name.partition("-")[0] for name in NAMES} == programs
    assert {cells[0] for cells in _rows()} == {f"`{name}`" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_is_small_and_whole(name: str) -> None:
    profile = read(FOLDER / name)
    assert (FOLDER / name).stat().st_size < MOST_BYTES
    assert profile.closing is not None
    assert profile.closing.missed == (0, 0, 0)
    assert not profile.problems


@pytest.mark.parametrize("name", NAMES)
def test_names_no_place_of_the_machine_that_it_came_from(name: str) -> None:
    command = read(FOLDER / name).header.command
    assert command[0] == "python"
    assert not any(word.startswith(("/", "~")) for word in command)
    assert (FOLDER.parent / command[1]).is_file()


if __name__ == "__main__":
    for each in NAMES:
        for row in _wanted(each):
            print(f"| {' | '.join(row)} |")
    print(f"\n{_shown_first()}")
