"""A capture records its process and the children, and the program does not notice."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from children import BARE, below, plan, python, script
from servers import serving

import gctune
from gctune.errors import ProfileError
from gctune.host.interpreter import Collector, this_interpreter
from gctune.host.process import thread_count
from gctune.profile.capture import begin, capture
from gctune.profile.file import Profile, read
from gctune.profile.siblings import siblings
from gctune.runtime.launch import bootstrap_environment

generational = pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL, reason="this collector is not paced"
)
_THREADS = "len(__import__('os').listdir('/proc/self/task'))"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile"


def captured(
    path: Path,
    *arguments: str,
    status: int = 0,
    environ: Mapping[str, str] = BARE,
    **options: object,
) -> Profile:
    """The profile of a program run as below `gctune capture`."""
    text = json.dumps({"path": str(path), **options})
    environ = bootstrap_environment(environ, GCTUNE_CAPTURE=text)
    assert python(*arguments, environ=environ, status=status).stderr == ""
    return read(path)


def only_sibling(path: Path) -> Profile:
    (sibling,) = siblings(path)
    return read(sibling)


def test_every_collection_of_the_block_is_recorded(path: Path) -> None:
    with gctune.capture(path):
        before = gc.get_stats()
        for generation in (0, 1, 2) * 5:
            gc.collect(generation)
        after = gc.get_stats()
    profile = read(path)
    found = [0, 0, 0]
    for collection in profile.collections():
        found[collection.generation] += 1
    expected = [new["collections"] - old["collections"] for new, old in zip(after, before)]
    assert all(0 <= more - less <= 2 for more, less in zip(found, expected))
    assert profile.problems == ()
    assert profile.closing is not None
    assert (profile.closing.reason, profile.closing.missed) == ("stop", (0, 0, 0))


def test_the_header_tells_what_was_captured(path: Path) -> None:
    with capture(path):
        pass
    header = read(path).header
    assert header.gctune == gctune.__version__
    assert header.version == sys.version_info[:3]
    assert header.collector == this_interpreter().collector
    assert header.thresholds == gc.get_threshold()
    assert (header.pid, header.parent) == (os.getpid(), os.getppid())
    assert header.command == tuple(sys.orig_argv)
    assert header.objects is not None
    assert 0 < header.objects <= len(gc.get_objects()) * 2
    assert header.cpus >= 1
    assert abs(header.started - time.time()) < 60


def test_nothing_of_it_stays(path: Path) -> None:
    callbacks, threads = list(gc.callbacks), thread_count()
    recording = capture(path)
    assert thread_count() == threads + 1
    recording.stop()
    recording.stop()
    assert gc.callbacks == callbacks
    assert thread_count() == threads


def test_what_the_program_does_to_its_collector_shows(path: Path) -> None:
    code = f"""
import gc, gctune
with gctune.capture({str(path)!r}):
    gc.set_threshold(123, 4, 5)
    gc.disable()
    gc.freeze()
