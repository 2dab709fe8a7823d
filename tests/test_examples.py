"""The examples run as their first lines say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from servers import ENVIRON, RUN, ask, listening, serving

EXAMPLES = Path(__file__).parent.parent / "examples"
WEB_SERVICE = EXAMPLES / "web_service"
ALERTS = {"leak": "leak", "pauses": "gc_pause", "bursts": "allocation_rate"}


def served(name: str, at: Path) -> dict[str, object]:
    """What the service says that the command in its docstring starts."""
    text = (WEB_SERVICE / f"{name}.py").read_text()
    found = re.search(r"^ENVIRONMENT=(\w+) (?:(gctune run --) )?gunicorn (.+)$", text, re.MULTILINE)
    assert found
    environment, run, arguments = found.groups()
    prefix = [*RUN, "--"] if run else []
    with serving(
        prefix, *shlex.split(arguments), directory=WEB_SERVICE, at=at, ENVIRONMENT=environment
    ) as ask:
        told: dict[str, object] = json.loads(ask())
    return told


def test_the_service_that_tunes_itself(tmp_path: Path) -> None:
    outcomes = served("app", tmp_path)
    assert outcomes["gc.threshold0"] == "applied"
    assert outcomes["gc.freeze"] == "applied"


def test_the_service_that_is_tuned_from_outside(tmp_path: Path) -> None:
    status = served("untouched", tmp_path)
    assert status["threshold0"] == 10_000
    assert isinstance(status["frozen"], int)
    assert status["frozen"] > 50_000


def test_the_service_that_is_tuned_from_outside_imports_no_gctune() -> None:
    assert "import gctune" not in (WEB_SERVICE / "untouched.py").read_text()


def test_the_asynchronous_service(tmp_path: Path) -> None:
    folder, path = EXAMPLES / "async_service", tmp_path / "socket"
    found = re.search(r"^(\w+)=(\w+) (uvicorn .+)$", (folder / "app.py").read_text(), re.MULTILINE)
    assert found
    name, value, command = found.groups()
    variables = {name: value, "GCTUNE_ENVIRONMENT": "test"}
    uvicorn = [*shlex.split(command), "--uds", str(path)]
    with listening(*uvicorn, directory=folder, path=path, **variables):
        assert ask(path) == "50000 items"


def test_each_program_raises_its_alert_and_no_other() -> None:
    """Each ends when its own is raised; what else is raised by then is told too."""
    environ = {**ENVIRON, "GCTUNE_ENVIRONMENT": "test"}
    programs = {
        name: subprocess.Popen(
            [sys.executable, f"{name}.py"],
            cwd=EXAMPLES / "alerts",
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name in ALERTS
    }
    told = {name: program.communicate(timeout=60)[0] for name, program in programs.items()}
    rules = {name: set(re.findall(r"^alert (\w+)", lines, re.M)) for name, lines in told.items()}
    assert rules == {name: {rule} for name, rule in ALERTS.items()}
    assert {program.returncode for program in programs.values()} == {0}
