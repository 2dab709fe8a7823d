"""memray's captures: what they say held memory, in our own views and formats."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from children import BARE, TESTS, python
from go_pprof import go_pprof, needs_pprof

from gctune.errors import ProfileError
from gctune.profile.heap import is_capture, is_heap, read_heap
from gctune.profile.pprof import encode
from gctune.profile.ranking import by_function
from gctune.profile.sites import Frame, Function, Heap, Site

memray = pytest.importorskip("memray", reason="memray is not installed here")
from gctune.integrations.memray import read_capture  # noqa: E402 - which needs memray

# At the peak: 40 MB of `main`, 5 MB of the lambda and 3 MB of `load`; kept: the lambda's;
# allocated besides, each once the last was freed: 20 times 1 MB.
PROGRAM = """\
class Store:
    def load(self, count):
        self.rows = [bytearray(3000) for _ in range(count)]

make = lambda: bytearray(5_000_000)

def passing():
    for _ in range(20):
        bytearray(1_000_000)

def main():
    store = Store()
    store.load(1000)
    kept.append(make())
    passing()
    bytearray(40_000_000)

import room; kept = []
main()
"""
# Has pymalloc hold free pools, so that no arena of a MiB is taken, and charged, where something
# small is made.
ROOM = "kept = [bytes(400) for _ in range(5_000)][::1000]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memray")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "room.py").write_text(ROOM)
    return folder


def record(folder: Path, name: str, *options: str) -> Path:
    file = folder / name
    words = ("-m", "memray", "run", "-q", *options, "-o", str(file), "program.py")
    python(*words, directory=folder)
    return file


@pytest.fixture(autouse=True)
def _where_the_source_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def capture(folder: Path) -> Path:
    return record(folder, "capture.bin")


@pytest.fixture(scope="module")
def aggregated(folder: Path) -> Path:
    return record(folder, "aggregated.bin", "--aggregate")


def megabytes(heap: Heap) -> dict[str, int]:
    """Flat megabytes by function of PROGRAM, of those that allocated any."""
    flat = Counter[str]()
    for each in by_function(heap):
        if each.key.file == "program.py":
            flat[each.key.name.removesuffix(".<listcomp>")] += each.flat_bytes
    return {name: size // 1_000_000 for name, size in flat.items() if size >= 1_000_000}


def gctune(*words: str | Path, folder: Path, status: int = 0) -> str:
    done = python("-m", "gctune", "heap", *map(str, words), status=status, directory=folder)
    return done.stderr if status else done.stdout


# What is read


def test_a_capture_is_what_was_in_use_at_the_peak(capture: Path) -> None:
    held = megabytes(read_capture(capture))
    assert held.pop("Store.load") in (3, 4)  # with an arena or without
    assert held == {"main": 40, "<lambda>": 5}


def test_its_leaks_are_what_was_never_freed(capture: Path) -> None:
    assert megabytes(read_capture(capture, leaks=True))["<lambda>"] == 5
    assert "main" not in megabytes(read_capture(capture, leaks=True))


def test_it_tells_all_that_was_allocated_with_counts(capture: Path) -> None:
    heap = read_capture(capture)
    assert heap.allocated is not None
    everything = {each.key.name: each for each in by_function(replace(heap, sites=heap.allocated))}
    assert 20 <= everything["passing"].blocks < 40
    assert everything["passing"].flat_bytes // 1_000_000 == 20
    assert sum(site.blocks for site in heap.allocated) > sum(site.blocks for site in heap.sites)


def test_totals_need_not_be_counted(capture: Path) -> None:
    assert read_capture(capture, totals=False).allocated is None
    assert read_capture(capture, totals=False).sites == read_capture(capture).sites


def test_what_memray_has_aggregated_tells_no_totals(aggregated: Path) -> None:
    heap = read_capture(aggregated)
    assert megabytes(heap)["main"] == 40
    assert heap.allocated is None


def test_functions_have_the_names_and_the_lines_of_their_source(capture: Path) -> None:
    functions = {each.key for each in by_function(read_capture(capture))}
    assert Function("Store.load", "program.py", 2) in functions
    assert Function("<lambda>", "program.py", 5) in functions


def test_a_function_whose_source_is_gone_keeps_the_name_that_memray_knows(
    capture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {each.key for each in by_function(read_capture(capture))}
    assert Function("main", "program.py", 0) in names


def test_native_frames_are_those_that_memray_tells(folder: Path) -> None:
    file = record(folder, "native.bin", "--native")
    ours = read_capture(file, totals=False).sites[0]
    with memray.FileReader(file) as reader:
        records = reader.get_high_watermark_allocation_records()
        theirs = max(records, key=lambda record: record.size).hybrid_stack_trace()
    lines = [(frame.function.file, frame.line) for frame in ours.stack]
    assert lines == [(file, line) for _, file, line in theirs]


def test_a_capture_is_told_by_how_it_begins(capture: Path, folder: Path, tmp_path: Path) -> None:
    assert is_capture(capture)
    assert is_capture(record(folder, "plain.bin", "--no-compress"))
    assert not is_capture(folder / "program.py")
    (tmp_path / "mem.prof").write_bytes(encode(Heap((), 1)))
    assert is_heap(tmp_path / "mem.prof")
    assert not is_capture(tmp_path / "mem.prof")
    assert not is_heap(tmp_path / "absent")


# As people type it


def test_a_file_alone_is_shown_from_the_top(capture: Path, folder: Path) -> None:
    printed = gctune(capture, folder=folder)
    assert printed == gctune("--top", capture, folder=folder)
    assert "main program.py" in printed.splitlines()[3]


def test_leaks_and_totals_are_shown_where_they_are_asked_for(capture: Path, folder: Path) -> None:
    assert "<lambda> program.py" in gctune("--leaks", capture, folder=folder).splitlines()[3]
    assert " passing program.py" in gctune("--allocated", "--top", capture, folder=folder)
    assert " passing program.py" not in gctune("--top", capture, folder=folder)


def test_list_and_peek_show_it_as_they_show_a_profile(capture: Path, folder: Path) -> None:
    listed = gctune("--list", "^main$", capture, folder=folder)
    assert any(line.endswith("bytearray(40_000_000)") for line in listed.splitlines())
    peeked = gctune("--peek", "lambda", capture, folder=folder)
    assert "main program.py" in peeked


def test_what_grew_from_one_capture_to_another(capture: Path, aggregated: Path) -> None:
    printed = gctune("--top", "--base", aggregated, capture, folder=capture.parent)
    assert "40" not in printed.splitlines()[0]  # megabytes that both have


@pytest.mark.parametrize("name", ["out.json", "out.folded", "out.pb.gz"])
def test_a_capture_is_converted(name: str, capture: Path, folder: Path, tmp_path: Path) -> None:
    gctune("-o", tmp_path / name, capture, folder=folder)
    assert b"main" in (tmp_path / name).read_bytes() or name == "out.pb.gz"
    error = gctune("-o", tmp_path / name, capture, folder=folder, status=2)
    assert "exists already" in error


def test_a_converted_capture_reads_back_the_same(
    capture: Path, folder: Path, tmp_path: Path
) -> None:
    gctune("-o", tmp_path / "mem.prof", capture, folder=folder)
    assert read_heap(tmp_path / "mem.prof") == read_capture(capture)


@needs_pprof
def test_go_pprof_sees_the_peak_and_the_totals(capture: Path, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mem.prof"
    gctune("-o", file, capture, folder=folder)
    peak = go_pprof("-top", "-unit=b", file)
    assert "Type: inuse_space" in peak
    assert " passing" not in peak
    totals = go_pprof("-top", "-sample_index=alloc_objects", file)
    (row,) = (line for line in totals.splitlines() if line.endswith(" passing"))
    assert 20 <= int(row.split()[0]) < 40


# What goes wrong


def test_a_capture_that_has_memray_wait_for_ever_is_one_clear_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage gets as far as the locks of malloc."""
    monkeypatch.setattr("gctune.integrations.memray._AT_REST", 0.1)
    monkeypatch.setattr("gctune.integrations.memray._heap", lambda *_: signal.pause())
    with pytest.raises(ProfileError, match="damaged: memray hangs; give a capture"):
        read_capture(folder / "program.py")


