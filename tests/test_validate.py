"""`gctune validate`: every environment at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from children import python
from click.testing import CliRunner

from gctune.cli import gctune
from gctune.errors import ConfigError, UsageError


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_configuration_is_said_to_be_so(directory: Path) -> None:
    (directory / "gctune.toml").write_text("[environments.canary]\nextends = 'production'\n")
    result = CliRunner().invoke(gctune, ["validate"])
    assert result.exit_code == 0
    assert result.stdout == "no problem in development, test, staging, production, canary\n"


def test_every_problem_of_every_environment_is_told_once(directory: Path) -> None:
    (directory / "my.toml").write_text(
        "gc.freeze = 1\n[environments.a]\ngc.mode = 1\n[environments.b]\nextends = 'c'\n"
    )
    result = CliRunner().invoke(gctune, ["validate", "my.toml"])
    assert isinstance(result.exception, ConfigError)
    assert [problem.split(" = ")[0] for problem in result.exception.problems] == [
        "my.toml:1: gc.freeze",
        "my.toml:3: environments.a.gc.mode",
        "my.toml:5: environments.b.extends",
    ]


def test_the_environment_that_is_in_effect_is_checked_too(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "gctune.toml").write_text("[environments.canary]\n")
    monkeypatch.setenv("ENVIRONMENT", "canary")
    assert CliRunner().invoke(gctune, ["validate"]).exit_code == 0
    monkeypatch.setenv("ENVIRONMENT", "qa")
    result = CliRunner().invoke(gctune, ["validate"])
    assert str(result.exception) == (
        "ENVIRONMENT = 'qa': unknown environment;"
        " give one of development, test, staging, production, canary"
    )


def test_a_project_file_that_is_not_read_is_told(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"

    def told(text: str, mode: int, status: int = 0) -> str:
        project.write_text(text)
        project.chmod(mode)
        done = python("-m", "gctune", "validate", directory=tmp_path, status=status)
        return done.stderr

    wrong = "pyproject.toml: anybody may write it; take that from it, with chmod o-w"
    assert told("[project]\n", 0o644) == ""
    assert told("[project]\n", 0o666) == f"gctune: {wrong} (not read for settings)\n"
    assert told("[tool.gctune.gc]\nfreeze = 'fork'\n", 0o666, status=1) == f"{wrong}\n"


def test_json_holds_the_same(directory: Path) -> None:
    result = CliRunner().invoke(gctune, ["validate", "--json"])
    assert json.loads(result.stdout) == {
        "environments": ["development", "test", "staging", "production"],
        "problems": [],
    }
    result = CliRunner().invoke(gctune, ["validate", "--json", "gone.toml"])
    assert json.loads(result.stdout)["problems"] == [
        "gone.toml: cannot be read: no such file or directory; name a readable file"
    ]
    assert result.exit_code == 1


def test_a_name_that_is_empty_or_without_end_is_told_short(directory: Path) -> None:
    for name, told in (("", "'': "), ("a/" * 2500, "a/a/")):
        result = CliRunner().invoke(gctune, ["validate", name])
        assert isinstance(result.exception, ConfigError)
        assert str(result.exception).startswith(told)
        assert len(str(result.exception)) < 400


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("MEMORY__MMAP", "64MiB", "above 32MiB; give 32MiB or less"),
        ("MEMORY__HARD_LIMIT", "10", "a number of bytes, below 1MiB; write '10%' or '10MiB'"),
        ("MEMORY__HARD_LIMIT", "10kB", "below 1MiB; give 1MiB or more"),
        ("MEMORY__LIMIT", "1", "a number of bytes, below 1MiB; write '1%' or '1MiB'"),
        ("MEMORY__RECYCLE", "512", "a number of bytes, below 1MiB; write '512MiB'"),
        ("MEMORY__HEADROOM", "10", "a number of bytes, below 1MiB; write '10%' or '10MiB'"),
        ("MEMORY__GARBAGE_BUDGET", "1000000", "a number of bytes, below 1MiB; give 1MiB or more"),
        ("ALERTS__HEAP__THRESHOLD", "80", "a number of bytes, below 1MiB; write '80%' or '80MiB'"),
    ],
)
def test_what_no_process_can_put_in_force_is_a_problem_of_the_setting(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, wrong: str
) -> None:
    monkeypatch.setenv(f"GCTUNE_{name}", value)
    for command in ("validate", "show"):
        result = CliRunner().invoke(gctune, [command])
        assert str(result.exception) == f"GCTUNE_{name} = {value!r}: {wrong}"


@pytest.mark.parametrize("command", ["run", "show", "alerts", "verify"])
def test_an_environment_that_there_is_not_is_bad_usage(directory: Path, command: str) -> None:
    (directory / "gctune.toml").write_text("[environments.canary]\n")
    program = ["true"] if command in ("run", "verify") else []
    result = CliRunner().invoke(gctune, [command, "--environment", "nope", *program])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "--environment = 'nope': unknown environment;"
        " give one of development, test, staging, production, canary"
    )


@pytest.mark.parametrize("arguments", [["a" * 5000], ["recommend", "x", "--goal", "a" * 5000]])
def test_a_usage_error_repeats_no_argument_without_end(arguments: list[str]) -> None:
    result = CliRunner().invoke(gctune, arguments)
    assert result.exit_code == 2
    assert len(result.stderr) < 1000
