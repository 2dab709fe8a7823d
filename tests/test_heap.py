"""Heap profiles: what is traced, how it is named, and that real tools read it."""

from __future__ import annotations

import gzip
import json
import random
import re
import stat
import sys
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from children import python, script
from go_pprof import go_pprof, needs_dot, needs_pprof
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import STORE

from gctune.errors import ProfileError
from gctune.profile import flames, pprof, protobuf
from gctune.profile.flamegraph import page
from gctune.profile.functions import Names
from gctune.profile.heap import format_of, read_heap, write_heap
from gctune.profile.ranking import by_function, by_line, neighbours, total_bytes
from gctune.profile.sites import Frame, Function, Heap, Site, difference, gather

PROGRAM = f"""\
import sys
from gctune.profile.heap import write_heap
from gctune.profile import tracing

{STORE}
tracing.start()
kept = [bytearray(7)]
write_heap(sys.argv[1])
kept.append(filled())
write_heap(sys.argv[2])
"""
INLINED = sys.version_info >= (3, 12)  # comprehensions are part of their function


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The heap of a program before and after its work."""
    folder = tmp_path_factory.mktemp("heap")
    program, before, after = folder / "program.py", folder / "mem.prof", folder / "mem_final.prof"
    program.write_text(PROGRAM)
    python(str(program), str(before), str(after))
    return before, after


def own(heap: Heap) -> dict[str, int]:
    """Flat bytes of the functions of PROGRAM."""
    return {
        weight.key.name: weight.flat_bytes
        for weight in by_function(heap)
        if weight.key.file.endswith("program.py")
    }


# What is traced


def test_sites_and_bytes_agree_with_tracemallocs_own(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import gc, json, tracemalloc\n"
        "from gctune.profile import tracing\n"
        "def grow(depth):\n"
        "    return grow(depth - 1) if depth else [bytearray(n) for n in range(1000)]\n"
        "tracing.start(8)\n"
        "kept = [grow(depth) for depth in (0, 3, 20)] + [{} for _ in range(50)]\n"
        "heap = tracing.take()\n"
        "snapshot = tracemalloc.take_snapshot()\n"
        "ours = [[[[f.function.file, f.line] for f in reversed(stack)], blocks, size]\n"
        "        for stack, blocks, size in heap.sites if stack[0].line <= 6]\n"
        "theirs = [[[[f.filename, f.lineno] for f in s.traceback], s.count, s.size]\n"
        "          for s in snapshot.statistics('traceback') if s.traceback[-1].lineno <= 6]\n"
        "def own(sites):\n"
        "    return sorted(site for site in sites if site[0][-1][0] == __file__)\n"
        "print(json.dumps([own(ours), own(theirs)]))\n"
    )
    ours, theirs = json.loads(python(str(tmp_path / "program.py")).stdout)
    assert ours == theirs
    assert sum(size for _, _, size in ours) > 3 * sum(range(1000))


def test_functions_and_bytes_are_those_of_the_program(written: tuple[Path, Path]) -> None:
    held = own(read_heap(written[1]))
    lists = {"Store.__init__": 300_000, "<lambda>": 500_000}
    if not INLINED:
        lists["Store.__init__.<listcomp>"] = lists.pop("Store.__init__")
    for name, size in lists.items():
        assert size < held[name] < 1.5 * size  # each has a header, and a place in a list
    assert "<module>" in held


def test_a_difference_is_what_was_allocated_between(written: tuple[Path, Path]) -> None:
    before, after = map(read_heap, written)
    grown = difference(after, before)
    assert 800_000 < sum(own(grown).values()) < 1_000_000
    assert difference(before, before).sites == ()
    assert sum(own(difference(before, after)).values()) == -sum(own(grown).values())


def test_a_profile_is_for_this_user_alone(written: tuple[Path, Path]) -> None:
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600, 0o600]


def test_no_contents_of_objects_are_written(written: tuple[Path, Path]) -> None:
    content = gzip.decompress(written[1].read_bytes())
    assert b"Store.load" in content
    assert b"password" not in content


def test_where_nothing_is_traced_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no allocation is traced"):
        write_heap(tmp_path / "mem.prof")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mem.prof").write_text("mine")
    printed = script(
        "import gctune.errors, tracemalloc\n"
        "from gctune.profile.heap import write_heap\n"
        "tracemalloc.start()\n"
        f"try: write_heap({str(tmp_path / 'mem.prof')!r})\n"
        "except gctune.errors.ProfileError as error: print(error)"
    )
    assert "exists already" in printed
    assert (tmp_path / "mem.prof").read_text() == "mine"


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="give pprof, speedscope, collapsed"):
        write_heap(tmp_path / "mem.prof", "perf")


# How functions are named


def named(tmp_path: Path, source: str, *lines: int) -> list[str]:
    """Name the frames of a stack of one file, outermost first."""
    file = tmp_path / "source.py"
    file.write_text(source)
    stack = Names().stack((str(file), line) for line in lines)
    return [frame.function.name for frame in reversed(stack)]


NESTED = """\
class Outer:
    size = 3
    class Inner:
        def method(self):
            def local():
                return 1
            return local()
