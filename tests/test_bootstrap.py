"""Every Python below `gctune run` is tuned, and none can tell otherwise that gctune is there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from children import BARE, below, plan, python

from gctune.runtime.launch import BOOTSTRAP, bootstrap_environment

TUNED = plan(gc__threshold0=5432, gc__threshold1=21)
THRESHOLD = "import gc; print(gc.get_threshold()[0])"
ORDINARY = python("-c", THRESHOLD).stdout


def folder(path: Path, **files: str) -> str:
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    return str(path)


def test_a_program_starts_with_its_plan_in_force() -> None:
    done = python("-c", THRESHOLD, environ=below(TUNED))
    assert (done.stdout, done.stderr) == ("5432\n", "")


def test_a_tuned_program_carries_the_standard_library_alone() -> None:
    code = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    bare, tuned = (set(python("-c", code, environ=e).stdout.split()) for e in (BARE, below(TUNED)))
    assert "gctune" in tuned
    assert tuned - bare - {"gctune"} <= sys.stdlib_module_names


@pytest.mark.parametrize("variables", [{}, {"GCTUNE_PLAN": ""}])
def test_without_a_plan_it_does_nothing(variables: dict[str, str]) -> None:
    code = "import sys; print(sorted(sys.modules), sys.path)"
    done = python("-c", code, environ=bootstrap_environment(BARE, **variables))
    assert done.stdout == python("-c", code).stdout


def test_the_programs_path_is_as_without() -> None:
    code = "import sys; print(sys.path, 'sitecustomize' in sys.modules)"
    assert python("-c", code, environ=below(TUNED)).stdout == python("-c", code).stdout


def test_the_bootstrap_is_on_the_path_once() -> None:
    once = bootstrap_environment({"PYTHONPATH": f"a{os.pathsep}b"})
    assert bootstrap_environment(once) == once
    assert once["PYTHONPATH"].split(os.pathsep) == [BOOTSTRAP, "a", "b"]


@pytest.mark.parametrize("path", [{}, {"PYTHONPATH": ""}])
def test_no_path_becomes_the_bootstrap_alone(path: dict[str, str]) -> None:
    assert bootstrap_environment(path)["PYTHONPATH"] == BOOTSTRAP


TEXT = TUNED.to_text()
WRONG = {
    "garbage": "not a plan",
    "other format": TEXT.replace("plan 2", "plan 999"),
    "object": "{}",
    "nothing but tabs": "\t" * 9,
    "short": "\t".join(TEXT.split("\t")[:2]),
    "no number of steps": TEXT.replace("\t2\t", "\tmany\t"),
    "too many steps": TEXT.replace("\t2\t", "\t4\t"),
    "no number": TEXT.replace("5432", "many"),
    "other type": TEXT.replace("\tint\t", "\tlist\t"),
    "wrong escape": TEXT.replace("5432", "\\x5"),
    "out of range": plan(gc__threshold0=2**40).to_text(),
    "100 kB": TEXT + "x" * 100_000,
    "truncated": TEXT[:-1],
    "tail": TEXT + "]",
    "not ASCII": "\udcff\udcfe",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_plan_costs_a_line_and_stops_nothing(text: str) -> None:
    done = python("-c", THRESHOLD + "; raise SystemExit(7)", environ=below(text), status=7)
    assert done.stdout == ORDINARY
    assert done.stderr.startswith("gctune: GCTUNE_PLAN = ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 500


def test_a_plan_that_cannot_be_put_in_force_names_the_setting_and_where_it_comes_from() -> None:
    unfit = plan(origin="variable GCTUNE_GC__THRESHOLD0", gc__threshold0=2**40, gc__threshold1=21)
    done = python("-c", THRESHOLD, environ=below(unfit))
    assert done.stderr == (
        f"gctune: GCTUNE_PLAN = the plan of test: gc.threshold0 = {2**40}: out of range or not a"
        f" whole number; give one from 0 to {2**31 - 1} (it comes from variable"
        " GCTUNE_GC__THRESHOLD0); the program runs without it\n"
    )


def test_a_plan_truncated_anywhere_stops_nothing() -> None:
    for length in range(1, len(TEXT), 17):
        done = python("-c", THRESHOLD, environ=below(TEXT[:length]))
        assert done.stdout == ORDINARY
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["garbage", "{}", '{"path": "/nowhere/at/all"}', "[1]"])
def test_a_wrong_capture_stops_nothing(text: str) -> None:
    done = python("-c", THRESHOLD, environ=below(TUNED, GCTUNE_CAPTURE=text))
    assert done.stdout == "5432\n"
    assert done.stderr.startswith("gctune: GCTUNE_CAPTURE = ")
    assert done.stderr.count("\n") == 1


def test_disable_turns_it_off() -> None:
    done = python("-c", THRESHOLD, environ=below(TUNED, GCTUNE_DISABLE="1", GCTUNE_CAPTURE="x"))
    assert (done.stdout, done.stderr) == (ORDINARY, "")


@pytest.mark.parametrize("flag", ["-E", "-I", "-S"])
def test_a_python_told_to_skip_it_runs_on(flag: str) -> None:
    done = python(flag, "-c", THRESHOLD, environ=below(TUNED))
    assert (done.stdout, done.stderr) == (ORDINARY, "")


WHOSE = "import sys; print(sys.modules['sitecustomize'].__file__); import told; print(told.said)"


def test_it_chains_to_a_sitecustomize_on_the_path(tmp_path: Path) -> None:
    path = folder(
        tmp_path, sitecustomize="import told; told.said = __name__", told="said = 'nothing'"
    )
    done = python("-c", WHOSE + ";" + THRESHOLD, environ=below(TUNED, PYTHONPATH=path))
    assert done.stdout.split() == [f"{path}/sitecustomize.py", "sitecustomize", "5432"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    "code",
    [
        "raise RuntimeError('mine')",
        "import no_such_module",
        "import sitecustomize; sitecustomize.nothing",
    ],
)
def test_a_sitecustomize_that_fails_does_so_as_ever(code: str, tmp_path: Path) -> None:
    path = folder(tmp_path, sitecustomize=code)
    stock = python("-c", THRESHOLD, environ={**BARE, "PYTHONPATH": path})
    tuned = python("-c", THRESHOLD, environ=below(TUNED, PYTHONPATH=path))
    assert (tuned.stdout, tuned.stderr) == ("5432\n", stock.stderr)
    assert "sitecustomize" in stock.stderr


def test_what_a_sitecustomize_sets_goes_before_a_preset(tmp_path: Path) -> None:
    path = folder(tmp_path, sitecustomize="import gc; gc.set_threshold(1234)")
    preset = plan(origin="preset production", gc__threshold0=5432)
    for handed_down, expected in ((preset, "1234\n"), (TUNED, "5432\n")):
        done = python("-c", THRESHOLD, environ=below(handed_down, PYTHONPATH=path))
        assert done.stdout == expected


@pytest.fixture(scope="module")
def bare_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has no gctune, with a sitecustomize among its packages."""
    home = tmp_path_factory.mktemp("venv")
    python("-m", "venv", "--without-pip", str(home))
    (packages,) = home.glob("lib/python*/site-packages")
    folder(packages, sitecustomize="import told; told.said = 'mine'", told="said = 'nothing'")
    return home


