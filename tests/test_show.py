"""`gctune show`: settings with their origins, the plan, what is in force."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import started
from children import BARE

from gctune.settings.layers import shape
from gctune.settings.sources import load


def show(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return started.run(("show", *arguments), {**BARE, "COLUMNS": "80", **variables}, directory)


def test_the_origin_of_a_variable_is_its_name(tmp_path: Path) -> None:
    done = show(tmp_path, ENVIRONMENT="production", GCTUNE_GC__THRESHOLD0="5000")
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if "variable GCTUNE_GC" in line]
    assert line.split() == ["gc.threshold0", "5000", "variable", "GCTUNE_GC__THRESHOLD0"]
    assert "settings of production" in done.stdout


def test_no_name_is_cut_at_80_columns(tmp_path: Path) -> None:
    done = show(tmp_path, GCTUNE_POOLS__A_VERY_LONG_NAME__MAX_SIZE="3")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for name in load(environ={}, directory=tmp_path).origins:
        assert any(line.split()[:1] == [name] for line in lines)
    assert any(line.split()[:1] == ["pools.a_very_long_name.max_size"] for line in lines)
    assert "\x1b" not in done.stdout


def test_json_has_settings_plan_and_what_is_in_force(tmp_path: Path) -> None:
    (tmp_path / "gctune.toml").write_text("monitor.token = 'hunter2'\ngc.freeze = 'fork'\n")
    done = show(tmp_path, "--json", "--environment", "staging", ENVIRONMENT="production")
    data = json.loads(done.stdout)
    assert data["environment"] == "staging"
    assert {name.split(".")[0] for name in data["settings"]} == set(shape())
    assert data["settings"]["gc.freeze"] == {"value": "fork", "origin": "gctune.toml"}
    assert data["settings"]["memory.limit"] == {"value": 2**30, "origin": "preset staging"}
    assert [step["setting"] for step in data["plan"]["steps"]] == list(data["settings"])
    assert data["in_force"]["gc.enabled"] is True
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_is_wrong_goes_to_stderr(tmp_path: Path, form: list[str]) -> None:
    done = show(tmp_path, *form, GCTUNE_GC__FREZE="fork")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "GCTUNE_GC__FREZE = 'fork': unknown setting; did you mean GCTUNE_GC__FREEZE?\n"
    )


def test_a_warning_and_a_note_are_shown(tmp_path: Path) -> None:
    done = show(tmp_path, GCTUNE_GC__ENABLED="false")
    assert "taken" in done.stdout
    assert "notes" in done.stdout


def test_where_gctune_is_disabled_nothing_is_shown_as_applied(tmp_path: Path) -> None:
    (tmp_path / "gctune.toml").write_text("gc.threshold0 = 5000\n")
    disabled = show(tmp_path, "--json", GCTUNE_DISABLE="1")
    steps = {step["setting"]: step for step in json.loads(disabled.stdout)["plan"]["steps"]}
    assert {step["status"] for step in steps.values()} <= {"left alone", "unsupported"}
    assert steps["gc.threshold0"]["reason"] == "GCTUNE_DISABLE is set"
    assert disabled.stderr == ""


def test_a_disable_that_says_neither_yes_nor_no_is_told_of(tmp_path: Path) -> None:
    done = show(tmp_path, GCTUNE_DISABLE="flase")
    assert done.stderr.startswith("gctune: GCTUNE_DISABLE = 'flase': neither yes nor no")
