"""Several workers as one: what they counted adds up, whatever becomes of them and their files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from children import BARE
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gctune.errors import GctuneError
from gctune.host.process import started
from gctune.metrics import numbers
from gctune.metrics.catalogue import BUCKETS, METRICS
from gctune.metrics.exposition import as_json, as_text
from gctune.metrics.folder import prepare
from gctune.metrics.metric import LE, SUM
from gctune.metrics.snapshot import NOTHING_TOLD, Told, decode, encode, lasting, merge, of_process
from gctune.metrics.workers import Workers

COLLECTIONS = ("python_gc_collections_total", "0")
RSS = ("process_resident_memory_bytes",)
LIMIT = ("gctune_memory_limit_bytes",)
IDLE = ("gctune_pool_objects", "buffer", "idle")

_texts = st.text("abc012-", max_size=3)


def _keys(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    bounds = st.sampled_from((*BUCKETS, SUM))
    labels = [bounds if label == LE else _texts for label in METRICS[name].labels]
    return st.tuples(st.just(name), *labels)


few = settings(max_examples=30, deadline=None)

_snapshots = st.dictionaries(
    st.sampled_from(sorted(METRICS)).flatmap(_keys), st.integers(0, 2**53), max_size=6
)


@few
@given(_snapshots, _snapshots)
def test_merging_does_not_care_who_comes_first(one: dict, other: dict) -> None:
    assert merge([one, other]) == merge([other, one])


@few
@given(_snapshots, _snapshots, _snapshots)
def test_merging_does_not_care_who_is_merged_first(one: dict, two: dict, three: dict) -> None:
    assert merge([merge([one, two]), three]) == merge([one, merge([two, three])])
    assert merge([one, {}]) == one


@few
@given(_snapshots)
def test_numbers_come_back_from_their_file(snapshot: dict) -> None:
    assert decode(encode(snapshot)) == snapshot


@few
@given(st.binary() | _snapshots.map(encode).flatmap(lambda whole: st.just(whole[:-1])))
def test_what_is_no_snapshot_is_refused(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert decode(content) == {}


@pytest.mark.parametrize(
    "rows",
    [
        '[["1", "process_resident_memory_bytes"]]',
        '[[NaN, "process_resident_memory_bytes"]]',
        '[[true, "process_resident_memory_bytes"]]',
        '[[1e999, "process_resident_memory_bytes"]]',
        '[[1, "process_resident_memory_bytes", "a label too many"]]',
        '[[1, "of_a_later_version"]]',
        '[[1, "gctune_gc_pause_seconds", "0", "a bound"]]',
        '[[1, "gctune_gc_pause_seconds", "0", "nan"]]',
        "[[1, 2]]",
        "[[1]]",
    ],
)
def test_what_is_no_number_of_ours_is_left_out(rows: str) -> None:
    assert decode(rows.encode()) == {}


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "1", "[1]", "[[]]", '["a"]', "", "\0"])
def test_hostile_text_is_no_snapshot(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert decode(text.encode()) == {}


def test_only_what_was_counted_outlives_a_process() -> None:
    told = {COLLECTIONS: 5, RSS: 100, LIMIT: 7, IDLE: 3}
    assert lasting(told) == {COLLECTIONS: 5}
    assert of_process(told, 42) == {COLLECTIONS: 5, (*RSS, "42"): 100, LIMIT: 7, IDLE: 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "workers"


WORKER = """
import sys
from gctune.metrics.workers import Workers
workers = Workers(sys.argv[1])
for line in sys.stdin:
    workers.publish({
        ("python_gc_collections_total", "0"): int(line),
        ("process_resident_memory_bytes",): 1000,
        ("gctune_memory_limit_bytes",): 5000,
        ("gctune_pool_objects", "buffer", "idle"): 2,
    })
    print("published", flush=True)
