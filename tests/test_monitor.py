"""A monitor reads what is there, sees what its level sees, and leaves nothing behind."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import below, plan, python, script
from samples import a_sample
from servers import RUN, serving

import gctune
from gctune.host.process import rss_bytes
from gctune.monitor.monitor import Monitor
from gctune.monitor.reader import rates
from gctune.monitor.sample import Sample, to_plain
from gctune.monitor.tally import Tally

TIMED_BY_PYTHON = sys.version_info >= (3, 15)


@pytest.fixture
def detailed() -> Iterator[Monitor]:
    monitor = Monitor("detailed", interval=0.0)
    yield monitor
    monitor.close()


def test_a_sample_is_what_the_process_is() -> None:
    before, sample = gc.get_stats(), gctune.sample()
    assert isinstance(sample, Sample)
    assert abs(sample.time - time.time()) < 60
    assert sample.pid == os.getpid()
    assert sample.level == "off"
    assert abs(sample.rss_bytes - rss_bytes()) < 2**26
    assert sample.peak_rss_bytes >= sample.rss_bytes - 2**20
    assert sample.thresholds == gc.get_threshold()
    assert sample.enabled
    assert 0 <= sample.until_young <= gc.get_threshold()[0]
    assert sample.collections[0] >= before[0]["collections"]
    assert sample.frozen is not None
    assert sample.blocks > 10_000
    assert sample.rates is None


FORK = """
import gc, os, gctune
pool = gctune.pool("forked", list)
for _ in range(50):
    gc.collect()
    pool.release(pool.acquire())
child = os.fork()
if child == 0:
    gc.collect()
    sample = gctune.sample()
    hits, misses, *_ = sample.pools["forked"]
    print(sample.collections[2], hits + misses, flush=True)
    os._exit(0)
os.waitpid(child, 0)
sample = gctune.sample()
print(sample.collections[2] >= 50, sample.pools["forked"].hits > 40)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_count_what_its_parent_did() -> None:
    assert script(FORK) == "1 0\nTrue True"


def test_what_cannot_be_told_is_none() -> None:
    sample = gctune.sample()
    assert sample.pauses is None
    assert sample.last_pause_ns is None
    assert (sample.pause_ns is not None) == TIMED_BY_PYTHON
    assert (sample.candidates is not None) == TIMED_BY_PYTHON


def test_a_sample_becomes_json_with_its_pools() -> None:
    gctune.pool("monitored", list).acquire()
    sample = gctune.sample()
    plain = json.loads(json.dumps(to_plain(sample)))
    assert plain["rss_bytes"] == sample.rss_bytes
    assert plain["collections"] == list(sample.collections)
    assert plain["pools"]["monitored"]["in_use"] == 1


def test_level_basic_has_no_callback() -> None:
    callbacks = list(gc.callbacks)
    monitor = Monitor("basic", interval=0.0)
    monitor(time.perf_counter_ns())
    assert gc.callbacks == callbacks


def test_level_detailed_sees_each_collection(detailed: Monitor) -> None:
    detailed(time.perf_counter_ns())
    for generation in (0, 1, 2):
        gc.collect(generation)
    detailed(time.perf_counter_ns())
    sample = detailed.sample
    assert sample is not None
    assert sample.pauses is not None
    assert all(each.number >= 1 for each in sample.pauses)
    assert sample.last_pause_ns is not None
    assert sample.longest_pause_ns is not None
    assert sample.longest_pause_ns >= sample.last_pause_ns > 0
    assert sample.pause_ns is not None
    assert min(sample.pause_ns) > 0
    assert sample.rates is not None
    assert sample.rates.gc_share is not None
    assert 0 < sample.rates.gc_share <= 1


def test_its_pauses_are_those_of_the_program_alone(detailed: Monitor) -> None:
    gc.collect()
    detailed(time.perf_counter_ns())
    detailed(time.perf_counter_ns())
    sample = detailed.sample
    assert sample is not None
    assert sample.longest_pause_ns is None  # nothing since the sample before


def test_what_is_allocated_and_freed_again_counts_as_allocated(detailed: Monitor) -> None:
    detailed(time.perf_counter_ns())
    for _ in range(3):
        kept = [[] for _ in range(20_000)]
        del kept
    detailed(time.perf_counter_ns())
    assert detailed.sample is not None
    found = detailed.sample.rates
    assert found is not None
    assert found.allocated is not None
    assert found.allocated * found.seconds > 50_000
    assert found.allocated_bytes >= found.allocated * 64


