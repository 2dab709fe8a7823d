"""`gctune heap`, as people type it."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from children import BARE, python

from gctune.profile.heap import read_heap
from gctune.profile.pprof import encode
from gctune.profile.ranking import by_function
from gctune.profile.sites import Frame, Function, Heap, Site

PROGRAM = """\
import os, sys

make = lambda: bytearray(1000)

def fill(count):
    return [make() for _ in range(count)]

def main():
    return fill(2000)

kept = main()
if "fork" in sys.argv and not os.fork():
    kept.append(fill(4000))
    sys.exit()
if "fork" in sys.argv:
    os.wait()
if "kill" in sys.argv:
    os.kill(os.getpid(), 9)
if "close" in sys.argv:
    os.closerange(3, 256)
    own = open(__file__ + ".own", "wb", buffering=0)
    own.write(b"precious")
if "full" in sys.argv:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
sys.exit(7)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def gctune(
    *arguments: str | Path, status: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    words = ("-m", "gctune", "heap", *map(str, arguments))
    return python(*words, environ={**BARE, **variables}, status=status)


def record(program: Path, *options: str | Path, argument: str = "", status: int = 7) -> Path:
    """Run PROGRAM below `gctune heap`, and return where its heap is."""
    file = program.with_name("mem.prof")
    gctune("-o", file, *options, "--", sys.executable, program, argument, status=status)
    return file


def flat(path: Path) -> dict[str, int]:
    return {weight.key.name: weight.flat_bytes for weight in by_function(read_heap(path))}


def test_a_program_runs_as_ever_and_leaves_its_heap(program: Path) -> None:
    done = gctune("-o", program.with_name("a"), "--", sys.executable, program, status=7)
    assert done.stdout == ""
    assert "times the CPU" in done.stderr
    assert 2_000_000 < flat(program.with_name("a"))["<lambda>"] < 2_400_000


def test_a_forked_child_leaves_its_own(program: Path) -> None:
    file = record(program, argument="fork")
    (childs,) = program.parent.glob("mem.prof.*")
    assert childs.name.removeprefix("mem.prof.").isdigit()
    assert flat(childs)["<lambda>"] > 2.9 * flat(file)["<lambda>"]


def test_children_of_multiprocessing_leave_theirs_each_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import multiprocessing\n"
        "kept = []\n"
        "make = lambda: bytearray(10**6)\n"
        "def work(depth):\n"
        "    kept.append(make())\n"
        "    if depth:\n"
        "        run(depth - 1)\n"
        "def run(depth):\n"
        "    child = multiprocessing.get_context('fork').Process(target=work, args=[depth])\n"
        "    child.start()\n"
        "    child.join()\n"
        "run(1)\n"
    )
    file = record(tmp_path / "program.py", status=0)
    profiles = [file, *file.parent.glob("mem.prof.*")]
    held = [flat(path).get("<lambda>", 0) // 10**6 for path in profiles]
    assert sorted(held) == [0, 1, 2]


def test_each_python_of_a_command_leaves_its_own(program: Path) -> None:
    both = f"{sys.executable} {program}; {sys.executable} {program}"
    gctune("-o", program.with_name("mem.prof"), "--", "sh", "-c", both, status=7)
    assert len(list(program.parent.glob("mem.prof*"))) == 2


def test_the_heap_before_is_written_as_the_program_starts(program: Path) -> None:
    before = program.with_name("before.prof")
    record(program, "--before", before)
    assert "<lambda>" not in flat(before)


def test_frames_bound_the_stacks(program: Path) -> None:
    file = record(program, "--frames", "2")
    assert max(len(site.stack) for site in read_heap(file).sites) == 2


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("a.json", (), b'{"$schema":"https://www.speedscope.app/'),
        ("a.folded", (), b"<module> ("),
        ("a.html", (), b"<!doctype html>"),
        ("a.json", ("--format", "pprof"), b"\x1f\x8b"),
        ("a.prof", ("--format", "collapsed"), b"<module> ("),
    ],
)
def test_the_format_is_asked_for_or_told_by_the_name(
    program: Path, name: str, options: tuple[str, ...], start: bytes
) -> None:
    file = program.with_name(name)
    gctune("-o", file, *options, "--", sys.executable, program, status=7)
    assert file.read_bytes().startswith(start)


def test_a_program_that_is_killed_leaves_an_empty_file_and_says_so(program: Path) -> None:
    file = record(program, argument="kill", status=-9)
    assert "its program was killed" in gctune("--top", file, status=1).stderr


def test_a_program_that_closes_all_descriptors_leaves_its_heap(program: Path) -> None:
    file = record(program, argument="close")
    assert flat(file)["<lambda>"] > 2_000_000
    assert program.with_name("program.py.own").read_bytes() == b"precious"


