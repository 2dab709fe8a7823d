"""What the program says it does is counted by thread and by process, and stands in the profile."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from children import python, script

import gctune
from gctune.monitor import counting
from gctune.profile.file import Profile, read
from gctune.profile.siblings import siblings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile"


def counted(profile: Profile) -> dict[str, int]:
    return {count.name: count.total for count in profile.counts}


def test_what_is_counted_while_a_capture_runs_stands_in_its_profile(path: Path) -> None:
    with gctune.capture(path):
        gctune.count()
        gctune.count(5)
        gctune.count(2, "jobs")
    assert counted(read(path)) == {"operations": 6, "jobs": 2}


@pytest.mark.parametrize("n", ["x", None, 1.5, -5, 0, 2**63, [], object()], ids=repr)
def test_what_is_no_number_of_operations_is_not_counted_and_raises_nothing(
    path: Path, n: Any
) -> None:
    gctune.count(n)
    with gctune.capture(path):
        gctune.count(3)
        gctune.count(n)
    gctune.count(n)
    assert counted(read(path)) == {"operations": 3}


@pytest.mark.parametrize("name", [None, 5, ["jobs"]], ids=repr)
def test_a_kind_whose_name_is_no_text_is_not_counted_and_raises_nothing(
    path: Path, name: Any
) -> None:
    with gctune.capture(path):
        gctune.count(name=name)
    assert counted(read(path)) == {}


def test_what_was_counted_before_does_not(path: Path) -> None:
    counting.start()
    gctune.count(100)
    with gctune.capture(path):
        gctune.count(3)
    assert counted(read(path)) == {"operations": 3}


def test_without_a_capture_nothing_is_counted() -> None:
    code = """
import gctune
from gctune.monitor import counting
gctune.count(1000)
print(counting.totals())
"""
    assert script(code) == "{}"


def test_a_program_that_counts_nothing_has_no_counts(path: Path) -> None:
    with gctune.capture(path):
        pass
    assert read(path).counts == ()


def test_no_count_of_any_thread_is_lost(path: Path) -> None:
    def work() -> None:
        for _ in range(20_000):
            gctune.count(name="threads")

    with gctune.capture(path):
        for _ in range(2):  # the second time round, identifiers are used again
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert counted(read(path)) == {"threads": 160_000}


def test_names_without_end_take_no_memory() -> None:
    code = """
import gctune
from gctune.monitor import counting
counting.start()
for number in range(1000):
    gctune.count(name=f"request {number}")
print(len(counting.totals()))
"""
    assert script(code) == "16"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_counts_for_itself(path: Path) -> None:
    code = f"""
import gctune, os
with gctune.capture({str(path)!r}) as recording:
    gctune.count(7)
    child = os.fork()
    gctune.count(1 if child else 20)
    if not child:
        recording.stop()
        os._exit(0)
    os.waitpid(child, 0)
"""
    python("-c", code)
    (child,) = siblings(path)
    assert counted(read(path)) == {"operations": 8}
    assert counted(read(child)) == {"operations": 20}