def ask(venv: Path, code: str) -> str:
    return subprocess.run(
        [venv / "bin/python", "-c", code],
        env=below(TUNED),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_it_chains_to_a_sitecustomize_among_the_packages(bare_venv: Path) -> None:
    if (Path(sysconfig.get_path("stdlib")) / "sitecustomize.py").exists():
        pytest.skip("this Python's own library has a sitecustomize, which goes first")
    file, said, threshold = ask(bare_venv, WHOSE + ";" + THRESHOLD).split()
    assert file.endswith("site-packages/sitecustomize.py")
    assert (said, threshold) == ("mine", "5432")


def test_a_venv_without_gctune_is_tuned_and_sees_none_of_its_neighbours(bare_venv: Path) -> None:
    code = (
        "import sys, gctune.startup; from importlib.util import find_spec\n"
        "print(gctune.apply().outcomes[0].status, find_spec('pydantic'), find_spec('children'))\n"
        f"print(any(p == {str(Path(BOOTSTRAP).parents[2])!r} for p in sys.path))"
    )
    assert ask(bare_venv, code).split() == ["applied", "None", "None", "False"]


def test_a_gctune_of_the_programs_own_goes_first(bare_venv: Path, tmp_path: Path) -> None:
    path = folder(tmp_path / "gctune", __init__="", startup="def activate(*_): print('own')")
    done = python("-c", "", environ=below(TUNED, PYTHONPATH=str(Path(path).parent)))
    assert done.stdout == "own\n"


def test_a_broken_gctune_stops_nothing(tmp_path: Path) -> None:
    folder(tmp_path / "gctune", __init__="this is no Python")
    done = python("-c", THRESHOLD, environ=below(TUNED, PYTHONPATH=str(tmp_path)))
    assert done.stdout == ORDINARY
    assert "SyntaxError" in done.stderr
    assert done.stderr.count("\n") == 1


def test_running_twice_is_running_once() -> None:
    code = (
        "import gc, runpy, sys\n"
        "from gctune import apply\n"
        "first = apply()\n"
        f"runpy.run_path({BOOTSTRAP + '/sitecustomize.py'!r})\n"
        "assert apply() is first\n"
        "first.undo(); print(gc.get_threshold()[0])"
    )
    environ = below(TUNED)
    environ["PYTHONPATH"] += os.pathsep + BOOTSTRAP
    done = python("-c", code, environ=environ)
    assert (done.stdout, done.stderr) == (ORDINARY, "")


@pytest.mark.parametrize("nowhere", ["2>&-", "2>/dev/full"])
def test_a_warning_that_cannot_be_written_stops_nothing(nowhere: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "print(1)" {nowhere}'],
        env=below("garbage"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"


_FURTHER = """
import gc, multiprocessing, subprocess, sys
def threshold(_): return gc.get_threshold()[0]
if __name__ == "__main__":
    code = "import gc; print(gc.get_threshold()[0])"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    for method in "spawn", "forkserver", "fork":
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(*pool.map(threshold, [0]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_further_pythons_are_tuned_too(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_FURTHER)
    done = python(str(tmp_path / "program.py"), environ=below(TUNED))
    assert done.stdout.split() == ["5432"] * 4
    assert done.stderr == ""