def test_a_full_disk_costs_the_heap_alone(program: Path) -> None:
    file = program.with_name("mem.prof")
    done = gctune("-o", file, "--", sys.executable, program, "full", status=7)
    assert "file too large; write to a disk with more room" in done.stderr
    assert "Traceback" not in done.stderr
    assert not file.exists()


def test_where_gctune_is_disabled_it_says_so_and_runs(program: Path) -> None:
    file = program.with_name("mem.prof")
    done = gctune("-o", file, "--", sys.executable, program, status=7, GCTUNE_DISABLE="1")
    assert "no heap profile will be written" in done.stderr
    assert not file.exists()


# Reading

F, G = Function("fill", "/tmp/absent.py", 3), Function("<lambda>", "/tmp/absent.py", 1)
MAIN = Function("main", "/tmp/absent.py", 7)
HEAP = Heap(
    (
        Site((Frame(G, 1), Frame(F, 4), Frame(MAIN, 8)), 10, 3 * 2**20),
        Site((Frame(F, 4), Frame(MAIN, 8)), 1, 2**20),
    ),
    1,
)


@pytest.fixture
def heap(tmp_path: Path) -> Path:
    (tmp_path / "mem.prof").write_bytes(encode(HEAP))
    return tmp_path / "mem.prof"


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines() if line.strip()]


def test_top_shows_flat_and_cumulative(heap: Path) -> None:
    assert rows(gctune("--top", heap).stdout) == [
        ["4MiB", "in", "11", "blocks;", "3", "of", "3", "functions"],
        ["flat", "flat%", "sum%", "cum", "cum%", "blocks", "function"],
        ["3MiB", "75.0%", "75.0%", "3MiB", "75.0%", "10", "<lambda>", "/tmp/absent.py:1"],
        ["1MiB", "25.0%", "100.0%", "4MiB", "100.0%", "1", "fill", "/tmp/absent.py:3"],
        ["0B", "0.0%", "100.0%", "4MiB", "100.0%", "0", "main", "/tmp/absent.py:7"],
    ]


def test_rows_bound_the_top(heap: Path) -> None:
    assert len(rows(gctune("--top", "-n", "1", heap).stdout)) == 3


def test_peek_puts_a_function_between_its_callers_and_callees(heap: Path) -> None:
    assert rows(gctune("--peek", "^fill$", heap).stdout)[1:] == [
        ["4MiB", "100.0%", "main", "/tmp/absent.py:7"],
        ["1MiB", "25.0%", "4MiB", "100.0%", "fill", "/tmp/absent.py:3"],
        ["3MiB", "75.0%", "<lambda>", "/tmp/absent.py:1"],
    ]


def test_list_shows_the_source_with_what_each_line_holds(program: Path) -> None:
    printed = gctune("--list", "^fill", record(program)).stdout
    # Before 3.12 the comprehension is a function of its own, and listed after this one.
    flat, cumulative = re.findall(r"^ *(\S+) +(\S+) +6 +return \[make", printed, re.MULTILINE)[0]
    assert flat.endswith("KiB") or sys.version_info < (3, 12)
    assert cumulative.endswith("MiB")
    assert re.search(r"^ *\. +\. +5 +def fill", printed, re.MULTILINE)


def test_list_without_the_source_has_the_lines_that_hold_something(heap: Path) -> None:
    printed = gctune("--list", "fill", heap).stdout
    assert "source cannot be read" in printed
    assert rows(printed)[-1] == ["1MiB", "4MiB", "4"]


def test_a_difference_shows_growth_and_shrinkage(heap: Path, tmp_path: Path) -> None:
    smaller = Heap((Site((Frame(G, 1), Frame(F, 4), Frame(MAIN, 8)), 4, 2**20), HEAP.sites[1]), 1)
    (tmp_path / "base.prof").write_bytes(encode(smaller))
    grown = rows(gctune("--top", "--base", tmp_path / "base.prof", heap).stdout)
    assert grown[2][:2] == ["2MiB", "100.0%"]
    shrunk = rows(gctune("--top", "--base", heap, tmp_path / "base.prof").stdout)
    assert shrunk[2][:2] == ["-2MiB", "-100.0%"]
    same = gctune("--top", "--base", heap, heap).stdout
    assert "0B in 0 blocks" in same


def test_the_total_of_a_difference_is_signed_and_its_shares_are_of_all_that_changed(
    heap: Path, tmp_path: Path
) -> None:
    moved = Heap((Site((Frame(F, 4), Frame(MAIN, 8)), 4, 2 * 2**20),), 1)
    (tmp_path / "moved.prof").write_bytes(encode(moved))
    first, _, *grown = gctune("--top", "--base", heap, tmp_path / "moved.prof").stdout.splitlines()
    assert first.startswith("-2MiB in -7 blocks, shares of the 4MiB that grew or shrank; 3 of 3 ")
    assert [row.split()[:2] for row in grown[1:3]] == [["-3MiB", "-75.0%"], ["1MiB", "25.0%"]]