"""
    script(code)
    closing = read(path).closing
    assert closing is not None
    assert closing.last.thresholds[:2] == (123, 4)
    assert not closing.last.enabled
    assert closing.last.frozen is not None
    assert closing.last.frozen > 1000


@generational
@pytest.mark.parametrize("explore", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
def test_adaptive_mode_shows_with_its_reasons_and_is_not_explored(
    by_hand: bool, explore: bool, path: Path
) -> None:
    put_in_force = "gctune.apply(environment='test', gc={'mode': 'adaptive'})\n"
    code = (
        f"import gctune\n{put_in_force if by_hand else ''}kept = []\n"
        "from gctune.monitor.changes import changes\n"
        "while len(changes()) < 3: kept += [[number] for number in range(20_000)]"
    )
    environ = BARE if by_hand else below(plan(gc__mode="adaptive"))
    profile = captured(path, "-c", code, environ=environ, explore=explore)
    assert [each.reason for each in profile.paced[:1]] == ["start"]
    assert len(profile.paced) >= 3
    assert all(first.time_ns < then.time_ns for first, then in pairwise(profile.paced))
    assert not profile.switches


def test_without_adaptive_mode_nothing_is_paced(path: Path) -> None:
    with capture(path):
        pass
    assert read(path).paced == ()


def test_readings_come_while_the_program_runs(path: Path) -> None:
    recording = capture(path)
    try:
        _until(lambda: len(read(path).readings) >= 2)
    finally:
        recording.stop()
    first, second, *_ = read(path).readings
    assert first.time_ns < second.time_ns
    assert first.cpu_ns <= second.cpu_ns
    assert first.rss_bytes > 2**20
    assert first.threads >= 2


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_cpu_time_of_each_is_told_though_the_blocks_of_few_are(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gctune.profile.recording._BUDGET", 0)
    with capture(path):
        _collect(300)
        _until(lambda: len(list(read(path).collections())) >= 300)
        _collect(300)
    collections = list(read(path).collections())
    assert len(collections) >= 600
    assert all(collection.cpu_ns for collection in collections)
    assert sum(collection.sampled for collection in collections) < 400


def _collect(times: int) -> None:
    for _ in range(times):
        gc.collect(1)


def test_collections_that_the_ring_has_lost_are_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gctune.monitor.recorder.CAPACITY", 5)
    monkeypatch.setattr("gctune.profile.capture._BUSY", 60)
    with capture(path):
        for _ in range(25):
            gc.collect(1)
    profile = read(path)
    assert profile.closing is not None
    assert sum(map(len, profile.batches)) == 5
    assert profile.closing.missed[1] >= 20


def test_a_path_that_is_taken_is_refused(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ProfileError, match="exists already"):
        capture(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("seconds", ["10m", -1, 0, float("nan"), 10**400, [1]])
def test_seconds_that_are_none_are_refused_and_make_no_file(seconds: object, path: Path) -> None:
    with pytest.raises(ProfileError, match=r"seconds = .*: not a number above 0; give seconds"):
        capture(path, seconds=cast(float, seconds))
    assert not path.exists()


def test_below_gctune_capture_one_that_is_taken_gets_a_sibling(path: Path) -> None:
    path.touch()
    begin(str(path)).stop()
    begin(str(path)).stop()
    names = [sibling.name for sibling in siblings(path)]
    assert names == [f"profile.{os.getpid()}", f"profile.{os.getpid()}.1"]


def test_the_end_of_the_program_is_the_end(path: Path) -> None:
    profile = captured(path, "-c", "import gc; gc.collect()")
    assert profile.closing is not None
    assert profile.closing.reason == "exit"
    assert profile.problems == ()
    assert siblings(path) == []


def test_an_error_of_the_program_is_its_own(path: Path) -> None:
    assert captured(path, "-c", "raise SystemExit(7)", status=7).closing is not None


def test_a_sleeping_program_ends_within_a_second(path: Path) -> None:
    code = "import time; time.sleep(1.5)"
    before = time.monotonic()
    captured(path, "-c", code)
    assert time.monotonic() - before < 1.5 + 1 + 1  # and an interpreter's own start


def test_a_killed_program_is_cut_off(path: Path) -> None:
    profile = captured(path, "-c", "import os; os.kill(os.getpid(), 9)", status=-9)
    assert profile.closing is None
    assert profile.dropped_records == 0
    assert "cut off" in profile.problems[0]


def test_seconds_end_the_recording_and_not_the_program(path: Path) -> None:
    code = """
import time
from gctune.host.process import thread_count
deadline = time.monotonic() + 30
while thread_count() > 1 and time.monotonic() < deadline:
    time.sleep(0.01)
"""
    before = time.monotonic()
    profile = captured(path, "-c", f"{code}raise SystemExit(3)", status=3, seconds=0.3)
    assert time.monotonic() - before < 20
    assert profile.closing is not None
    assert profile.closing.reason == "seconds"


def test_a_program_that_is_started_has_its_own_profile(path: Path) -> None:
    inner = "import sys; print(sys.argv)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}, 'inner'])"
    profile = captured(path, "-c", code)
    child = only_sibling(path)
    assert profile.header.command[-1] == code
    assert child.header.command[-1] == "inner"
    assert child.header.parent == profile.header.pid
    assert child.closing is not None


def test_a_process_that_becomes_another_has_two(path: Path) -> None:
    inner = "import os, sys; sys.argv[1:] or os.execv(sys.executable, [sys.executable, '-c', '0'])"
    profile = captured(path, "-c", inner)
    assert profile.closing is None
    assert only_sibling(path).header.pid == profile.header.pid


FORK = """
import gc, os, sys, warnings
warnings.simplefilter("error")
{before}
child = os.fork()
if not child:
    gc.collect()
    {child}
