"""`gctune verify` runs a program both ways, says which to use, and leaves nothing running."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captured import unpacked
from children import python
from servers import ENVIRON, running

VERIFY = ["-m", "gctune", "verify"]
GROWS = "kept = [{'number': i, 'list': [i]} for i in range(40_000)]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = "[environments.production.gc]\nthreshold0 = 20_000\n"
    (tmp_path / "gctune.toml").write_text(settings, encoding="utf-8")
    return tmp_path


def verify(
    folder: Path, *arguments: str, status: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {**ENVIRON, **variables}
    return python(*VERIFY, *arguments, environ=environ, directory=folder, status=status)


def found(folder: Path, code: str, *options: str, status: int) -> dict[str, Any]:
    done = verify(folder, "--json", *options, "--", sys.executable, "-c", code, status=status)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_program_that_gains_keeps_the_settings(folder: Path) -> None:
    answer = found(folder, "kept = [[[], []] for _ in range(300_000)]", status=0)
    assert answer["verdict"] == "keep"
    assert answer["figures"][0]["ratio"]["high"] < 1


def test_settings_that_harm_are_reverted(folder: Path) -> None:
    harm = "[environments.staging.gc]\nthreshold0 = 50\nthreshold1 = 1\nthreshold2 = 1\n"
    (folder / "harm.toml").write_text(harm, encoding="utf-8")
    options = ("--config", "harm.toml", "--environment", "staging")
    answer = found(folder, GROWS, *options, status=3)
    assert answer["verdict"] == "revert"
    assert "more CPU time" in answer["reason"]


def test_settings_that_kill_the_program_are_reverted(folder: Path) -> None:
    dies = "import gc, os\ngc.get_threshold()[0] == 20_000 and os.kill(os.getpid(), 9)"
    answer = found(folder, dies, status=3)
    assert "was killed by SIGKILL" in answer["reason"]
    assert answer["figures"] == []


def test_a_signal_without_a_name_is_told_by_its_number(folder: Path) -> None:
    dies = f"import os; os.kill(os.getpid(), {signal.SIGRTMIN + 6})"
    done = verify(folder, "--", sys.executable, "-c", dies, status=1)
    assert f"was killed by signal {signal.SIGRTMIN + 6}, at its own settings" in done.stderr


def test_a_program_that_fails_anyway_tells_nothing(folder: Path) -> None:
    done = verify(folder, "--", sys.executable, "-c", "exit('went wrong')", status=1)
    assert "exits with 1 (went wrong), at its own settings" in done.stderr


def test_what_only_a_preset_says_is_nothing_to_verify(folder: Path) -> None:
    done = verify(folder, "--environment", "staging", "--", "no-such-program")
    assert done.stdout == "nothing to verify: nothing sets anything for staging\n"
    assert done.stderr == ""


def test_a_profile_that_recommends_nothing_leaves_nothing_to_verify(folder: Path) -> None:
    code = "import gctune\nwith gctune.capture('idle.profile'): pass"
    python("-c", code, environ=ENVIRON, directory=folder)
    done = verify(folder, "--json", "--profile", "idle.profile", "--", "no-such-program")
    answer = json.loads(done.stdout)
    assert answer["verdict"] is None
    assert "not enough evidence" in answer["reason"]


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the profile is of 3.13")
def test_what_a_profile_recommends_is_tried(folder: Path) -> None:
    profile = unpacked("docs_build-3.13.profile", folder)
    says = "import gc, sys\ngc.get_threshold()[2] > 10 and sys.exit('tried')"
    answer = found(folder, says, "--profile", str(profile), status=3)
    assert "exits with 1 (tried)" in answer["reason"]


def test_too_little_time_is_told_after_one_run(folder: Path) -> None:
    sleeps = "import time\ntime.sleep(0.5)"
    answer = found(folder, sleeps, "--max-time", "2s", status=4)
    assert "--max-time allows for no more" in answer["reason"]


def test_a_program_without_python_is_refused(folder: Path) -> None:
    done = verify(folder, "--", "true", status=1)
    assert "command = 'true': no Python process that can be recorded" in done.stderr


def test_a_program_of_which_nothing_is_recorded_gets_no_verdict(folder: Path) -> None:
    exits = ("python", "-c", "import os; os._exit(0)")
    done = verify(folder, "--max-time", "1m", "--", *exits, status=1)
    assert "command = 'python': no Python process that can be recorded" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "Missing argument"),
        (("--", "no-such-program"), 127, "no such program on PATH"),
        (("--max-time", "soon", "--", "true"), 2, "--max-time = 'soon': not a duration"),
        (("--max-time", "0", "--", "true"), 2, "out of range"),
        (("--precision", "0", "--", "true"), 2, "--precision = '0': out of range"),
        (("--memory-budget", "5M", "--", "true"), 2, "could be 5MiB"),
        (("--environment", "nowhere", "--", "true"), 2, "unknown environment"),
        (("--config", "none.toml", "--", "true"), 1, "none.toml: cannot be read"),
        (("--profile", "none", "--", "true"), 1, "PROFILE = 'none'"),
        (("--config", "a", "--profile", "b", "--", "true"), 2, "give one of them"),
    ],
)
def test_bad_input_is_refused(
    arguments: tuple[str, ...], status: int, said: str, folder: Path
) -> None:
    assert said in verify(folder, *arguments, status=status).stderr


@pytest.mark.parametrize("option", ["--memory-budget", "--precision", "--max-time"])
def test_what_is_wrong_with_an_option_is_said_once(option: str, folder: Path) -> None:
    done = verify(folder, option, "lots", "--", "true", status=2)
    assert done.stderr.splitlines()[-1].startswith(f"Error: {option} = 'lots': not a ")


def test_it_refuses_where_gctune_is_turned_off(folder: Path) -> None:
    done = verify(folder, "--", "true", status=2, GCTUNE_DISABLE="1")
    assert "nothing can be tried" in done.stderr


WAITS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open("pids", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("pids", "running")
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_running(number: int, folder: Path) -> None:
    command = [sys.executable, *VERIFY, "--", sys.executable, "-c", WAITS]
    with running(*command, directory=folder) as child:
        while not (folder / "running").exists():
            assert child.poll() is None
        child.send_signal(number)
        assert child.wait(30) == 4
        assert child.stdout is not None
        assert "interrupted" in child.stdout.read()
    pids = map(int, (folder / "running").read_text().split())
    assert [pid for pid in pids if _alive(pid)] == []


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


GOES_ON_WHEN_TOLD = """
import gc, os, pathlib, time
pathlib.Path("running").touch()
while not os.path.exists("go"): time.sleep(0.01)
gc.get_threshold()[0] == 20_000 and exit("tried")
"""


def test_a_hang_up_that_nohup_has_it_ignore_is_ignored(folder: Path) -> None:
    command = ["nohup", sys.executable, *VERIFY, "--", sys.executable, "-c", GOES_ON_WHEN_TOLD]
    with running(*command, directory=folder) as child:
        while not (folder / "running").exists():
            assert child.poll() is None
        child.send_signal(signal.SIGHUP)
        (folder / "go").touch()
        assert child.wait(30) == 3
        assert child.stdout is not None
        assert "exits with 1 (tried)" in child.stdout.read()


def test_the_program_is_run_with_nothing_but_what_somebody_named(folder: Path) -> None:
    """A preset's monitor would be charged to the settings that are tried."""
    code = """
import gctune, json
steps = [outcome.setting for outcome in gctune.apply().outcomes]
with open("steps", "a") as file:
    print(*steps, file=file)
"""
    found(folder, code, status=3)
    seen = (folder / "steps").read_text().splitlines()
    assert sorted(set(seen)) == ["", "gc.threshold0"]