def test_a_browser_is_opened_at_a_flame_graph(heap: Path, tmp_path: Path) -> None:
    done = gctune("--web", heap, BROWSER="echo %s", TMPDIR=str(tmp_path))
    (page,) = tmp_path.glob("gctune-heap-*.html")
    assert done.stdout == f"{page.as_uri()}\n"
    assert str(page) in done.stderr
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "fill /tmp/absent.py:3\n4,194,304 bytes in 11 blocks, 100.0%" in page.read_text()


def test_where_no_browser_is_to_be_had_the_file_is_told(heap: Path, tmp_path: Path) -> None:
    done = gctune("--web", heap, BROWSER="false", PATH="/nowhere", TMPDIR=str(tmp_path))
    (page,) = tmp_path.glob("gctune-heap-*.html")
    assert str(page) in done.stderr
    assert "open it elsewhere" in done.stderr


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    odd = Function("\x1b[31m[bold]:smile:", "\r\x07.py", 1)
    (tmp_path / "odd.prof").write_bytes(encode(Heap((Site((Frame(odd, 1),), 1, 1),), 0)))
    for view in (["--top"], ["--list", "."], ["--peek", "."]):
        printed = gctune(*view, tmp_path / "odd.prof").stdout
        assert r"\x1b[31m[bold]:smile: \r\x07.py" in printed
        assert "".join(printed.splitlines()).isprintable()


def test_a_terminal_gets_colours_and_a_pipe_does_not(heap: Path) -> None:
    assert "\x1b" not in gctune("--top", heap).stdout
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminal is to be had here")
    words = [sys.executable, "-m", "gctune", "heap", "--top", str(heap)]
    subprocess.run(words, stdout=theirs, env={**BARE, "TERM": "xterm"}, check=True)
    os.close(theirs)
    assert b"\x1b" in os.read(ours, 65536)
    os.close(ours)


# Bad input


@pytest.mark.parametrize(
    ("arguments", "status", "wrong"),
    [
        ([], 2, "give either -o FILE"),
        (["--top"], 2, "give either"),
        (["--top", "a", "b"], 2, "give either"),
        (["--top", "--list", "f", "a"], 2, "give either"),
        (["--top", "--web", "a"], 2, "give either"),
        (["--top", "-o", "a", "b"], 2, "give either"),
        (["--top", "--frames", "3", "a"], 2, "give either"),
        (["-o", "a", "--base", "b", "true"], 2, "give either"),
        (["-o", "a"], 2, "give either"),
        (["nofile.prof"], 1, "FILE = 'nofile.prof': no such file"),
        (["--base", "a", "nofile.prof"], 1, "FILE = 'nofile.prof': no such file"),
        (["-o", "", "true"], 2, "-o = '.': a folder; give the name of a file"),
        (["-o", "/", "true"], 2, "-o = '/': a folder; give the name of a file"),
        (["-o", "absent/a", "true"], 2, "-o = 'absent/a': its folder cannot be written"),
        (["python", "-c", "1"], 2, "Error: -o is missing: give -o FILE -- COMMAND"),
        (["--frames", "3", "true"], 2, "Error: -o is missing"),
        (["-o", "a", "--frames", "0", "true"], 2, "--frames"),
        (["-o", "a", "--format", "perf", "true"], 2, "--format"),
        (["-o", "/absent/a", "true"], 2, "-o = '/absent/a': its folder cannot be written"),
        (["-o", "/dev/null", "true"], 2, "-o = '/dev/null': exists already"),
        (["-o", "a", "--before", "a", "true"], 2, "--before = "),
        (["-o", "a", "no-such-program"], 127, "command = 'no-such-program'"),
        (["--list", "(", "a"], 2, "not a regular expression"),
        (["--peek", "a", __file__], 1, "not in pprof's format"),
        (["--top", "/absent"], 1, "FILE = '/absent': no such file"),
        (["--top", "/"], 1, "FILE = '/': is a directory"),
    ],
)
def test_bad_input_is_one_clear_error(
    tmp_path: Path, arguments: list[str], status: int, wrong: str
) -> None:
    words = ["-m", "gctune", "heap", *arguments]
    done = python(*words, status=status, directory=tmp_path)
    assert wrong in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pattern_that_matches_nothing_says_so(heap: Path) -> None:
    for option in ("--list", "--peek"):
        error = gctune(option, "absent", heap, status=1).stderr
        assert error.startswith(f"{option} = 'absent': no function of {heap} matches;")


def test_a_base_that_cannot_be_read_is_named_as_it_was_given(heap: Path) -> None:
    error = gctune("--base", "absent", heap, status=1).stderr
    assert error.startswith("--base = 'absent': no such file")