workers.leave()
"""


class Worker:
    """A process of this one's group that publishes what it is told to."""

    def __init__(self, folder: Path, *, of_another_group: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder)],
            env=BARE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=of_another_group,
        )

    def publish(self, collections: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{collections}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "published\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


@contextlib.contextmanager
def working(folder: Path, number: int, *, of_another_group: bool = False) -> Iterator[list[Worker]]:
    workers = [Worker(folder, of_another_group=of_another_group) for _ in range(number)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def test_one_reading_tells_of_all_workers(folder: Path) -> None:
    with working(folder, 2) as (one, other):
        one.publish(5)
        other.publish(7)
        one.publish(6)
        merged = Workers(str(folder)).merged()
    pids = [str(worker.process.pid) for worker in (one, other)]
    assert merged == {
        COLLECTIONS: 13,
        **{(*RSS, pid): 1000 for pid in pids},
        LIMIT: 5000,
        IDLE: 4,
    }


def test_a_reading_tells_of_who_has_not_published_yet_too(folder: Path) -> None:
    with working(folder, 1) as (other,):
        other.publish(5)
        workers = Workers(str(folder))
        assert workers.merged({COLLECTIONS: 2})[COLLECTIONS] == 7
        workers.publish({COLLECTIONS: 3})
        assert workers.merged({COLLECTIONS: 2})[COLLECTIONS] == 8


SCRAPED = """
import sys, gctune
from gctune.metrics.publishing import snapshot
for environment in ("test", "production"):
    gctune.apply(environment=environment, monitor={"workers": sys.argv[1], "interval": "1h"})
    print(snapshot()["python_gc_collections_total", "0"] >= 10**9)
"""


def test_a_scrape_tells_of_the_others_from_the_first_instant_of_a_plan(folder: Path) -> None:
    with working(folder, 1) as (other,):
        other.publish(10**9)
        assert printed(SCRAPED, folder).split() == ["True", "True"]


def test_what_a_killed_worker_counted_stays(folder: Path) -> None:
    with working(folder, 2) as (one, other):
        one.publish(5)
        other.publish(7)
        one.kill()
        merged = Workers(str(folder)).merged()
        assert merged == {
            COLLECTIONS: 12,
            (*RSS, str(other.process.pid)): 1000,
            LIMIT: 5000,
            IDLE: 2,
        }


def test_totals_never_go_down_and_files_do_not_pile_up(folder: Path) -> None:
    reader, totals = Workers(str(folder)), []
    for _ in range(5):
        with working(folder, 1) as (worker,):
            worker.publish(10)
            totals.append(reader.merged()[COLLECTIONS])
    assert totals == [10, 20, 30, 40, 50]
    assert len(list(folder.glob("*.numbers"))) == 1
    assert len(list(folder.glob("*.past*"))) == 1


def test_a_worker_that_was_killed_as_it_tidied_counts_once(folder: Path) -> None:
    with working(folder, 1) as (worker,):
        worker.publish(10)
    (ended,) = folder.glob("*.numbers")
    content = ended.read_bytes()
    with working(folder, 1) as (worker,):
        worker.publish(1)
        ended.write_bytes(content)  # as if the kill had come before it was removed
        assert Workers(str(folder)).merged()[COLLECTIONS] == 11
    with working(folder, 1) as (worker,):
        worker.publish(1)
        assert Workers(str(folder)).merged()[COLLECTIONS] == 12
    assert not ended.exists()


def test_another_service_is_not_counted_and_what_it_left_goes(folder: Path) -> None:
    with working(folder, 1, of_another_group=True) as (stranger,), working(folder, 1) as (worker,):
        stranger.publish(1000)
        worker.publish(1)
        assert Workers(str(folder)).merged()[COLLECTIONS] == 1
        assert len(list(folder.glob("*.numbers"))) == 2
    with working(folder, 1) as (worker,):
        worker.publish(1)
        assert list(folder.glob(f"*-{stranger.process.pid}-*")) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        lambda path: path.write_bytes(os.urandom(4096)),
        lambda path: path.write_bytes(path.read_bytes().replace(b"python_gc", b"pythom_gc")),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ],
    ids=["empty", "cut", "noise", "changed", "link", "folder", "pipe"],
)
def test_one_broken_file_breaks_no_scrape(folder: Path, spoil: object) -> None:
    with working(folder, 2) as (one, other):
        one.publish(5)
        other.publish(7)
        (path,) = folder.glob(f"*-*-{one.process.pid}-*")
        spoil(path)  # type: ignore[operator]
        assert Workers(str(folder)).merged()[COLLECTIONS] == 7


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_labels = st.sampled_from(["0", "nan", BUCKETS[0], SUM, "\ud800", '"\n\\'])
_rows = st.sampled_from(list(METRICS.values())).flatmap(
    lambda metric: st.tuples(_scalars, st.just(metric.name), *[_labels for _ in metric.labels])
)
_hostile = st.lists(_rows, max_size=8) | st.recursive(_scalars, st.lists, max_leaves=5)