_, status = os.waitpid(child, 0)
gc.collect()
{after}
sys.exit(os.waitstatus_to_exitcode(status))
"""


def _fork(child: str = "sys.exit(5)", before: str = "", after: str = "") -> str:
    return FORK.format(child=child, before=before, after=after)


def test_a_forked_child_has_its_own_profile(path: Path) -> None:
    profile = captured(path, "-c", _fork(), status=5)
    child = only_sibling(path)
    for each in (profile, child):
        assert each.closing is not None
        assert each.closing.missed == (0, 0, 0)
        assert sum(collection.generation == 2 for collection in each.collections()) == 1
    assert child.header.parent == profile.header.pid
    assert child.header.objects is None


def test_a_fork_sees_one_thread_alone(path: Path) -> None:
    """Else the child could find a lock held for ever, and CPython warns of it from 3.12 on."""
    threads = "list(map(len, (os.listdir('/proc/self/task'),)))"
    before = f"os.register_at_fork(before=lambda: print({threads}, flush=True))"
    environ = bootstrap_environment(BARE, GCTUNE_CAPTURE=json.dumps({"path": str(path)}))
    # Hooks before a fork run last come, first served: this one is registered earlier.
    code = f"import os; {before}; import gctune; gctune.capture({str(path) + '.own'!r})\n{_fork()}"
    done = python("-c", code, environ={**environ, "GCTUNE_CAPTURE": ""}, status=5)
    assert done.stdout == "[1]\n"
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_whose_fork_ran_no_hook_can_be_told_and_has_its_own_profile(path: Path) -> None:
    """As uWSGI forks, whose integration tells."""
    script(
        "import gc, os; os.register_at_fork = lambda **hooks: None\n"
        "import gctune; from gctune.runtime.fork import after_in_child\n"
        f"captured = gctune.capture({str(path)!r})\n"
        "captured._loop.stop()\n"  # which no hook does here
        "if child := os.fork(): assert os.waitpid(child, 0)[1] == 0\n"
        "else: after_in_child(); gc.collect()\n"
        "captured.stop()\n"
        "if not child: os._exit(0)"
    )
    child = only_sibling(path)
    assert child.header.parent == read(path).header.pid
    assert sum(collection.generation == 2 for collection in child.collections()) == 1


@pytest.mark.parametrize(
    "begun",
    ["gctune.capture({path!r}).stop()", "heap.begin({path!r}, 'pprof', 1, None, print)"],
    ids=["capture", "heap"],
)
def test_it_is_had_where_nothing_forks(begun: str, path: Path) -> None:
    script(
        "import os\n"
        "for name in ('fork', 'register_at_fork'): vars(os).pop(name, None)\n"
        "import gctune; from gctune.profile import heap\n" + begun.format(path=str(path))
    )
    assert path.stat().st_size


def test_the_parent_is_recorded_after_its_fork(path: Path) -> None:
    after = f"import time; assert {_THREADS} == 2; time.sleep(0.5)"
    profile = captured(path, "-c", _fork(after=after), status=5)
    assert len(profile.readings) > 1


def test_a_child_that_leaves_at_once_is_cut_off(path: Path) -> None:
    captured(path, "-c", _fork(child="import time; time.sleep(0.5); os._exit(5)"), status=5)
    assert only_sibling(path).closing is None


def test_a_fork_that_becomes_another_program_has_no_profile_between(path: Path) -> None:
    code = """
import os, subprocess
for _ in range(20):
    subprocess.run(["true"], preexec_fn=os.getpid, check=True)
"""
    assert captured(path, "-W", "ignore", "-c", code).closing is not None
    assert siblings(path) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_of_multiprocessing_has_its_own_profile(method: str, tmp_path: Path) -> None:
    path, program = tmp_path / "profile", tmp_path / "program.py"
    program.write_text(f"""
import multiprocessing

def work():
    import gc
    for _ in range(50):
        gc.collect()

if __name__ == "__main__":
    worker = multiprocessing.get_context({method!r}).Process(target=work)
    worker.start()
    worker.join()
    raise SystemExit(worker.exitcode)
