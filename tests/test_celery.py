"""A real worker of celery's: its processes are tuned and monitored, and leave between tasks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from children import python
from services import APPS, working

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the worker is run on Linux")


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a client of a worker under way needs to know."""
    folder = tmp_path_factory.mktemp("tasks")
    with working(folder, GCTUNE_MEMORY__RECYCLE="120MiB") as environ:
        yield environ


def results(code: str, environ: dict[str, str]) -> Any:
    """What a client prints."""
    prelude = "import json\nfrom tasks import grow, told\n"
    return json.loads(python("-c", prelude + code, environ=environ, directory=APPS).stdout)


def test_its_processes_are_tuned_and_monitored(environ: dict[str, str]) -> None:
    code = (
        "while not (answer := told.delay().get(timeout=50))['monitored']: pass\n"
        "print(json.dumps(answer))"
    )
    answer = results(code, environ)
    assert answer["threshold0"] == 543
    assert answer["frozen"] > 10_000


def test_no_task_is_lost_when_processes_leave_above_the_ceiling(environ: dict[str, str]) -> None:
    code = (
        "asked = [task for _ in range(5) for task in (grow.delay(120 << 20), told.delay())]\n"
        "print(json.dumps([each.get(timeout=50) for each in asked]))"
    )
    answers = results(code, environ)
    assert len(answers) == 10
    assert len({*answers[::2]}) == 5