@settings(max_examples=100, deadline=None)
@given(_hostile)
def test_whatever_a_sound_file_says_a_scrape_is_answered(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    folder = tmp_path_factory.getbasetemp() / "hostile"
    folder.mkdir(mode=0o700, exist_ok=True)
    pid, namespace = os.getpid(), Path("/proc/self/ns/pid").stat().st_ino
    numbers.write(
        str(folder / f"{namespace}-{os.getpgrp()}-{pid}-{started(pid)}.numbers"),
        0,
        json.dumps(content).encode(),
    )
    merged = Workers(str(folder)).merged()
    assert list(text_string_to_metric_families(as_text(merged).decode())) is not None
    assert json.loads(as_json(merged, 0.0, 7))


def test_files_of_others_are_let_be(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    names = [
        "README",
        "1-2-3-4-5.numbers",
        "1-2-3.numbers",
        "1-2.past",
        "9.past",
        "a-b-c.numbers",
        "-.numbers",
        "x.past",
        ".numbers",
    ]
    for name in names:
        (folder / name).write_bytes(b"mine")
    with working(folder, 1) as (worker,):
        worker.publish(1)
        assert Workers(str(folder)).merged()[COLLECTIONS] == 1
    assert [name for name in names if not (folder / name).exists()] == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2 << 20), st.binary(min_size=1, max_size=64)), max_size=4))
def test_a_damaged_file_gives_what_was_written_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("numbers") / "file"
    written = [b"older", b"newer"]
    for turn, content in enumerate(written):
        numbers.write(str(path), turn, content)
    with path.open("r+b") as file:
        for place, damage in damages:
            file.seek(place)
            file.write(damage)
    with contextlib.suppress(numbers.NumbersError):
        assert numbers.read(str(path)) in written
    path.unlink()