def test_samples_come_each_interval_and_no_more_often() -> None:
    monitor = Monitor("basic", interval=60.0)
    assert monitor(10**9) == 5.0  # it looks in more often
    first = monitor.sample
    assert monitor(10**9 + 59 * 10**9) == pytest.approx(1.0)
    assert monitor.sample is first
    monitor(10**9 + 60 * 10**9)
    assert monitor.sample is not first


def test_samples_come_after_a_clock_was_put_ahead_and_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As tests do that freeze the time."""
    monitor = Monitor("basic", interval=60.0)
    monitor(time.perf_counter_ns())
    with monkeypatch.context() as frozen:
        frozen.setattr(time, "perf_counter_ns", lambda: 10**18)
        monitor(10**18)
    ahead = monitor.sample
    monitor(time.perf_counter_ns())
    assert monitor.sample is not ahead
    assert monitor.sample is not None
    assert monitor.sample.rates is None  # of a time that never passed


def test_rates_are_between_two_samples() -> None:
    before = a_sample(10, rss_bytes=100, blocks=50, collections=(10, 1, 0), allocated=1000)
    after = a_sample(20, rss_bytes=300, blocks=20, collections=(29, 2, 0), allocated=1500)
    found = rates(before, after)
    assert (found.seconds, found.rss_bytes, found.blocks) == (10, 20, -3)
    assert (found.collections, found.allocated, found.gc_share) == (2, 50, None)
    assert found.allocated_bytes == 50 * 64


def test_memory_that_is_given_back_is_not_allocated() -> None:
    found = rates(a_sample(10, rss_bytes=300), a_sample(20, rss_bytes=100))
    assert (found.rss_bytes, found.allocated_bytes) == (-20, 0)


def test_the_share_of_cpu_in_collections() -> None:
    before = a_sample(10, cpu_ns=100, pause_ns=(10, 0, 0))
    after = a_sample(20, cpu_ns=200, pause_ns=(20, 10, 5))
    assert rates(before, after).gc_share == 0.25


def test_a_tally_keeps_the_longest_of_an_interval() -> None:
    tally = Tally()
    tally.add([(0, 5, 700), (2, 9, 700)])
    tally.add([(0, 3, 700)])
    assert (tally.seen.longest_ns, tally.seen.last_ns, tally.seen.allocated) == (9, 3, 2100)
    tally.begin_interval()
    tally.add([])
    assert (tally.seen.longest_ns, tally.seen.last_ns) == (None, 3)


def test_a_reading_amid_another_tells_what_was_seen_before() -> None:
    """As in a handler of a signal, which comes at any instant: here once the ring was measured."""
    printed = script(
        "import gc, sys; gc.disable()\n"
        "from gctune.monitor.recorder import Recorder\n"
        "from gctune.monitor.tally import Collections\n"
        "def tell(): print(sum(each.number for each in collections.seen().pauses))\n"
        "def amid(frame, event, called):\n"
        "    within = frame.f_code is Recorder.drain.__code__\n"
        "    if within and event == 'c_return' and called is len: sys.setprofile(None); tell()\n"
        "collections = Collections(); gc.collect(); gc.collect()\n"
        "sys.setprofile(amid); tell(); tell(); collections.close()"
    )
    assert printed.split() == ["0", "2", "2"]


# In a child of its own: what is put in force runs a thread.
_UNTIL = """
import gc, sys, time
from gctune.monitor.monitor import current
def until(condition):
    deadline = time.monotonic() + 30
    while not condition(): assert time.monotonic() < deadline; time.sleep(0.01)
"""
_APPLIED = f"""{_UNTIL}
import gctune
def apply(level, **more):
    return gctune.apply(environment="test", monitor=dict(level=level, interval=0.1, **more))
