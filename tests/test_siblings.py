"""The profiles of one program are found and read together; one that is broken hinders no other."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from profile_samples import header, records, write

from gctune.profile.file import UnreadableError
from gctune.profile.siblings import new_sibling, read_all, siblings


def test_profiles_are_read_with_those_of_their_children_each_once(tmp_path: Path) -> None:
    paths = [write(tmp_path / "profile")]
    for pid in (7, 12):
        child = replace(header(), pid=pid), *records()[1:]
        paths.append(write(tmp_path / f"profile.{pid}", *child))
    found = [profile.path for profile in read_all(paths[0], paths[1])]
    assert sorted(found) == sorted(paths)


def test_a_profile_of_several_names_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "profile")
    write(tmp_path / "profile.8", replace(header(), pid=8), *records()[1:])
    (tmp_path / "link").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    names = [Path("profile"), path, tmp_path / "link", Path("../", tmp_path.name, "profile")]
    found = [profile.path for profile in read_all(*names)]
    assert found == [Path("profile"), Path("profile.8")]


def test_siblings_are_the_profiles_of_processes_alone(tmp_path: Path) -> None:
    path = tmp_path / "a[b].profile"
    for name in ("", ".12", ".7", ".7.1", ".gz", ".7.gz", ".txt", "7"):
        Path(f"{path}{name}").touch()
    expected = [Path(f"{path}{name}") for name in (".12", ".7", ".7.1")]
    assert siblings(path) == expected
    assert siblings(tmp_path / "missing" / "profile") == []


def test_a_copy_and_what_is_no_profile_are_no_siblings(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    child = write(Path(f"{path}.8"), replace(header(), pid=8), *records()[1:])
    cut = Path(f"{path}.9")
    cut.write_bytes(path.read_bytes()[:50])
    shutil.copy(path, Path(f"{path}.20261127"))
    Path(f"{path}.10").write_text("precious")
    Path(f"{path}.11").mkdir()
    assert siblings(path) == [child, cut]


def test_a_new_sibling_is_always_another(tmp_path: Path) -> None:
    path, pid = tmp_path / "profile", os.getpid()
    Path(f"{path}.{pid}0").touch()
    for expected in (f"{path}.{pid}", f"{path}.{pid}.1", f"{path}.{pid}.2"):
        assert str(new_sibling(path)) == expected
        Path(expected).touch()


@pytest.mark.parametrize(("kept", "wrong"), [(0, "empty"), (50, "not a profile")])
def test_a_broken_profile_of_a_child_is_left_out_and_told(
    kept: int, wrong: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "profile")
    child = write(Path(f"{path}.8"), replace(header(), pid=8), *records()[1:])
    Path(f"{path}.9").write_bytes(path.read_bytes()[:kept])
    parent, other = read_all(path)
    assert parent.problems == (f"profile.9 is left out: {wrong}",)
    assert (other.path, other.problems) == (child, ())


def test_one_that_somebody_named_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "profile")
    child = Path(f"{path}.9")
    child.touch()
    with pytest.raises(UnreadableError, match="empty"):
        read_all(path, child)
