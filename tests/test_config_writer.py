"""Writing settings keeps what stands in the file, or leaves the file as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gctune.errors import ConfigError
from gctune.recommender.config import write
from gctune.settings.sources import load

CHANGES = {"gc.threshold0": 5000, "gc.freeze": "startup"}
COMMENTED = """\
# what we learned the hard way
[gc]
threshold1 = 20  # not 10

[environments.prod.monitor]
level = "basic" # cheap

[environments.canary]
extends = "production"
"""


def identity(file: Path) -> tuple[int, int]:
    """What changes when a file is written or replaced."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def settings_of(file: Path, environment: str = "production") -> dict[str, object]:
    gc = load(environment=environment, environ={}, directory=file.parent).settings.gc
    return {"gc.threshold0": gc.threshold0, "gc.freeze": gc.freeze}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gctune.toml"


def test_a_new_file_is_read_back_by_load(file: Path) -> None:
    assert write(file, "production", CHANGES, ["from app.profile"])
    assert file.read_text().startswith("#:schema ")
    assert "# from app.profile\n" in file.read_text()
    assert settings_of(file) == CHANGES
    assert settings_of(file, "staging") != CHANGES


def test_comments_and_everything_else_are_kept(file: Path) -> None:
    file.write_text(COMMENTED)
    assert write(file, "production", CHANGES)
    lines = file.read_text().splitlines()
    assert [line for line in COMMENTED.splitlines() if line not in lines] == []
    assert settings_of(file) == CHANGES
    assert settings_of(file, "canary") == CHANGES


def test_an_environment_keeps_the_name_that_the_file_has_for_it(file: Path) -> None:
    file.write_text(COMMENTED)
    write(file, "live", CHANGES)
    assert "environments.production" not in file.read_text()
    assert settings_of(file) == CHANGES


@pytest.mark.parametrize(
    "content",
    [
        "environments = {}\n",
        "environments = { prod = { monitor = { level = 'off' } } }\n",
        "[environments]\nproduction = {}  # as it comes\n",
        "[environments]\nproduction = { gc = { threshold1 = 20 } }\n",
        "[environments.production]\ngc = {}\nmemory = { limit = '80%' }\n",
    ],
)
def test_what_stands_in_an_inline_table_is_set_within_it(file: Path, content: str) -> None:
    file.write_text(content)
    assert write(file, "production", CHANGES)
    assert settings_of(file) == CHANGES
    assert file.read_text().count("\n") == content.count("\n")


def test_values_that_stand_there_are_replaced(file: Path) -> None:
    file.write_text("environments.production.gc = { threshold0 = 1, threshold1 = 9 }\n")
    write(file, "production", CHANGES)
    assert settings_of(file) == CHANGES
    assert "threshold1 = 9" in file.read_text()


def test_writing_the_same_again_changes_nothing(file: Path) -> None:
    write(file, "production", CHANGES)
    before = identity(file)
    assert not write(file, "production", CHANGES)
    assert identity(file) == before


def test_nothing_to_change_leaves_a_file_untouched(file: Path) -> None:
    file.write_text(COMMENTED)
    before = identity(file)
    assert not write(file, "production", {}, ["leave it alone"])
    assert identity(file) == before


def test_nothing_to_change_makes_a_valid_file_that_says_why(file: Path) -> None:
    assert write(file, "production", {}, ["leave it alone: within the noise"])
    assert "# leave it alone: within the noise" in file.read_text()
    load(environment="production", environ={}, directory=file.parent)


def test_a_project_file_takes_it_below_its_own_table(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "app"  # ours\n')
    write(project, "production", CHANGES)
    assert 'name = "app"  # ours' in project.read_text()
    assert settings_of(project) == CHANGES


@pytest.mark.parametrize(
    "content",
    [
        b"[gc\n",
        b"\xff\xfe",
        b"a = 1\na = 2\n",
        b"[" * 100_000,
        b"environments.production = 3\n",
        b"[environments]\nproduction.gc = 'none'\n",
    ],
)
def test_what_cannot_be_merged_is_refused_and_kept(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        write(file, "production", CHANGES)
    assert str(file) in str(caught.value)
    assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]


def test_a_broken_file_is_refused_with_nothing_to_change_too(file: Path) -> None:
    file.write_text("[gc\n")
    with pytest.raises(ConfigError, match="not TOML"):
        write(file, "production", {})


@pytest.mark.parametrize("kind", ["directory", "fifo", "missing folder"])
def test_what_is_no_file_is_refused(file: Path, kind: str) -> None:
    if kind == "directory":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        file = file.parent / "none" / file.name
    with pytest.raises(ConfigError):
        write(file, "production", CHANGES)


def test_the_mode_is_kept_and_a_link_goes_on_to_point_at_the_file(file: Path) -> None:
    real = file.parent / "real.toml"
    real.write_text(COMMENTED)
    real.chmod(0o640)
    file.symlink_to(real.name)
    write(file, "production", CHANGES)
    assert file.is_symlink()
    assert "5000" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_the_file_is_replaced_as_a_whole(file: Path) -> None:
    """A reader that has the old file open still reads the old one."""
    file.write_text(COMMENTED)
    with file.open() as reader:
        write(file, "production", CHANGES)
        assert reader.read() == COMMENTED
    assert list(file.parent.iterdir()) == [file]


def test_lines_go_on_to_end_as_they_did(file: Path) -> None:
    file.write_bytes(COMMENTED.replace("\n", "\r\n").encode())
    assert write(file, "production", CHANGES)
    content = file.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n")
    assert settings_of(file) == CHANGES


def test_where_they_differ_each_goes_on_to_end_as_it_did(file: Path) -> None:
    mixed = COMMENTED.encode().replace(b"\n", b"\r\n").replace(b"\r\n\r\n", b"\n\n")
    file.write_bytes(mixed)
    assert write(file, "production", CHANGES)
    lines = file.read_bytes().splitlines(keepends=True)
    assert [line for line in mixed.splitlines(keepends=True) if line not in lines] == []
    assert settings_of(file) == CHANGES


def test_what_somebody_else_writes_meanwhile_is_kept(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they write it while what is new is written beside it."""
    file.write_text(COMMENTED)
    sync = os.fsync

    def edit(descriptor: int) -> None:
        file.write_text("[gc]\nthreshold0 = 1\n")
        sync(descriptor)

    monkeypatch.setattr("os.fsync", edit)
    with pytest.raises(ConfigError, match="changed meanwhile; try again"):
        write(file, "production", CHANGES)
    assert file.read_text() == "[gc]\nthreshold0 = 1\n"
    assert list(file.parent.iterdir()) == [file]