""")
    captured(path, str(program))
    busy = [
        profile
        for profile in map(read, siblings(path))
        if sum(collection.generation == 2 for collection in profile.collections()) >= 50
    ]
    (worker,) = busy
    assert worker.closing is not None
    assert worker.closing.reason == "exit"


def test_a_child_of_a_capture_that_is_over_is_not_captured(path: Path) -> None:
    code = f"import gctune; gctune.capture({str(path)!r}).stop()"
    python("-c", _fork(before=code), status=5)
    assert siblings(path) == []


# A flush is under way until `let_go` is released: longer than the program waits for it.
HELD = """
import _thread, gc, gctune, os, time, warnings
from gctune.host.process import thread_count
from gctune.profile import exploring
from gctune.profile.recording import Recording
warnings.simplefilter("ignore")  # CPython's, of a fork beside the thread that is held
exploring._STEADY_NS = 0
at_it, let_go = _thread.allocate_lock(), _thread.allocate_lock()
at_it.acquire(); let_go.acquire()

def held(recording, flush=Recording.flush):
    Recording.flush = flush
    at_it.release(); let_go.acquire()
    return flush(recording)

def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        gc.collect(1)  # takes CPU time: else no window ends

own = gc.get_threshold()
recording = gctune.capture({path!r}, explore={explore})
wait_until(lambda: not {explore} or gc.get_threshold() != own)
Recording.flush = held
at_it.acquire()
{meanwhile}
wait_until(lambda: thread_count() == 1)
assert not gc.callbacks
assert gc.get_threshold() == own
assert {path!r} not in map(os.path.realpath, os.scandir("/proc/self/fd"))
"""


@generational
@pytest.mark.parametrize("explore", [False, True])
def test_a_stop_that_a_step_keeps_waiting_is_done_after_the_step(explore: bool, path: Path) -> None:
    meanwhile = "recording.stop(); let_go.release()"
    script(HELD.format(path=str(path), explore=explore, meanwhile=meanwhile))
    profile = read(path)
    assert profile.closing is not None
    assert profile.closing.reason == "stop"
    assert profile.problems == ()


def test_a_child_that_is_forked_before_such_a_stop_is_done_is_not_captured(path: Path) -> None:
    meanwhile = (
        "recording.stop()\n"
        "if not os.fork(): gc.collect(); raise SystemExit(thread_count() - 1)\n"
        "let_go.release(); assert os.wait()[1] == 0"
    )
    script(HELD.format(path=str(path), explore=False, meanwhile=meanwhile))
    assert siblings(path) == []
    assert read(path).problems == ()


@generational
def test_a_rest_that_a_step_keeps_waiting_comes_after_the_step(path: Path) -> None:
    meanwhile = (
        "rested = _thread.allocate_lock(); rested.acquire()\n"
        "def noted(recording, reason, rest=Recording.rest):\n"
        "    Recording.rest = rest\n"
        "    rest(recording, reason); rested.release()\n"
        "Recording.rest = noted\n"
        "if not os.fork(): raise SystemExit(gc.get_threshold() != own)\n"
        "let_go.release(); assert os.wait()[1] == 0\n"
        "assert rested.acquire(timeout=30)\n"
        "recording.stop()"
    )
    script(HELD.format(path=str(path), explore=True, meanwhile=meanwhile))
    assert "fork" in {switch.reason for switch in read(path).switches}
    assert only_sibling(path).closing is not None


# A program that closes all it has open, as a daemon does, and then opens a file of its own.
CLOSE_ALL = """
import gctune, os
recording = gctune.capture({path!r})
os.closerange(3, 256)
{between}
own = open({path!r} + ".own", "wb", buffering=0)
own.write(b"precious")
recording.stop()
own.write(b"!")
"""


def test_a_program_that_closes_all_descriptors_is_recorded_on(path: Path) -> None:
    script(CLOSE_ALL.format(path=str(path), between=""))
    assert path.with_name("profile.own").read_bytes() == b"precious!"
    profile = read(path)
    assert profile.closing is not None
    assert profile.closing.missed == (0, 0, 0)
    assert profile.problems == ()


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_what_a_program_writes_to_a_closed_stream_reaches_no_profile(
    closed: str, path: Path
) -> None:
    write = "try: os.write(number, b'own')\n    except OSError: pass"
    code = f"import os\nfor number in range(3):\n    {write}"
    text = json.dumps({"path": str(path)})
    environ = bootstrap_environment(BARE, GCTUNE_CAPTURE=text)
    shell = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code]
    subprocess.run(shell, env=environ, check=True)
    assert read(path).problems == ()


def test_what_stands_in_the_place_of_its_profile_then_is_left_alone(path: Path) -> None:
    between = (
        f"os.rename({str(path)!r}, {str(path)!r} + '.moved'); open({str(path)!r}, 'w').close()"
    )
    done = python("-c", CLOSE_ALL.format(path=str(path), between=between))
    assert "closed its descriptor: another file is in its place; leave it open" in done.stderr
    assert path.with_name("profile.own").read_bytes() == b"precious!"
    assert path.read_bytes() == b""


def test_a_full_disk_ends_the_capture_and_not_the_program(path: Path) -> None:
    limited = f"""