"""


def test_apply_has_the_process_watched_until_it_is_undone() -> None:
    printed = script(
        _APPLIED + "callbacks = list(gc.callbacks)\n"
        "applied = apply('detailed'); until(lambda: current() and current().sample)\n"
        "print(gctune.sample().level, len(gc.callbacks) - len(callbacks))\n"
        "applied.undo(); print(current(), gc.callbacks == callbacks, gctune.sample().level)\n"
    )
    assert printed.splitlines() == ["detailed 2", "None True off"]


def test_what_is_applied_says_so() -> None:
    printed = script(
        _APPLIED + "print(*sorted(each.setting for each in apply('basic').outcomes\n"
        "    if each.status == 'applied' and each.setting.startswith('monitor')))"
    )
    assert printed == "monitor.interval monitor.level"


def test_tracing_starts_at_once_when_asked_for_and_ends_with_the_plan() -> None:
    printed = script(
        _APPLIED + "import tracemalloc\n"
        "apply('debug').undo(); print(tracemalloc.is_tracing())\n"
        "applied = apply('debug', trace=True); print(tracemalloc.is_tracing())\n"
        "applied.undo(); print(tracemalloc.is_tracing())"
    )
    assert printed.splitlines() == ["False", "True", "False"]


@pytest.mark.parametrize("error", ["ValueError", "SystemExit"])
def test_an_alert_reaches_the_program(error: str) -> None:
    printed = script(
        _APPLIED + "told = []\n"
        "@gctune.on_alert\n"
        f"def broken(alert): raise {error}('mine')\n"
        "@gctune.on_alert\n"
        "def keep(alert): told.append(alert)\n"
        "import logging\n"
        "class Keep(logging.Handler):\n"
        "    def emit(self, record): print(record.name, record.levelname, record.getMessage())\n"
        "logging.getLogger().addHandler(Keep())\n"
        "gctune.apply(environment='test', monitor={'level': 'basic', 'interval': 0.1},\n"
        "    alerts={'heap': {'threshold': '1MiB', 'hold': 0}})\n"
        "until(lambda: told)\n"
        "print(told[0].rule, told[0].raised, told[0].threshold, isinstance(told[0], gctune.Alert))"
    ).splitlines()
    assert printed[0].startswith("gctune WARNING alert heap: the rss is ")
    assert printed[1].startswith("gctune WARNING on_alert: <function broken")
    assert printed[1].endswith(f"raised {error}: mine")
    assert printed[2] == "heap True 1048576.0 True"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_what_a_callback_starts_can_be_terminated() -> None:
    """Though gctune's thread leaves signals to the program."""
    printed = script(
        _APPLIED + "import logging, subprocess, sys, _thread; logging.disable()\n"
        "told = _thread.allocate_lock(); told.acquire()\n"
        "code = 'import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))'\n"
        "@gctune.on_alert\n"
        "def start(alert): subprocess.run([sys.executable, '-c', code]); told.release()\n"
        "gctune.apply(environment='test', monitor={'level': 'basic', 'interval': 0.1},\n"
        "    alerts={'heap': {'threshold': '1MiB', 'hold': 0}})\n"
        "told.acquire()"
    )
    assert printed == "set()"


@pytest.mark.parametrize("where", ["callback", "main"])
def test_an_undo_is_whole_though_a_callback_is_at_work(where: str) -> None:
    """Whether it is the callback that undoes, or the program meanwhile."""
    printed = script(
        _APPLIED + "import logging, _thread; logging.disable()\n"
        "told, done = _thread.allocate_lock(), _thread.allocate_lock()\n"
        "told.acquire(); done.acquire()\n"
        "def seen(): return gc.get_threshold(), [*gc.callbacks], gc.get_freeze_count() < 1001\n"
        "before = seen()\n"
        "@gctune.on_alert\n"
        "def at_work(alert):\n"
        f"    if {where!r} == 'callback': applied.undo()\n"
        "    told.release(); done.acquire()\n"
        "applied = gctune.apply(environment='test', gc={'mode': 'adaptive'},\n"
        "    monitor={'level': 'detailed', 'interval': 0.1, 'http': '127.0.0.1:0'},\n"
        "    alerts={'heap': {'threshold': '1MiB', 'hold': 0}})\n"
        "told.acquire(); print(gctune.served_at() is None)\n"
        f"if {where!r} == 'main': applied.undo(); print(gctune.served_at() is None)\n"
        "print(gc.get_threshold() == before[0], gc.get_freeze_count() < 1001)\n"
        "done.release(); until(lambda: seen() == before)"
    ).splitlines()
    assert printed[-2:] == ["True", "True True"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="keeps a limit on Linux alone")
def test_a_limit_that_cannot_be_kept_raises_the_alert_on_thrashing() -> None:
    printed = script(
        _APPLIED + "told = []\n"
        "gctune.on_alert(told.append)\n"
        "import logging; logging.disable()\n"
        "gctune.apply(environment='test', monitor={'level': 'basic', 'interval': 0.1},\n"
        "    memory={'limit': '1MiB'}, alerts={'thrashing': {'hold': 0}})\n"
        "until(lambda: any(each.rule == 'thrashing' for each in told))\n"
        "print(next(each.sample.limit_state for each in told if each.rule == 'thrashing'))"
    )
    assert printed == "thrashing"