double = lambda x: (
    2 * x)
"""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (1, "<module>"),
        (2, "Outer"),
        (4, "Outer.Inner"),
        (6, "Outer.Inner.method.local"),
        (7, "Outer.Inner.method"),
        (9, "<lambda>"),
    ],
)
def test_a_line_is_named_by_the_function_it_is_in(tmp_path: Path, line: int, name: str) -> None:
    assert named(tmp_path, NESTED, line) == [name]


def test_where_a_line_is_of_two_functions_the_stack_decides(tmp_path: Path) -> None:
    source = "make = lambda: [0]\ndef use():\n    key = lambda x: [x]\n    return key(1)\nuse()\n"
    assert named(tmp_path, source, 1) == ["<module>"]
    assert named(tmp_path, source, 5, 1) == ["<module>", "<lambda>"]
    assert named(tmp_path, source, 5, 3) == ["<module>", "use"]
    assert named(tmp_path, source, 5, 4, 3) == ["<module>", "use", "use.<lambda>"]
    assert named(tmp_path, source, 4, 1) == ["use", "<lambda>"]


@pytest.mark.parametrize(
    "content", [b"def broken(:", b"\x00", b"(" * 5000, b"# coding: nonsense\n"]
)
def test_a_source_that_is_no_python_is_named_by_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.py").write_bytes(content)
    (frame,) = Names().stack([(str(tmp_path / "odd.py"), 1)])
    assert frame.function.name == "odd.py"


def test_code_without_a_file_is_named_by_what_stands_for_it() -> None:
    stack = Names().stack([("<frozen importlib._bootstrap>", 9), ("<string>", 1)])
    assert [frame.function.name for frame in stack] == ["<string>", "<frozen importlib._bootstrap>"]


def test_naming_runs_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    assert named(tmp_path, 'raise SystemExit("\\d" is 1)', 1) == ["<module>"]


# Formats

numbers = st.integers(-(2**63), 2**63 - 1)
lines = st.integers(0, 2**31)
frames = st.builds(
    Frame, st.builds(Function, st.text(min_size=1, max_size=9), st.text(max_size=9), lines), lines
)
stacks = st.lists(frames, min_size=1, max_size=6).map(tuple)
sites = st.lists(st.builds(Site, stacks, numbers, numbers), max_size=8, unique_by=lambda s: s.stack)
heaps = st.builds(lambda found, taken: Heap(gather(found), taken), sites, st.integers(0, 2**62))


@given(heaps)
def test_what_is_encoded_is_decoded(heap: Heap) -> None:
    decoded = pprof.decode(pprof.encode(heap))
    assert (decoded.sites, decoded.taken_ns) == (heap.sites, heap.taken_ns)
    assert pprof.encode(decoded) == pprof.encode(heap)


@given(numbers)
def test_any_integer_of_64_bits_survives(number: int) -> None:
    (value,) = protobuf.unpacked(protobuf.varint(number))
    assert protobuf.signed(value) == number


@given(st.binary(max_size=200))
def test_any_bytes_are_a_heap_or_a_valueerror(content: bytes) -> None:
    decode(content)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_profile_is_a_heap_or_a_valueerror(seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(plain())
    for _ in range(chance.randint(1, 5)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    del content[chance.randrange(len(content)) :]
    decode(bytes(content))


def decode(content: bytes) -> Heap | None:
    try:
        return pprof.decode(content)
    except ValueError:
        return None


LEAF = Function("leaf", "a.py", 1)
MAIN = Function("main", "a.py", 10)
SMALL = Heap(
    gather(
        [
            Site((Frame(LEAF, 2), Frame(MAIN, 11)), 2, 200),
            Site((Frame(LEAF, 3), Frame(LEAF, 2), Frame(MAIN, 12)), 1, 50),
            Site((Frame(MAIN, 12),), 1, 30),
        ]
    ),
    0,
)


def message(*parts: bytes) -> bytes:
    return b"".join(parts)


def as_go_writes() -> bytes:
    """A heap profile with an inlined call, labels, and a location without a name."""
    words = "", "inuse_space", "bytes", "alloc_space", "inuse_objects", "count", "f", "g", "x.go"
    types = [(3, 2), (4, 5), (1, 2)]
    inlined = message(
        protobuf.number(1, 7),
        protobuf.content(4, protobuf.number(1, 1) + protobuf.number(2, 5)),
        protobuf.content(4, protobuf.number(1, 2) + protobuf.number(2, 6)),
    )
    nameless = protobuf.number(1, 9) + protobuf.number(3, 0xABC)
    one_by_one = message(
        *(protobuf.number(1, location) for location in (7, 9)),
        *(protobuf.number(2, value) for value in (999, 4, 64)),
        protobuf.content(3, protobuf.number(3, 16)),
    )
    return message(
        *(protobuf.content(1, protobuf.number(1, a) + protobuf.number(2, b)) for a, b in types),
        *[protobuf.content(2, one_by_one)] * 2,
        protobuf.content(4, inlined),
        protobuf.content(4, nameless),
        *(
            protobuf.content(5, protobuf.number(1, n) + protobuf.number(2, 5 + n) + b"\x20\x08")
            for n in (1, 2)
        ),
        *(protobuf.content(6, word.encode()) for word in words),
    )


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["bare", "gzip"])
def test_a_profile_of_gos_is_read(packed: Callable[[bytes], bytes]) -> None:
    f, g = Function("f", "x.go", 0), Function("g", "x.go", 0)
    nameless = Frame(Function("0xabc", "", 0), 0)
    assert pprof.decode(packed(as_go_writes())).sites == (
        Site((Frame(f, 5), Frame(g, 6), nameless), 8, 128),
    )


def plain() -> bytes:
    return gzip.decompress(pprof.encode(SMALL))


def sample(depth: int) -> bytes:
    return protobuf.content(2, protobuf.numbers(1, [1] * depth) + protobuf.numbers(2, [1] * 4))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "unpacks to 100 MiB": (lambda: gzip.compress(bytes(100 * 2**20)), "longer than"),
    "is many in one": (lambda: pprof.encode(SMALL) * 2, "more follows its end"),
    "has a deep stack": (lambda: plain() + sample(5000), "a stack of over 4096 frames"),
    "has many deep stacks": (lambda: plain() + sample(4000) * 4000, "frames in all"),
    "has many samples": (lambda: plain() + b"\x12\x00" * 2**21, "entries of one kind"),
    "has a sample without values": (lambda: plain() + b"\x12\x00", "a sample lacks values"),
    "is cut off": (lambda: pprof.encode(SMALL)[:-9], "cut off"),
    "is no heap": (lambda: plain().replace(b"inuse_space", b"other_space"), "has no inuse_space"),
    "is no pprof": (lambda: b'{"$schema": 1}', "not in pprof's format"),
    "is empty": (lambda: b"", "its program was killed"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_a_clear_error_in_time(tmp_path: Path, kind: str) -> None:
    content, wrong = HOSTILE[kind]
    (tmp_path / "mem.prof").write_bytes(content())
    start = time.process_time()
    with pytest.raises(ProfileError, match=wrong):
        read_heap(tmp_path / "mem.prof")
    assert time.process_time() - start < 20


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(ProfileError, match=re.escape(str(path))):
            read_heap(path)


def site(stack: str, blocks: int, size: int) -> Site:
    """A site of functions with one letter for a name, leaf first."""
    frames = (Frame(Function(name, f"{name}.py", 1), 1) for name in stack)
    return Site(tuple(frames), blocks, size)


def boxes(heap: Heap) -> list[str]:
    """What the boxes of a flame graph say of themselves."""
    return [unescape(each) for each in re.findall(r'title="([^"]*)"', page(heap).decode())]


def test_a_flame_graph_has_a_box_for_each_call_with_what_it_holds() -> None:
    heap = Heap((site("ba", 3, 600), site("a", 1, 300), site("ca", 1, 100)), 1)
    assert boxes(heap) == [
        "all \n1,000 bytes in 5 blocks, 100.0%",
        "a a.py:1\n1,000 bytes in 5 blocks, 100.0%",
        "b b.py:1\n600 bytes in 3 blocks, 60.0%",
        "c c.py:1\n100 bytes in 1 blocks, 10.0%",
    ]


def test_a_flame_graph_of_a_difference_shows_what_has_grown() -> None:
    assert len(boxes(Heap((site("a", 1, 5), site("b", -1, -9)), 1))) == 2
    assert len(boxes(Heap((site("b", -1, -9),), 1))) == 1


def test_a_flame_graph_leaves_the_smallest_and_the_deepest_out() -> None:
    assert len(boxes(Heap((site("a", 1, 10_000), site("b", 1, 1)), 1))) == 2
    assert 100 < len(boxes(Heap((site("a" * 1000, 1, 1),), 1))) < 300


@pytest.mark.parametrize(
    ("name", "file", "label"),
    [
        ("run", "/app/shop.py", "run"),
        ("<module>", "/app/shop.py", "&lt;module&gt; shop.py"),
        ("<string>", "<string>", "&lt;string&gt;"),
    ],
)
def test_a_box_says_what_it_is(name: str, file: str, label: str) -> None:
    shown = page(Heap((Site((Frame(Function(name, file, 1), 1),), 1, 1),), 0)).decode()
    assert f">{label}</b>" in shown


def test_names_are_no_markup_of_a_flame_graph() -> None:
    odd = Function('</b><script>alert("1")</script>', '" onclick="alert(1)', 1)
    shown = page(Heap((Site((Frame(odd, 1),), 1, 1),), 0)).decode()
    assert shown.count("<script>") == 1
    assert 'onclick="' not in shown


def test_speedscope_has_each_frame_once_and_every_byte() -> None:
    document = json.loads(flames.speedscope(SMALL))
    assert len(document["shared"]["frames"]) == 4
    by_bytes, by_blocks = document["profiles"]
    assert (by_bytes["endValue"], by_blocks["endValue"]) == (280, 4)
    names = [frame["name"] for frame in document["shared"]["frames"]]
    assert [names[number] for number in by_bytes["samples"][0]] == ["main", "leaf"]


def test_collapsed_stacks_end_in_their_leaf() -> None:
    assert flames.collapsed(SMALL).decode().splitlines() == [
        "main (a.py:11);leaf (a.py:2) 200",
        "main (a.py:12);leaf (a.py:2);leaf (a.py:3) 50",
        "main (a.py:12) 30",
    ]


def test_a_name_cannot_break_a_collapsed_line() -> None:
    odd = Frame(Function("a;b\nc", "x y", 1), 1)
    (line,) = flames.collapsed(Heap((Site((odd,), 1, 5),), 0)).decode().splitlines()
    assert line == "a:b c (x y:1) 5"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.prof", "pprof"),
        ("a", "pprof"),
        ("a.JSON", "speedscope"),
        ("a.folded", "collapsed"),
        ("a.html", "html"),
    ],
)
def test_the_ending_says_the_format(name: str, form: str) -> None:
    assert format_of(Path(name)) == form


# Flat and cumulative


def test_a_recursive_function_is_cumulated_once_a_stack() -> None:
    leaf, main = by_function(SMALL)
    assert (leaf.key, leaf.flat_bytes, leaf.cumulative_bytes, leaf.blocks) == (LEAF, 250, 250, 3)
    assert (main.key, main.flat_bytes, main.cumulative_bytes, main.blocks) == (MAIN, 30, 280, 1)
    assert total_bytes(SMALL) == 280


def test_lines_weigh_what_their_function_does() -> None:
    weights = by_line(SMALL)[MAIN]
    assert {line: (w.flat_bytes, w.cumulative_bytes) for line, w in weights.items()} == {
        11: (0, 200),
        12: (30, 80),
    }


def test_neighbours_share_the_bytes_of_the_calls_between_them() -> None:
    near = neighbours(SMALL)
    assert near[LEAF].callers == ((MAIN, 250), (LEAF, 50))
    assert near[LEAF].callees == ((LEAF, 50),)
    assert near[MAIN].callers == ()


# The real pprof


@needs_pprof
def test_pprofs_top_has_our_names_and_bytes(written: tuple[Path, Path]) -> None:
    printed = go_pprof("-top", "-unit=B", "-nodefraction=0", "-filefunctions", written[1])
    assert "Type: inuse_space" in printed
    flat = {
        words[5]: int(words[0].removesuffix("B"))
        for words in map(str.split, printed.splitlines())
        if len(words) == 7 and words[6].endswith("program.py")
    }
    assert flat == own(read_heap(written[1]))
    assert {"<module>", "<lambda>", "filled"} <= set(flat)


@needs_pprof
def test_pprof_counts_what_we_count(written: tuple[Path, Path]) -> None:
    heap = read_heap(written[1])
    for index, total in (
        ("inuse_space", sum(site.bytes for site in heap.sites)),
        ("alloc_space", sum(site.bytes for site in heap.sites)),
        ("inuse_objects", sum(site.blocks for site in heap.sites)),
        ("alloc_objects", sum(site.blocks for site in heap.sites)),
    ):
        unit = "B" if "space" in index else ""
        exact = ["-unit=B"] if unit else []
        printed = go_pprof("-top", *exact, f"-sample_index={index}", written[1])
        assert f"of {total}{unit} total" in printed


@needs_pprof
def test_pprofs_peek_and_list_find_callers_and_source(written: tuple[Path, Path]) -> None:
    peeked = go_pprof("-peek", "^<lambda>$", written[1])
    assert re.search(r"100% \|   Store\.load", peeked)
    listed = go_pprof("-list", r"Store\.load", written[1])
    assert "self.more = [make() for _ in range(500)]" in listed


@needs_pprof
@needs_dot
def test_pprof_draws_a_graph(written: tuple[Path, Path]) -> None:
    drawn = go_pprof("-svg", written[1])
    assert "&lt;lambda&gt;" in drawn
    assert "</svg>" in drawn


@needs_pprof
def test_pprofs_difference_is_ours(written: tuple[Path, Path]) -> None:
    before, after = written
    printed = go_pprof("-top", "-unit=B", "-nodefraction=0", "-base", before, after)
    ours = difference(read_heap(after), read_heap(before))
    assert f"of {total_bytes(ours)}B total" in printed


@needs_pprof
def test_what_pprof_writes_anew_is_read_the_same(
    written: tuple[Path, Path], tmp_path: Path
) -> None:
    go_pprof("-proto", "-output", tmp_path / "anew.prof", written[1])
    assert read_heap(tmp_path / "anew.prof").sites == read_heap(written[1]).sites
    assert pprof.encode(read_heap(written[1])) == written[1].read_bytes()