def test_a_damaged_capture_is_one_clear_error_and_no_crash(folder: Path, tmp_path: Path) -> None:
    """memray itself ends by a signal on some of these."""
    content = record(folder, "raw.bin", "--no-compress").read_bytes()
    chance, file = random.Random(1), tmp_path / "damaged.bin"
    wrong = 0
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        try:
            read_capture(file)
        except ProfileError as error:
            wrong += 1
            assert str(error).startswith(f"FILE = '{file}': ")  # noqa: PT017
    assert wrong > 5


def test_the_capture_of_a_program_that_was_killed_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text(ROOM)
    (tmp_path / "program.py").write_text(f"{PROGRAM}import os; os.kill(os.getpid(), 9)\n")
    words = ("-m", "memray", "run", "-q", "-o", "killed.bin", "program.py")
    python(*words, directory=tmp_path, status=-9)
    assert megabytes(read_capture(tmp_path / "killed.bin"))["main"] == 40


def test_bad_input_is_told(capture: Path, aggregated: Path, folder: Path, tmp_path: Path) -> None:
    def told(*words: str | Path, status: int = 1) -> str:
        return gctune(*words, folder=folder, status=status)

    assert "tells only of what is in use" in told("--top", "--allocated", aggregated)
    profile = tmp_path / "mem.prof"
    profile.write_bytes(encode(Heap((Site((Frame(Function("f", "f.py", 1), 1),), 1, 1),), 1)))
    assert "no capture of memray; leave --leaks out" in told("--top", "--leaks", profile)
    assert "give either" in told("-o", "a", "--leaks", "true", status=2)
    assert "give either" in told("-o", "a", "--top", capture, status=2)
    (tmp_path / "odd.bin").write_bytes(b"memray or something like it")
    assert "does not look like a binary generated by memray" in told("--top", tmp_path / "odd.bin")


def test_without_memray_the_extra_is_named(capture: Path) -> None:
    code = (
        "import sys; sys.modules['memray'] = None\n"
        "from gctune.cli import main\n"
        f"sys.argv = ['gctune', 'heap', {str(capture)!r}]; main()"
    )
    done = python("-c", code, environ={**BARE, "PYTHONPATH": TESTS}, status=1)
    assert "pip install 'gctune[memray]'" in done.stderr
    assert "Traceback" not in done.stderr
