"""Under a monitor nothing hangs: not what logs and locks amid collections, and no child."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from children import BARE, TESTS, python

STRESS = str(Path(__file__).parent / "monitor_stress.py")


def _run(what: str, much: int) -> dict[str, object]:
    done = python(STRESS, what, str(much), environ={**BARE, "PYTHONPATH": TESTS})
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_program_that_logs_counts_and_locks_amid_collections_goes_on() -> None:
    found = _run("stress", 2)
    assert isinstance(found["rounds"], dict)
    assert isinstance(found["samples"], int)
    assert min(found["rounds"].values()) > 10
    assert found["samples"] > 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_every_child_of_a_busy_program_has_its_own_monitor() -> None:
    assert _run("forks", 100) == {"children": 100, "watched": 100}
