"""`gctune run` hands the plan down and becomes the program."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from children import python
from servers import ENVIRON, PATH, RUN, running, serving

from gctune.host import this_host

TOML = "[gc]\nthreshold0 = 543\nfreeze = 'fork'\n"
PRINT = "import gc; print(gc.get_threshold()[0], flush=True)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "gctune.toml").write_text(TOML)
    (tmp_path / "app.py").write_text(PRINT)
    return tmp_path


def run(
    *arguments: str, directory: Path, status: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {**ENVIRON, **variables}
    return python(
        "-m", "gctune", "run", *arguments, environ=environ, directory=directory, status=status
    )


@pytest.mark.parametrize(
    "command", [["python", "app.py"], ["python", "-m", "app"], ["python", "-c", PRINT]]
)
@pytest.mark.parametrize("dashes", [["--"], []])
def test_a_python_program_runs_with_the_plan(
    command: list[str], dashes: list[str], project: Path
) -> None:
    done = run(*dashes, *command, directory=project)
    assert (done.stdout, done.stderr) == ("543\n", "")


def test_a_console_script_runs_with_the_plan(project: Path) -> None:
    tool = project / "tool"
    tool.write_text(f"#!{sys.executable}\n{PRINT}")
    tool.chmod(0o755)
    path = os.pathsep.join([str(project), PATH])
    assert run("--", "tool", directory=project, PATH=path).stdout == "543\n"


def test_a_program_that_starts_pythons_hands_the_plan_on(project: Path) -> None:
    assert run("sh", "-c", "python app.py; python app.py", directory=project).stdout == "543\n" * 2


def test_run_within_run_takes_the_inner_plan(project: Path) -> None:
    inner = ["env", "GCTUNE_GC__THRESHOLD0=77", *RUN, "python", "app.py"]
    assert run("--", *inner, directory=project).stdout == "77\n"


def test_the_programs_own_apply_takes_the_plan(project: Path) -> None:
    code = "import gctune, sys; print(gctune.apply().plan.environment, 'pydantic' in sys.modules)"
    done = run("--environment", "staging", "--", "python", "-c", code, directory=project)
    assert done.stdout == "staging False\n"


def test_options_after_the_program_are_the_programs(project: Path) -> None:
    code = "import sys; print(sys.argv[1:])"
    done = run("python", "-c", code, "--environment", "x", "--", "-v", directory=project)
    assert done.stdout == "['--environment', 'x', '--', '-v']\n"


def test_a_bad_configuration_is_said_and_nothing_started(project: Path) -> None:
    code = "open('started', 'w')"
    done = run("python", "-c", code, directory=project, status=1, GCTUNE_GC__THRESHOLD0="lots")
    assert done.stderr.startswith("GCTUNE_GC__THRESHOLD0 = 'lots': ")
    assert not (project / "started").exists()


def test_disable_runs_the_program_whatever_the_configuration(project: Path) -> None:
    variables = {"GCTUNE_DISABLE": "1", "GCTUNE_GC__THRESHOLD0": "lots"}
    done = run("python", "app.py", directory=project, **variables)
    assert (done.stdout, done.stderr) == (f"{gc.get_threshold()[0]}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--no-such-option", "python"], ["--"]])
def test_wrong_usage_exits_with_2(arguments: list[str], project: Path) -> None:
    done = run(*arguments, directory=project, status=2)
    assert "Usage: gctune run" in done.stderr


def test_a_program_that_is_not_there_exits_with_127(project: Path) -> None:
    for program in ("no-such-program", "./no-such-program", ""):
        done = run("--", program, directory=project, status=127)
        assert done.stderr == (
            f"command = {program!r}: no such program"
            f"{'' if '/' in program else ' on PATH'}; check its spelling\n"
        )


def test_what_cannot_be_executed_exits_with_126(project: Path) -> None:
    garbage = project / "garbage"
    garbage.write_bytes(b"\x00\x01")
    garbage.chmod(0o755)
    for program in ("./app.py", "./garbage", str(project)):
        done = run("--", program, directory=project, status=126)
        assert done.stderr.startswith(f"command = {program!r}: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["run"], ["verify", "--config", "gctune.toml"]])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("echo\n", "no program of this machine; if it is a script, begin it with #!"),
        ("#!/none/sh -e\n", "its interpreter '/none/sh' is missing; correct its first line"),
        ("#!/bin/sh\r\n", r"its interpreter '/bin/sh\r' is missing; correct its first line"),
    ],
)
def test_what_keeps_a_script_from_running_is_told(
    command: list[str], content: str, told: str, project: Path
) -> None:
    script = project / "script"
    script.write_bytes(content.encode())
    script.chmod(0o755)
    config = "[environments.production.gc]\nthreshold0 = 9000\n"
    (project / "gctune.toml").write_text(config)
    words = ["-m", "gctune", *command, "--", "./script"]
    done = python(*words, environ=ENVIRON, directory=project, status=126)
    assert done.stderr.endswith(f"command = './script': {told}\n")


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_is_the_programs(status: int, project: Path) -> None:
    run("python", "-c", f"raise SystemExit({status})", directory=project, status=status)


def test_the_process_id_is_the_programs(project: Path) -> None:
    code = "import os; print(os.getpid())"
    with running(*RUN, "python", "-c", code, directory=project) as child:
        assert child.communicate()[0] == f"{child.pid}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_signals_reach_the_program(number: signal.Signals, project: Path) -> None:
    code = "import time; print('ready', flush=True)\nwhile True: time.sleep(0.1)"
    environ = {**ENVIRON, "PYTHONSTARTUP": ""}
    with running(*RUN, "python", "-c", code, directory=project, environ=environ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        os.kill(child.pid, number)
        assert child.wait(30) == -number


@pytest.mark.parametrize("name", ["PIPE", "XFSZ"])
def test_signals_that_python_ignores_are_given_back(name: str, project: Path) -> None:
    run("sh", "-c", f"kill -{name} $$", directory=project, status=-signal.Signals[f"SIG{name}"])


_HEAVY_APP = """
import gc, os
HEAP = [{"number": number, "tags": []} for number in range(200_000)]
def app(environ, start_response):
    gc.collect()
    with open("/proc/self/smaps_rollup") as memory:
        (dirty,) = [line.split()[1] for line in memory if line.startswith("Private_Dirty")]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {dirty} {gc.get_threshold()[0]}".encode()]