import sys; sys.dont_write_bytecode = True  # half of it would be left
import gc, gctune, resource, time
from gctune.host.process import thread_count
recording = gctune.capture({str(path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
for _ in range(1000):
    gc.collect(0)
deadline = time.monotonic() + 30
while thread_count() > 1:
    assert time.monotonic() < deadline
    time.sleep(0.01)
assert not gc.callbacks
recording.stop()
print("ran on")
"""
    done = python("-c", limited)
    assert done.stdout == "ran on\n"
    told = r"gctune: PROFILE = .*: (file too large|no room for .*); capture to .* more room\n"
    assert re.fullmatch(told, done.stderr)
    profile = read(path)
    assert profile.closing is None


@pytest.mark.parametrize("child", ["sys.exit(5)", f"while {_THREADS} > 1: pass\n    sys.exit(5)"])
def test_a_child_that_cannot_write_its_profile_says_so_once(child: str, tmp_path: Path) -> None:
    """At its first flush, or as it ends before: as one that may not write to the folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    before = f"os.rename({str(folder)!r}, {str(folder)!r} + '.moved')"
    text = json.dumps({"path": str(folder / "profile")})
    environ = bootstrap_environment(BARE, GCTUNE_CAPTURE=text)
    done = python("-c", _fork(child=child, before=before), environ=environ, status=5)
    told = r"gctune: PROFILE = .*: no such file or directory; give a file in a folder of your own\n"
    assert re.fullmatch(told, done.stderr)
    assert read(tmp_path / "folder.moved" / "profile").closing is not None


def test_a_capture_that_cannot_start_leaves_the_program_alone(tmp_path: Path) -> None:
    text = json.dumps({"path": str(tmp_path / "missing" / "profile")})
    environ = bootstrap_environment(BARE, GCTUNE_CAPTURE=text)
    code = f"import gc; print(gc.callbacks, {_THREADS})"
    done = python("-c", code, environ=environ)
    assert done.stdout == "[] 1\n"
    assert done.stderr.startswith("gctune: GCTUNE_CAPTURE = ")
    assert done.stderr.count("\n") == 1


def test_signals_are_the_programs_own(path: Path) -> None:
    """None is handed to the thread of the capture: it blocks them all."""
    code = f"""
import gctune, os
with gctune.capture({str(path)!r}):
    (thread,) = [each for each in os.listdir("/proc/self/task") if int(each) != os.getpid()]
    def blocked():
        status = open(f"/proc/self/task/{{thread}}/status").read()
        return int(status.split("SigBlk:")[1].split()[0], 16) >> 14 & 1
    while not blocked(): pass
    print("blocked")
"""
    assert script(code) == "blocked"


def test_a_gunicorn_master_and_its_workers_each_have_one(tmp_path: Path) -> None:
    path = tmp_path / "profile"
    (tmp_path / "app.py").write_text(
        "import gc\n"
        "def app(environ, start_response):\n"
        "    gc.collect()\n"
        "    start_response('200 OK', [])\n"
        "    return [b'served']\n"
    )
    prefix = [sys.executable, "-m", "gctune", "capture", "-o", str(path), "--"]
    with serving(prefix, "-w", "2", "--preload", "app:app", directory=tmp_path, at=tmp_path) as ask:
        ask()
    everybody = [read(each) for each in (path, *siblings(path))]
    assert len(everybody) == 3
    master, *workers = everybody
    assert {worker.header.parent for worker in workers} == {master.header.pid}
    assert all(each.closing is not None for each in everybody)
