"""gctune.apply() resolves, or takes the plan handed down; GCTUNE_DISABLE turns it off."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from children import BARE, below, plan, python

ORDINARY = gc.get_threshold()[0]
DISABLED = "GCTUNE_DISABLE is set"


def said(code: str, environ: dict[str, str], directory: Path) -> str:
    done = python("-c", "import gc, gctune\n" + code, environ=environ, directory=directory)
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_variable_is_put_in_force_and_undone(tmp_path: Path) -> None:
    code = (
        "a = gctune.apply(); print(gc.get_threshold()[0])\na.undo(); print(gc.get_threshold()[0])"
    )
    environ = {**BARE, "ENVIRONMENT": "production", "GCTUNE_GC__THRESHOLD0": "5000"}
    assert said(code, environ, tmp_path).split() == ["5000", str(ORDINARY)]


def test_an_argument_beats_a_variable(tmp_path: Path) -> None:
    code = "gctune.apply(gc={'threshold0': 6000}); print(gc.get_threshold()[0])"
    assert said(code, {**BARE, "GCTUNE_GC__THRESHOLD0": "5000"}, tmp_path) == "6000"


def test_the_environment_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "gctune.toml").write_text("[environments.staging.gc]\nthreshold0 = 6000\n")
    for argument in ("environment='staging'", "'staging'"):
        code = f"print(gctune.apply({argument}).plan.environment, gc.get_threshold()[0])"
        assert said(code, BARE, tmp_path) == "staging 6000"


def test_every_setting_has_its_outcome(tmp_path: Path) -> None:
    code = "a = gctune.apply(); print(len(a.plan.steps) == len(a.outcomes) > 10)"
    assert said(code, BARE, tmp_path) == "True"


def test_a_bad_setting_names_itself_and_changes_nothing(tmp_path: Path) -> None:
    code = (
        "try: gctune.apply(gc={'threshold0': 'lots'})\n"
        "except gctune.ConfigError as error: print(len(error.problems), error)\n"
        "print(gc.get_threshold()[0])"
    )
    problem, threshold = said(code, BARE, tmp_path).splitlines()
    assert problem.startswith("1 ")
    assert "gc.threshold0 = 'lots': " in problem
    assert threshold == str(ORDINARY)


def test_a_plan_handed_down_is_taken_without_pydantic(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "first = gctune.apply()\n"
        "print(first is gctune.apply(), first.plan.environment, gc.get_threshold()[0])\n"
        "print(sorted({'pydantic', 'json', 'typing'} & set(sys.modules)))"
    )
    told = said(code, below(plan(gc__threshold0=5432)), tmp_path).splitlines()
    assert told == ["True test 5432", "[]"]


def test_arguments_beat_a_plan_handed_down(tmp_path: Path) -> None:
    code = (
        "with gctune.apply(gc={'threshold0': 6000}): print(gc.get_threshold()[0])\n"
        "print(gc.get_threshold()[0])"
    )
    assert said(code, below(plan(gc__threshold0=5432)), tmp_path).split() == ["6000", "5432"]


def test_a_block_leaves_a_plan_handed_down_in_force(tmp_path: Path) -> None:
    code = "with gctune.apply(): pass\nprint(gc.get_threshold()[0])"
    assert said(code, below(plan(gc__threshold0=5432)), tmp_path) == "5432"


def test_a_wrong_plan_is_passed_over(tmp_path: Path) -> None:
    code = "gctune.apply(); print(gc.get_threshold()[0])"
    environ = {**BARE, "GCTUNE_PLAN": "garbage", "GCTUNE_GC__THRESHOLD0": "5000"}
    assert said(code, environ, tmp_path) == "5000"


@pytest.mark.parametrize("handed_down", [BARE, below(plan(gc__threshold0=5432))])
def test_disable_leaves_every_setting_alone(handed_down: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gctune.toml").write_text("this is no toml")
    code = (
        "a = gctune.apply(environment='no such')\n"
        "print(gc.get_threshold()[0], len(a.outcomes) > 5, {(o.status, o.reason) for o in"
        " a.outcomes}); gctune.warmup_done(); print(gc.get_freeze_count() < 1001, a.undo())"
    )
    first, second = said(code, {**handed_down, "GCTUNE_DISABLE": "1"}, tmp_path).splitlines()
    assert first == f"{ORDINARY} True {{('left alone', '{DISABLED}')}}"
    assert second == "True ()"


STATUS = "print(gctune.apply(gc={'threshold0': 5432}).outcomes[0].status)"


@pytest.mark.parametrize("word", ["false", "off", "no", "FALSE", " ", "0"])
def test_a_disable_that_says_no_disables_nothing(word: str, tmp_path: Path) -> None:
    assert said(STATUS, {**BARE, "GCTUNE_DISABLE": word}, tmp_path) == "applied"


@pytest.mark.parametrize("word", ["1", "true", "YES", "on "])
def test_a_disable_that_says_yes_disables_without_a_word(word: str, tmp_path: Path) -> None:
    assert said(STATUS, {**BARE, "GCTUNE_DISABLE": word}, tmp_path) == "left alone"


def test_a_disable_that_says_neither_disables_with_a_warning(tmp_path: Path) -> None:
    environ = below(plan(gc__threshold0=5432), GCTUNE_DISABLE="flase")
    done = python("-c", f"import gctune; {STATUS}", environ=environ, directory=tmp_path)
    told = "gctune: GCTUNE_DISABLE = 'flase': neither yes nor no, and taken for yes; give 1 or 0\n"
    assert (done.stdout, done.stderr) == ("left alone\n", 2 * told)  # at the start, and by apply


@pytest.mark.skipif(sys.platform != "linux", reason="resource limits of Linux")
def test_what_cannot_be_put_in_force_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    code = (
        "try: gctune.apply(gc={'threshold0': 5000}, memory={'hard_limit': '1MiB'})\n"
        "except gctune.ApplyError as error: print(error)\n"
        "print(gc.get_threshold()[0])"
    )
    problem, threshold = said(code, BARE, tmp_path).splitlines()
    assert problem.startswith("memory.hard_limit = 1048576: below the ")
    assert threshold == str(ORDINARY)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux lets go of a working directory")
def test_a_working_directory_that_is_gone_is_an_error_of_gctune_s_own(tmp_path: Path) -> None:
    code = """
import gctune, os
os.rmdir(os.getcwd())
try:
    gctune.apply().undo()
except gctune.GctuneError as error:
    assert "use gctune run" in str(error)
print("ended")
"""
    assert said(code, BARE, tmp_path) == "ended"  # where pydantic raises SystemError


@pytest.mark.skipif(sys.version_info < (3, 13), reason="subinterpreters have no module before 3.13")
def test_a_subinterpreter_is_told_what_to_do_instead() -> None:
    code = """
import _interpreters
script = '''
import gctune
try:
    gctune.apply()
except gctune.ApplyError as error:
    print(error, flush=True)
'''
print(_interpreters.run_string(_interpreters.create(), script))
"""
    out = python("-c", code).stdout
    assert "use gctune run" in out
    assert out.endswith("None\n")