"""


def workers_of(prefix: list[str], directory: Path, at: Path) -> dict[str, list[int]]:
    """Private dirty KiB and threshold of each of two preloaded workers, by process id."""
    workers: dict[str, list[int]] = {}
    deadline = time.monotonic() + 60
    at.mkdir()
    with serving(prefix, "--preload", "-w", "2", "heavy:app", directory=directory, at=at) as ask:
        while len(workers) < 2:
            assert time.monotonic() < deadline, "two workers did not answer"
            for answer in at_once(ask):
                worker, *figures = answer.split()
                workers[worker] = [int(figure) for figure in figures]
    return workers


def at_once(ask: Callable[[], str]) -> list[str]:
    """Answers to more requests than one worker, which serves one at a time, can take."""
    with ThreadPoolExecutor(4) as pool:
        return [done.result() for done in [pool.submit(ask) for _ in range(4)]]


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="private memory is read from /proc"
)
def test_preloaded_workers_share_their_heap(project: Path) -> None:
    (project / "heavy.py").write_text(_HEAVY_APP)
    stock = workers_of([], project, project / "stock")
    tuned = workers_of([*RUN, "--"], project, project / "tuned")
    most = max(dirty for dirty, _ in tuned.values())
    least = min(dirty for dirty, _ in stock.values())
    assert {threshold for _, threshold in tuned.values()} == {543}
    assert most * 3 <= least, f"{most} KiB a worker with gctune, {least} KiB without"


def test_a_plan_that_may_harm_is_warned_of(project: Path) -> None:
    if this_host().container.limit is not None:
        pytest.skip("the container's memory limit guards every plan here")
    done = run("python", "app.py", directory=project, GCTUNE_GC__ENABLED="false")
    assert done.stdout == "543\n"
    assert done.stderr.startswith("gctune: collecting less often with no memory limit known")


def test_help_says_how_to_call_it(project: Path) -> None:
    assert re.search(r"gctune run -- \S+", run("--help", directory=project).stdout)