@pytest.mark.parametrize("cut", range(0, 40, 4))
def test_a_writer_that_is_killed_leaves_what_it_wrote_before(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file"
    for turn in range(3):
        numbers.write(str(path), turn, b"of turn %d" % turn)
    whole = path.read_bytes()
    half = 1 << 20
    torn = tmp_path / "torn"
    numbers.write(str(torn), 0, b"of turn 0")
    numbers.write(str(torn), 1, b"of turn 1")
    with torn.open("r+b") as file:
        file.write(whole[:half][:cut])
    assert numbers.read(str(torn)) in (b"of turn 1", b"of turn 2")
    assert cut > 32 or numbers.read(str(torn)) == b"of turn 1"


def printed(
    code: str,
    folder: Path,
    *words: str,
    prefix: tuple[str, ...] = (),
    start_new_session: bool = False,
) -> str:
    """What a Python prints that runs `code` on a folder of numbers, below `prefix`."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, str(folder), *words],
        env=BARE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        start_new_session=start_new_session,
    )
    return done.stdout


FULL = """
import resource, sys
from gctune.metrics.workers import Workers
workers, reader = Workers(sys.argv[1]), Workers(sys.argv[1])
KEY = ("python_gc_collections_total", "0")
workers.publish({KEY: 1})
workers.publish({KEY: 2})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for count in range(3, 6):
    try:
        workers.publish({KEY: count})
        print("published", end=" ")
    except (OSError, ValueError):
        print("refused", end=" ")
    print(reader.merged()[KEY])
"""


@pytest.mark.parametrize("room", [0, 40, 1 << 20, (1 << 20) + 40])
def test_where_no_more_can_be_written_what_was_stays(folder: Path, room: int) -> None:
    told = [line.split() for line in printed(FULL, folder, str(room)).splitlines()]
    counts = [int(count) for _, count in told]
    assert counts == sorted(counts)
    assert counts[0] >= 2
    assert "refused" in {outcome for outcome, _ in told}


WRITER = """
import sys
from gctune.metrics import numbers
for turn in range(1_000_000):
    numbers.write(sys.argv[1], turn, b"%d" % turn * 500)
"""


def test_what_is_read_of_a_writer_at_work_never_goes_back(tmp_path: Path) -> None:
    path, turns = tmp_path / "file", [0]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], env=BARE) as writer:
        while turns[-1] < 5000:
            assert writer.poll() is None
            with contextlib.suppress(FileNotFoundError, numbers.NumbersError):
                content = numbers.read(str(path))
                turns.append(int(content[: len(content) // 500]))
                assert content == b"%d" % turns[-1] * 500
        writer.kill()
    assert turns == sorted(turns)


def test_more_than_a_half_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(numbers.NumbersError, match="too many"):
        numbers.write(str(tmp_path / "file"), 0, bytes(1 << 20))


def test_a_file_is_for_its_owner_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        with working(folder, 1) as (worker,):
            worker.publish(1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_planted_link_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    workers = Workers(str(folder))
    workers.publish({RSS: 1})
    (own,) = folder.glob("*.numbers")
    own.unlink()
    own.symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        workers.publish({RSS: 2})
    assert target.read_bytes() == b"precious"


def test_a_file_that_was_removed_is_made_again(folder: Path) -> None:
    workers = Workers(str(folder))
    workers.publish({RSS: 1})
    (own,) = folder.glob("*.numbers")
    own.unlink()
    workers.publish({RSS: 2})
    assert workers.merged() == {(*RSS, str(os.getpid())): 2}


def test_a_folder_that_was_removed_is_made_again(folder: Path) -> None:
    workers = Workers(str(folder))
    workers.publish({COLLECTIONS: 1})
    shutil.rmtree(folder)
    workers.publish({COLLECTIONS: 2})
    assert Workers(str(folder)).merged() == {COLLECTIONS: 2}


def test_a_folder_that_goes_as_a_worker_joins_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last worker of another service takes it away."""
    made = []

    def make_and_lose_once(path: str) -> None:
        prepare(path)
        made.append(path)
        if len(made) == 1:
            folder.rmdir()

    monkeypatch.setattr("gctune.metrics.workers.prepare", make_and_lose_once)
    workers = Workers(str(folder))
    workers.publish({COLLECTIONS: 1})
    assert (workers.merged(), len(made)) == ({COLLECTIONS: 1}, 2)


def test_a_worker_that_could_not_join_does_so_later(folder: Path) -> None:
    workers = Workers(str(folder))
    folder.mkdir(mode=0o700)
    (folder / "lock").symlink_to("/dev/null")
    with pytest.raises(OSError, match="symbolic"):
        workers.publish({COLLECTIONS: 1})
    shutil.rmtree(folder)
    workers.publish({COLLECTIONS: 1})
    assert workers.merged() == {COLLECTIONS: 1}


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda path: path.write_text(""), "not a folder"),
        (lambda path: path.symlink_to("/tmp"), "not a folder"),
        (lambda path: (path.mkdir(), path.chmod(0o777)), "others can write to it"),
        (lambda path: path, "no such file or directory"),
    ],
    ids=["file", "link", "open", "missing parent"],
)
def test_a_folder_that_others_could_write_is_refused(
    tmp_path: Path, make: object, wrong: str
) -> None:
    path = tmp_path / ("missing/workers" if "no such" in wrong else "workers")
    make(path)  # type: ignore[operator]
    with pytest.raises(GctuneError, match=f"monitor.workers = .*: {wrong}"):
        Workers(str(path)).publish({RSS: 1})


