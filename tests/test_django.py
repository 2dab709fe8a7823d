"""A real Django project: tuned once it is set up, its requests told of, its settings checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from children import python
from servers import ENVIRON, serving

APPS = Path(__file__).parent / "apps"
TEST = {"GCTUNE_ENVIRONMENT": "test"}

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the server is run on Linux")


def told(at: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What the project says of its worker, below gunicorn."""
    command = ["-w", "1", *arguments, "django_site:application"]
    with serving([], *command, directory=APPS, at=at, **TEST, **variables) as ask:
        answer: dict[str, Any] = json.loads(ask())
        return answer


def checked(status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**ENVIRON, **TEST, **variables}
    command = ["django_site.py", "check", "--fail-level", "WARNING"]
    return python(*command, environ=environ, directory=APPS, status=status)


@on_linux
def test_the_project_is_tuned_and_its_requests_are_told_of(tmp_path: Path) -> None:
    answer = told(tmp_path, GCTUNE_GC__THRESHOLD0="543")
    assert (answer["threshold0"], answer["in_flight"]) == (543, 1)


@on_linux
def test_below_our_gunicorn_hooks_a_request_is_told_of_once(tmp_path: Path) -> None:
    answer = told(tmp_path, "-c", "python:gctune.integrations.gunicorn")
    assert answer["in_flight"] == 1


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_within_our_middleware_a_request_is_told_of_once(kind: str) -> None:
    done = python("django_nested.py", kind, environ={**ENVIRON, **TEST}, directory=APPS)
    assert done.stdout == "1 0 {'operations': 1}\n"


def test_a_check_names_every_problem_of_the_settings() -> None:
    done = checked(1, GCTUNE_GC__THRESHOLD0="lots", GCTUNE_GC__FREZE="fork")
    assert "(gctune.E001) GCTUNE_GC__THRESHOLD0 = 'lots': not an integer" in done.stderr
    assert "GCTUNE_GC__FREZE" in done.stderr


def test_settings_without_a_problem_pass_the_check() -> None:
    assert "no issues" in checked(GCTUNE_GC__THRESHOLD0="543").stdout


@on_linux
def test_a_project_with_bad_settings_serves_all_the_same(tmp_path: Path) -> None:
    assert told(tmp_path, GCTUNE_GC__THRESHOLD0="lots")["threshold0"] != 543
