"""Whatever COLUMNS says, a command prints all that it has to say."""

from __future__ import annotations

import re

import pytest
from captured import PROFILES
from children import BARE, python

from gctune.cli.console import console

RECOMMEND = ("recommend", "--for-python", "3.13.0", str(PROFILES / "docs_build-3.13.profile.gz"))


@pytest.mark.parametrize("columns", ["", "0", "-1", "many", "9999999", "99999999999"])
def test_a_width_that_cannot_be_prints_as_a_pipe_does(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console().print("word " * 150)
    monkeypatch.setenv("COLUMNS", columns)
    console().print("word " * 150)
    usual, told = capsys.readouterr().out.splitlines()
    assert told == usual


@pytest.mark.parametrize("words", [("show",), ("alerts",), RECOMMEND], ids=lambda words: words[0])
def test_every_command_prints_at_columns_0_as_at_none(words: tuple[str, ...]) -> None:
    usual = python("-m", "gctune", *words).stdout
    assert python("-m", "gctune", *words, environ={**BARE, "COLUMNS": "0"}).stdout == usual


def test_doctor_prints_whatever_columns_says() -> None:
    usual = python("-m", "gctune", "doctor").stdout
    told = python("-m", "gctune", "doctor", environ={**BARE, "COLUMNS": "0"}).stdout
    assert _without_numbers(told) == _without_numbers(usual)


def _without_numbers(text: str) -> list[str]:
    """The memory in use is another a moment later."""
    return re.sub("[0-9.]+", "0", text).split()


def test_no_line_of_a_pipe_is_folded_or_filled_with_blanks() -> None:
    lines = python("-m", "gctune", *RECOMMEND).stdout.splitlines()
    told = "no full collection falls within a run as long as the captured one: old garbage piles up"
    assert [line for line in lines if told in line]
    assert max(map(len, lines)) < 300