PROGRAMS = """
import os, sys
from gctune.metrics.workers import Workers
workers = Workers(sys.argv[1])
COLLECTIONS, CPU = ("python_gc_collections_total", "0"), ("process_cpu_seconds_total",)
cpu, last, *more = map(int, sys.argv[2:])
for count in range(last + 1):
    workers.publish({COLLECTIONS: count, CPU: cpu})
    merged = workers.merged()
    print(f"{merged[COLLECTIONS]}/{merged[CPU]}", flush=True)
if more:
    os.execv(sys.executable, [*sys.orig_argv[:4], str(cpu + 1), *map(str, more)])
"""


def test_the_programs_that_one_process_executes_add_up(folder: Path) -> None:
    """But not the CPU time, which the system counts on."""
    told = printed(PROGRAMS, folder, "7", "2", "1", "3").split()
    assert told == ["0/7", "1/7", "2/7", "2/8", "3/8", "3/9", "4/9", "5/9", "6/9"]


def test_what_a_plan_counted_stays_when_the_next_counts_anew(folder: Path) -> None:
    pauses = ("gctune_gc_pause_seconds", "2", BUCKETS[0]), ("gctune_gc_pause_seconds", "2", SUM)
    with working(folder, 1) as (other,):
        other.publish(5)
        totals = []
        for plan in range(3):
            workers = Workers(str(folder))
            for count in range(1, 4):
                counted = dict.fromkeys(pauses, count) if plan != 1 else {}
                workers.publish({COLLECTIONS: 10 * plan + count, **counted})
                merged = workers.merged()
                totals.append([merged[key] for key in (COLLECTIONS, *pauses)])
            workers.leave()
    assert totals == [
        [6, 1, 1],
        [7, 2, 2],
        [8, 3, 3],
        [16, 3, 3],
        [17, 3, 3],
        [18, 3, 3],
        [26, 4, 4],
        [27, 5, 5],
        [28, 6, 6],
    ]


@few
@given(st.lists(_snapshots))
def test_what_a_process_has_told_never_goes_down(snapshots: list[dict]) -> None:
    told, totals = NOTHING_TOLD, [{}]
    for snapshot in snapshots:
        told = told.then(snapshot)
        assert Told.decode(told.encode()) == told
        totals.append(lasting(merge(told)))
    for before, after in pairwise(totals):
        assert all(after[key] >= count for key, count in before.items())


FORKER = """
import os, sys
from gctune.metrics.workers import Workers
workers = Workers(sys.argv[1])
KEY = ("python_gc_collections_total", "0")
workers.publish({KEY: 1})
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        for _ in range(50):
            workers.publish({KEY: 10})
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
workers.publish({KEY: 1})
print(workers.merged()[KEY])
"""


def test_a_forked_child_has_a_file_of_its_own(folder: Path) -> None:
    assert printed(FORKER, folder) == "31\n"


def test_a_service_that_ends_well_leaves_nothing(folder: Path) -> None:
    with working(folder, 2) as (one, other):
        one.publish(1)
        other.publish(1)
        one.end()
        assert Workers(str(folder)).merged()[COLLECTIONS] == 2
        other.end()
    assert not folder.exists()


REPLACED = """
import os, sys
from gctune.metrics.workers import Workers
workers = Workers(sys.argv[1])
for count in (5, 6):
    child = os.fork()
    if not child:
        workers.publish({("python_gc_collections_total", "0"): count})
        workers.leave()
        os._exit(0)
    os.waitpid(child, 0)
print(workers.merged())
"""


def test_a_forked_worker_that_ends_leaves_what_it_counted(folder: Path) -> None:
    assert printed(REPLACED, folder) == str({COLLECTIONS: 11}) + "\n"