def test_with_no_logging_an_alert_is_a_line_on_standard_error() -> None:
    watched = plan(
        monitor__level="basic",
        monitor__interval=0.1,
        alerts__heap__threshold=1,
        alerts__heap__hold=0.0,
    )
    code = (
        _UNTIL + "until(lambda: current() and any(current().alerts.values()))\n"
        "assert 'logging' not in sys.modules"
    )
    told = python("-c", code, environ=below(watched)).stderr
    assert told.startswith("gctune: alert heap: the rss is ")
    assert len(told.splitlines()) == 1


def test_a_program_ends_though_a_callback_is_the_first_to_import_logging() -> None:
    watched = plan(monitor__level="basic", alerts__heap__threshold=1, alerts__heap__hold=0.0)
    code = (
        "import _thread, gctune; told = _thread.allocate_lock(); told.acquire()\n"
        "@gctune.on_alert\n"
        "def tell(alert): import logging; told.release()\n"
        "told.acquire()"
    )
    python("-c", code, environ=below(watched))


_WITHOUT_PROC = ("unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="has no /proc anyway")
def test_a_program_ends_though_there_is_no_proc() -> None:
    """What reads it instead, psutil, imports threading."""
    if subprocess.run([*_WITHOUT_PROC, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    code = f"{_UNTIL}from gctune.monitor.thread import _jobs\nuntil(lambda: _jobs[0].failures)"
    done = subprocess.run(
        [*_WITHOUT_PROC, sys.executable, "-c", code],
        env=below(plan(monitor__level="basic")),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "neither /proc nor psutil tells of this process; mount" in done.stderr


@pytest.mark.parametrize(
    ("set_up", "expected"),
    [
        ("", "gctune: high\n"),
        ("logging.basicConfig(format='own: %(message)s')", "own: high\n"),
        ("logging.getLogger('gctune').setLevel(logging.CRITICAL)", ""),
        ("logging.getLogger('gctune').addHandler(logging.NullHandler())", ""),
    ],
)
def test_a_warning_is_marked_as_gctunes_where_the_programs_logging_does_not_format_it(
    set_up: str, expected: str
) -> None:
    code = f"import logging\n{set_up}\nfrom gctune.monitor.telling import inform, warn\n"
    done = python("-c", f"{code}warn('high'); inform('low again')")
    assert done.stderr == expected


def test_watching_imports_nothing_that_is_dear_to_a_program_that_has_it_not() -> None:
    code = (
        "import sys; had = {*sys.modules}\n"
        f"{_UNTIL}until(lambda: current() and current().sample)\n"
        "dear = {'dataclasses', 'typing', 're', 'json', 'inspect', 'threading', 'psutil'}\n"
        "print(*dear & {*sys.modules} - had)"
    )
    every = plan(monitor__level="detailed", memory__limit=1 << 30, gc__mode="adaptive")
    assert python("-c", code, environ=below(every)).stdout == "\n"


def test_the_workers_of_a_preloading_master_are_watched(tmp_path: Path) -> None:
    """And no thread is at work in the master while it forks them."""
    (tmp_path / "app.py").write_text(
        "import os, time\n"
        "from gctune.monitor.monitor import current\n"
        "from gctune.runtime import fork\n"
        "def count():\n"
        "    number = len(os.listdir('/proc/self/task'))\n"
        "    with open('threads', 'a') as file: print(number, file=file)\n"
        "fork.around(count, lambda: None)\n"  # the last that is registered, so the last to be run
        "def app(environ, start_response):\n"
        "    while current() is None or current().sample is None: time.sleep(0.01)\n"
        "    start_response('200 OK', [])\n"
        "    return [str(current().sample.pid == os.getpid()).encode()]\n"
    )
    variables = {"ENVIRONMENT": "test", "GCTUNE_MONITOR__LEVEL": "detailed"}
    workers = ["-w", "2", "--preload", "app:app"]
    with serving([*RUN, "--"], *workers, directory=tmp_path, at=tmp_path, **variables) as ask:
        assert ask() == "True"
    counted = Path("/proc/self/task").is_dir()
    assert (tmp_path / "threads").read_text().split() == ["1", "1"] * counted
