"""What a program below `gctune run` is told of its allocator before it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from children import plan, python
from servers import ENVIRON, RUN

from gctune.errors import UsageError
from gctune.host.interpreter import this_interpreter
from gctune.runtime.malloc import LIBRARIES, hand_down
from gctune.runtime.plan import Plan, Status

ASKED = plan(memory__arenas=2, memory__trim=4096, gc__threshold0=5000)
PRINT = "import os; print(os.environ.get('MALLOC_ARENA_MAX'), os.environ.get('LD_PRELOAD'))"
MAPPED = "import sys; print(sys.argv[1] in open('/proc/self/maps').read())"

glibc_only = pytest.mark.skipif(this_interpreter().libc != "glibc", reason="glibc's variables")


def statuses(given: Plan) -> dict[str, str]:
    return {step.setting: step.status for step in given.steps}


def run(*arguments: str, status: int = 0, **variables: str) -> str:
    environ = {**ENVIRON, **variables}
    done = python("-m", "gctune", "run", *arguments, environ=environ, status=status)
    return (done.stdout + done.stderr).strip()


def test_glibc_s_part_of_a_plan_goes_by_variables() -> None:
    given, variables = hand_down(ASKED, environ={})
    assert given == ASKED
    assert variables == {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "4096"}


def test_an_operator_s_own_variable_stands() -> None:
    given, variables = hand_down(ASKED, environ={"MALLOC_ARENA_MAX": "7"})
    assert variables == {"MALLOC_TRIM_THRESHOLD_": "4096"}
    assert statuses(given)["memory.arenas"] == Status.LEFT_ALONE
    assert given.steps[0].reason == "MALLOC_ARENA_MAX = 7 stands"


def test_an_operator_s_own_tunable_stands() -> None:
    tunables = "glibc.malloc.check=1:glibc.malloc.arena_max=7"
    given, variables = hand_down(ASKED, environ={"GLIBC_TUNABLES": tunables})
    assert variables == {"MALLOC_TRIM_THRESHOLD_": "4096"}
    assert statuses(given)["memory.arenas"] == Status.LEFT_ALONE
    assert given.steps[0].reason == "GLIBC_TUNABLES: glibc.malloc.arena_max = 7 stands"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder of LD_LIBRARY_PATH with a library that has the name of one."""
    path = tmp_path / "libjemalloc.so.2"
    path.touch()
    return path


def test_a_library_is_preloaded_before_what_the_operator_preloads(library: Path) -> None:
    environ = {"LD_LIBRARY_PATH": str(library.parent), "LD_PRELOAD": f"/lib/own.so:{library}"}
    given, variables = hand_down(ASKED, "jemalloc", environ)
    assert variables == {"LD_PRELOAD": f"{library} /lib/own.so"}
    assert statuses(given) == {
        "memory.arenas": Status.UNSUPPORTED,
        "memory.trim": Status.UNSUPPORTED,
        "gc.threshold0": Status.APPLIED,
    }


def test_a_library_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gctune.runtime.malloc._FOLDERS", ())
    with pytest.raises(UsageError, match=r"--malloc = 'mimalloc': no libmimalloc.so .*; install"):
        hand_down(ASKED, "mimalloc", {})


@glibc_only
def test_a_program_starts_with_them(tmp_path: Path) -> None:
    (tmp_path / "gctune.toml").write_text("[memory]\narenas = 2\n")
    config = str(tmp_path / "gctune.toml")
    command = [sys.executable, "-c", PRINT]
    assert run("--", *command, GCTUNE_CONFIG=config) == "2 None"
    assert run("--", *command, GCTUNE_CONFIG=config, MALLOC_ARENA_MAX="9") == "9 None"
    assert run("--", *command, GCTUNE_CONFIG=config, GCTUNE_DISABLE="1") == "None None"


@glibc_only
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_real_allocator_takes_glibc_s_place(library: str) -> None:
    try:
        hand_down(ASKED, library)
    except UsageError as refused:
        pytest.skip(str(refused))
    printed = run("--malloc", library, "--", sys.executable, "-c", MAPPED, f"lib{library}.so")
    assert printed == "True"


def test_an_allocator_that_nobody_knows_is_refused() -> None:
    printed = run("--malloc", "tcmalloc", "--", sys.executable, "-c", PRINT, status=2)
    assert all(library in printed for library in LIBRARIES)


@glibc_only
@pytest.mark.parametrize(
    ("inner", "printed"),
    [
        ({"GCTUNE_MEMORY__ARENAS": "3"}, "3 None"),
        ({"GCTUNE_MEMORY__ARENAS": "3", "MALLOC_ARENA_MAX": "9"}, "9 None"),
        ({}, "None None"),
        ({"GCTUNE_DISABLE": "1"}, "None None"),
    ],
)
def test_a_run_within_a_run_is_not_bound_by_the_outer_one(
    inner: dict[str, str], printed: str
) -> None:
    nested = ["env", "-u", "GCTUNE_MEMORY__ARENAS", *(f"{k}={v}" for k, v in inner.items()), *RUN]
    command = ["--", *nested, "--", sys.executable, "-c", PRINT]
    assert run(*command, GCTUNE_MEMORY__ARENAS="2") == printed


@glibc_only
def test_an_operator_s_own_variable_stands_in_a_run_within_a_run() -> None:
    command = ["--", *RUN, "--", sys.executable, "-c", PRINT]
    assert run(*command, MALLOC_ARENA_MAX="2", GCTUNE_MEMORY__ARENAS="2") == "2 None"