IN_TURN = """
import os, sys
from gctune.metrics.workers import Workers
KEY = ("python_gc_collections_total", "0")
os.setsid()
for count in (100, 1, 1):
    if not os.fork():
        workers = Workers(sys.argv[1])
        workers.publish({KEY: count})
        print(workers.merged()[KEY], flush=True)
        os._exit(0)
    os.wait()
"""


def test_workers_one_after_the_other_add_up(folder: Path) -> None:
    assert printed(IN_TURN, folder).split() == ["100", "101", "102"]


@pytest.fixture
def container() -> tuple[str, ...]:
    """The words that run a command in a namespace of its own, where it is the first process."""
    words = ("unshare", "--pid", "--fork", "--mount-proc")
    if shutil.which("unshare") is None or subprocess.call(
        [*words, "true"], stderr=subprocess.DEVNULL
    ):
        pytest.skip("no process can have a namespace of its own here")
    return words


def test_they_do_below_the_first_process_of_a_container(
    folder: Path, container: tuple[str, ...]
) -> None:
    """Its group is 1, and nobody but it and the one that asks is there."""
    assert printed(IN_TURN, folder, prefix=container).split() == ["100", "101", "102"]


def test_what_shares_the_folder_from_a_container_takes_nothing_away(
    folder: Path, container: tuple[str, ...]
) -> None:
    with working(folder, 2) as (one, other):
        one.publish(10)
        one.kill()
        other.publish(1)
        files = {path.name for path in folder.iterdir()}
        assert printed(IN_TURN, folder, prefix=container).split() == ["100", "101", "102"]
        assert files < {path.name for path in folder.iterdir()}
        assert Workers(str(folder)).merged()[COLLECTIONS] == 11


def test_who_has_our_numbers_in_another_namespace_is_neither_counted_nor_taken_for_ended(
    folder: Path,
) -> None:
    with working(folder, 2) as (one, other):
        one.publish(10)
        (own,) = folder.glob("*.numbers")
        namespace, rest = own.name.split("-", maxsplit=1)
        foreign = own.with_name(f"{int(namespace) + 1}-{rest}")
        shutil.copy(own, foreign)
        one.kill()
        other.publish(1)
        assert Workers(str(folder)).merged()[COLLECTIONS] == 11
        assert (own.exists(), foreign.exists()) == (False, True)


LEADER = """
import os, signal, sys
from gctune.metrics.workers import Workers
workers = Workers(sys.argv[1])
workers.publish({})
ready, wake = os.pipe()
child = os.fork()
if not child:
    workers.leave()
    workers.publish({})
    os.write(wake, b"!")
    signal.pause()
os.read(ready, 1)
workers.leave()
print(len(os.listdir(sys.argv[1])))
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
workers.leave()
print(os.path.exists(sys.argv[1]))
"""


def test_the_leader_takes_nothing_away_while_others_live(folder: Path) -> None:
    assert printed(LEADER, folder, start_new_session=True) == "3\nFalse\n"


def test_a_reader_sees_totals_rise_while_workers_come_and_go(folder: Path) -> None:
    """Each child counts 10 and is killed; meanwhile what is read never falls."""
    code = FORKER.split("children = []", maxsplit=1)[0] + (
        "for _ in range(40):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        workers.publish({KEY: 10})\n"
        "        os.kill(os.getpid(), 9)\n"
        "    os.waitpid(child, 0)\n"
    )
    reader, totals = Workers(str(folder)), [0]
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], env=BARE) as parent:
        while parent.poll() is None:
            if folder.exists():
                totals.append(reader.merged().get(COLLECTIONS, 0))
    totals.append(reader.merged()[COLLECTIONS])
    assert parent.returncode == 0
    assert totals == sorted(totals)
    assert totals[-1] == 401


def test_a_process_that_has_ended_has_not_started() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        first = started(child.pid)
        assert first is not None
        assert first >= (started(os.getpid()) or 0)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert started(child.pid) is None  # a zombie
    assert started(child.pid) is None
