"""Commands whose standard streams are closed or full."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ENVIRON

GCTUNE = f"{shlex.quote(sys.executable)} -m gctune"
RAISED = {"GCTUNE_GC__THRESHOLD0": "100000"}  # which run warns of where no limit is known


def shell(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line],
        env={**ENVIRON, **RAISED},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("command", ["run", "capture -o file", "heap -o file"])
def test_a_program_is_started_whatever_its_streams(
    command: str, streams: str, tmp_path: Path
) -> None:
    done = shell(f"{GCTUNE} {command} -- sh -c 'exit 7' {streams}", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (7, False)


@pytest.mark.parametrize(
    "command", ["show", "show --json", "doctor", "schema", "validate", "--help", "run --help"]
)
def test_output_that_finds_no_room_is_one_error(command: str, tmp_path: Path) -> None:
    done = shell(f"{GCTUNE} {command} >/dev/full", tmp_path)
    wrong = "standard output: no space left on device; write to a place with room"
    assert (done.returncode, done.stderr) == (1, f"{wrong}\n")


@pytest.mark.parametrize("command", ["show", "show --json", "doctor", "schema", "--help"])
@pytest.mark.parametrize("closed", [">&-", ">&- <&-"])
def test_output_that_is_closed_is_one_error(command: str, closed: str, tmp_path: Path) -> None:
    done = shell(f"{GCTUNE} {command} {closed}", tmp_path)
    wrong = "standard output: closed; have it go to a terminal, a file or a pipe"
    assert (done.returncode, done.stderr) == (1, f"{wrong}\n")


def test_what_writes_no_output_needs_none(tmp_path: Path) -> None:
    done = shell(f"{GCTUNE} dashboard -o board.json >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "board.json").stat().st_size


def test_a_program_finds_the_output_closed_as_it_was(tmp_path: Path) -> None:
    done = shell(f"{GCTUNE} run -- sh -c 'echo anything || exit 7' >&-", tmp_path)
    assert done.returncode == 7


def test_an_interrupt_while_a_command_is_imported_is_no_traceback(tmp_path: Path) -> None:
    """As Ctrl-C in its first tenth of a second."""
    (tmp_path / "click.py").write_text("import os\nos.kill(os.getpid(), 2)\n")
    done = shell(f"{GCTUNE} show", tmp_path)
    assert (done.returncode, done.stderr) == (1, "Aborted!\n")


def test_a_message_that_finds_no_room_leaves_the_exit_status(tmp_path: Path) -> None:
    assert shell(f"{GCTUNE} validate missing.toml 2>/dev/full", tmp_path).returncode == 1
    assert shell(f"{GCTUNE} run no-such-program 2>/dev/full", tmp_path).returncode == 127


@pytest.mark.parametrize("words", ["nosuch", "--nosuch", "show --nosuch", "capture -- true"])
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_wrong_usage_that_cannot_be_told_is_wrong_usage(
    words: str, stream: str, tmp_path: Path
) -> None:
    done = shell(f"{GCTUNE} {words} {stream}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_failure_of_another_file_is_not_blamed_on_standard_output(tmp_path: Path) -> None:
    code = (
        "import gctune.cli as cli, os, sys; sys.argv[1:] = ['schema']\n"
        "cli.gctune.get_command = lambda *_: os.open('missing', os.O_RDONLY)\n"
        "cli.main()"
    )
    done = shell(f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}", tmp_path)
    wrong = "'missing': no such file or directory; see that it can be used"
    assert (done.returncode, done.stderr) == (1, f"{wrong}\n")
