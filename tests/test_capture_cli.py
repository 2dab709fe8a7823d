"""`gctune capture` refuses before it starts; then the program is its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import python
from profile_samples import write
from servers import ENVIRON, running

from gctune.profile.file import read
from gctune.profile.siblings import siblings

CAPTURE = [sys.executable, "-m", "gctune", "capture"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile"


def capture(
    *arguments: str | Path, directory: Path, status: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    return python(
        *CAPTURE[1:],
        *map(str, arguments),
        environ={**ENVIRON, **variables},
        directory=directory,
        status=status,
    )


def test_it_says_where_the_profile_will_be_and_what_reads_it(path: Path) -> None:
    done = capture("-o", "profile", "--", "python", "-c", "print('ran')", directory=path.parent)
    assert done.stdout == "ran\n"
    assert done.stderr == f"gctune: recording to {path}; afterwards: gctune recommend {path}\n"
    assert read(path).closing is not None


def test_what_it_says_reads_the_profile_is_a_command_whatever_its_name(tmp_path: Path) -> None:
    done = capture("-o", "my $HOME's", "--", "python", "-c", "", directory=tmp_path)
    _, said = done.stderr.split("; afterwards: ")
    assert shlex.split(said) == ["gctune", "recommend", str(tmp_path / "my $HOME's")]


def test_the_exit_status_is_the_programs(path: Path) -> None:
    exits = "raise SystemExit(9)"
    capture("-o", path, "--", "python", "-c", exits, directory=path.parent, status=9)
    assert read(path).closing is not None


def test_a_program_that_is_not_there_gives_the_status_of_a_shell(path: Path) -> None:
    done = capture("-o", path, "--", "no-such-program", directory=path.parent, status=127)
    assert "command = 'no-such-program': no such program on PATH" in done.stderr


def test_the_programs_children_have_theirs_beside_it(path: Path) -> None:
    capture("-o", path, "sh", "-c", "python -c 0; python -c 0", directory=path.parent)
    assert len(siblings(path)) == 1


# In short sleeps: Python misses a signal that comes between its last look and a long one.
WAIT = "import time\nprint('up', flush=True)\nwhile True: time.sleep(0.1)"
RAISE = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: exit(12))\n"


@pytest.mark.parametrize(
    ("code", "number", "status"),
    [
        (WAIT, signal.SIGTERM, -signal.SIGTERM),
        (WAIT, signal.SIGINT, -signal.SIGINT),
        (RAISE + WAIT, signal.SIGTERM, 12),
    ],
)
def test_signals_pass_through(code: str, number: int, status: int, path: Path) -> None:
    command = [*CAPTURE, "-o", str(path), "--", sys.executable, "-c", code]
    with running(*command, directory=path.parent) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        child.send_signal(number)
        assert child.wait(30) == status
    assert read(path).header.pid == child.pid


def test_an_earlier_profile_is_not_written_over(path: Path) -> None:
    write(path)
    before = path.read_bytes()
    done = capture("-o", path, "--", "python", "-c", "print()", directory=path.parent, status=2)
    assert done.stderr == f"-o = '{path}': exists already; give another name, or --force\n"
    assert done.stdout == ""
    assert path.read_bytes() == before


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "-o = '.': a folder; give the name of a file"),
        ("folder", "-o = 'folder': a folder; give the name of a file"),
        ("missing/file", "-o = 'missing/file': its folder cannot be written"),
    ],
)
def test_what_cannot_be_a_profile_is_named_as_it_was_given(
    name: str, told: str, force: list[str], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    done = capture("-o", name, *force, "--", "true", directory=tmp_path, status=2)
    assert done.stderr.startswith(told)


def test_nor_are_its_children(path: Path) -> None:
    sibling = write(Path(f"{path}.7"))
    done = capture("-o", path, "--", "python", "-c", "", directory=path.parent, status=2)
    assert f"'{sibling}': exists already" in done.stderr


def test_force_removes_both(path: Path) -> None:
    write(path)
    write(Path(f"{path}.7"))
    capture("-o", path, "--force", "--", "python", "-c", "", directory=path.parent)
    assert read(path).header.pid != 7
    assert siblings(path) == []


def test_force_leaves_a_dated_copy_alone(path: Path) -> None:
    write(path)
    copy = write(Path(f"{path}.20261127"))
    capture("-o", path, "--force", "--", "python", "-c", "", directory=path.parent)
    assert read(copy).header.pid == 7
    assert siblings(path) == []


def test_force_removes_nothing_for_a_program_that_is_not_there(path: Path) -> None:
    write(path)
    capture("-o", path, "--force", "--", "no-such-program", directory=path.parent, status=127)
    assert read(path).closing is not None


@pytest.mark.parametrize(
    ("program", "variables"),
    [
        (["true"], {}),
        (["python", "-I", "-c", ""], {}),
        (["python", "-c", ""], {"GCTUNE_DISABLE": "1"}),
    ],
)
def test_force_removes_nothing_for_a_program_that_is_not_recorded(
    program: list[str], variables: dict[str, str], path: Path
) -> None:
    files = [write(path), write(Path(f"{path}.7"))]
    before = [file.read_bytes() for file in files]
    capture("-o", path, "--force", "--", *program, directory=path.parent, **variables)
    assert [file.read_bytes() for file in files] == before


def test_force_replaces_once_however_many_processes_there_are(path: Path) -> None:
    write(path)
    write(Path(f"{path}.7"))
    many = "for _ in 1 2 3 4 5 6; do python -c 0 & done; wait; python -c 0"
    done = capture("-o", path, "--force", "--", "sh", "-c", many, directory=path.parent)
    assert done.stderr.count("\n") == 1
    pids = [read(file).header.pid for file in (path, *siblings(path))]
    assert 7 not in pids
    assert len({*pids}) == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_force_removes_nothing_where_there_is_no_room(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is refused here")
    try:
        path = write(tmp_path / "profile")
        before = path.read_bytes()
        (tmp_path / "rest").write_bytes(bytes(4096))
        done = capture("-o", path, "--force", "--", "python", "-c", "", directory=tmp_path)
        assert "the program runs without it" in done.stderr
        assert path.read_bytes() == before
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_force_removes_nothing_that_is_no_profile(path: Path) -> None:
    path.write_text("precious")
    write(Path(f"{path}.7"))
    command = ["-o", path, "--force", "--", "python", "-c", ""]
    done = capture(*command, directory=path.parent, status=2)
    assert done.stderr == f"-o = '{path}': not a profile; remove it yourself\n"
    assert path.read_text() == "precious"
    assert len(siblings(path)) == 1


def test_a_folder_that_is_not_there_is_told_before_the_start(path: Path) -> None:
    command = ["-o", "missing/profile", "--", "python", "-c", "print()"]
    done = capture(*command, directory=path.parent, status=2)
    assert "its folder cannot be written; give another folder" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", "0m"])
def test_seconds_are_a_number_above_0(seconds: str, path: Path) -> None:
    command = ["-o", path, "--seconds", seconds, "--", "python", "-c", ""]
    done = capture(*command, directory=path.parent, status=2)
    assert "--seconds" in done.stderr
    assert "Traceback" not in done.stderr


def test_seconds_are_handed_down(path: Path) -> None:
    code = "import os; print(os.environ['GCTUNE_CAPTURE'])"
    command = ["-o", path, "--seconds", "2.5", "--", "python", "-c", code]
    done = capture(*command, directory=path.parent)
    assert json.loads(done.stdout) == {"path": str(path), "seconds": 2.5, "explore": False}


def test_seconds_may_be_a_duration(path: Path) -> None:
    code = "import os; print(os.environ['GCTUNE_CAPTURE'])"
    done = capture("-o", path, "--seconds", "5m", "--", "python", "-c", code, directory=path.parent)
    assert json.loads(done.stdout)["seconds"] == 300.0


def test_a_plan_that_is_handed_down_stays(path: Path) -> None:
    code = "import os; print(os.environ['GCTUNE_PLAN'])"
    plan = '[1,"test","other",[],[]]'
    command = ["-o", path, "--", "python", "-c", code]
    assert capture(*command, directory=path.parent, GCTUNE_PLAN=plan).stdout == f"{plan}\n"


def test_with_gctune_disabled_it_says_that_nothing_is_recorded(path: Path) -> None:
    command = ["-o", path, "--", "python", "-c", "print('ran')"]
    done = capture(*command, directory=path.parent, GCTUNE_DISABLE="1")
    assert done.stdout == "ran\n"
    assert done.stderr == "gctune: GCTUNE_DISABLE is set: no profile will be written\n"
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_ends_the_capture_and_not_the_program(tmp_path: Path) -> None:
    code = """
import gc, os, time
deadline = time.monotonic() + 30
while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < deadline:
    gc.collect(0)
print("ran on")
"""
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is refused here")
    try:
        path = tmp_path / "profile"
        done = capture("-o", path, "--", "python", "-c", code, directory=tmp_path)
        assert done.stdout == "ran on\n"
        assert done.stderr.endswith("; capture to a disk with more room\n")
        assert read(path).closing is None
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("command", ["capture", "heap"])
def test_a_working_directory_that_is_gone_is_one_error(command: str, tmp_path: Path) -> None:
    line = f"rmdir {tmp_path}; exec {sys.executable} -m gctune {command} -o file -- true"
    done = subprocess.run(
        ["sh", "-c", line], env=ENVIRON, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    wrong = "PROFILE = 'file': relative to a working directory that is gone; give a whole path"
    assert (done.returncode, done.stderr) == (1, f"{wrong}\n")
