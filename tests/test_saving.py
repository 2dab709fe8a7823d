"""A file that is saved holds what it held, or all of what is new."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from children import BARE

from gctune.saving import save

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")


def identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


@AS_ROOT
def test_it_keeps_its_mode_its_owner_and_its_group(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    os.chown(file, 1234, 4321)
    file.chmod(0o640)
    save(file, b"new")
    assert (file.read_text(), identity(file)) == ("new", (0o640, 1234, 4321))


def test_a_new_one_is_as_the_umask_allows(tmp_path: Path) -> None:
    code = (
        "import os, pathlib; from gctune.saving import save; os.umask(0o027)\n"
        "save(pathlib.Path('file'), b'new')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=BARE, check=True)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, RuntimeError])
def test_whatever_ends_it_leaves_the_old_file_and_no_other(
    error: type[BaseException], tmp_path: Path
) -> None:
    def end() -> None:
        raise error

    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(error):
        save(file, b"new", end)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_goes_on_to_point_at_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    save(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    save(pipe, b"new")
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]


LIMITED = (
    "import resource, sys; from gctune.cli import main\n"
    "sys.dont_write_bytecode = True  # or the limit cuts it\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); main()"
)


@pytest.mark.parametrize("command", ["dashboard -o", "alerts --prometheus -o"])
def test_a_full_disk_leaves_what_a_command_would_write_over(command: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    words = [sys.executable, "-c", LIMITED, *command.split(), str(file)]
    done = subprocess.run(words, env=BARE, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"-o = '{file}': file too large; give another file\n"
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
