"""Which allocators a process runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gctune.host.allocator import this_allocator
from gctune.host.interpreter import this_interpreter

MAP = "7f00-7f01 r-xp 00000000 fe:00 7 {}\n"
GLIBC = this_interpreter()._replace(libc="glibc")


def proc(folder: Path, *libraries: str) -> Path:
    (folder / "self").mkdir()
    (folder / "self" / "maps").write_text("".join(map(MAP.format, libraries)))
    return folder


@pytest.mark.parametrize(
    ("library", "name"),
    [
        ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "jemalloc"),
        ("/opt/libmimalloc-secure.so.2.1", "mimalloc"),
        ("/usr/lib/libtcmalloc_minimal.so.4", "tcmalloc"),
        ("/lib/ld-musl-x86_64.so.1", "musl"),
    ],
)
def test_what_is_not_glibcs_is_named_and_tunes_nothing(
    tmp_path: Path, library: str, name: str
) -> None:
    found = this_allocator(GLIBC, {}, proc(tmp_path, "/usr/bin/python3", library))
    assert (found.malloc, found.trim, found.mallopt) == (name, False, False)
    assert name in found.objection


def test_a_folder_of_that_name_is_no_allocator(tmp_path: Path) -> None:
    library = "/opt/libjemalloc-tests/_speedups.so"
    assert this_allocator(GLIBC, {}, proc(tmp_path, library)).malloc == "glibc"


@pytest.mark.skipif(this_interpreter().libc != "glibc", reason="the C library is not glibc")
def test_glibc_can_be_told() -> None:
    found = this_allocator(this_interpreter(), {})
    assert (found.malloc, found.trim, found.mallopt, found.objection) == ("glibc", True, True, "")


@pytest.mark.parametrize(
    ("variables", "options", "name"),
    [
        ({}, [], "pymalloc"),
        ({"PYTHONMALLOC": "default"}, [], "pymalloc"),
        ({"PYTHONMALLOC": "debug"}, [], "pymalloc_debug"),
        ({"PYTHONMALLOC": "pymalloc_debug"}, [], "pymalloc_debug"),
        ({"PYTHONMALLOC": "malloc"}, [], "malloc"),
        ({"PYTHONMALLOC": "debug"}, ["-E"], "pymalloc"),
    ],
)
def test_pythons_own_allocator_is_named(
    variables: dict[str, str], options: list[str], name: str
) -> None:
    script = (
        "import os; from gctune.host.allocator import this_allocator\n"
        "from gctune.host.interpreter import this_interpreter\n"
        "print(this_allocator(this_interpreter(), os.environ).python)"
    )
    command = [sys.executable, *options, "-c", script]
    environ = {**os.environ, **variables}
    assert subprocess.check_output(command, env=environ, text=True).strip() == name
