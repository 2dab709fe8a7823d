"""`gctune top` shows what a program's endpoints tell of it, and what the system does."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import started
from servers import ENVIRON, running

from gctune.host.interpreter import Collector, this_interpreter
from gctune.report.paced import Change, Paced, paced_of, words
from gctune.report.top import Row, line, rows_of

TOP = [sys.executable, "-m", "gctune", "top"]

# Serves its endpoints, says so, and collects now and then until its standard input ends.
WATCHED = """
import sys, time
import gctune
from gctune.monitor.monitor import current
from gctune.server.serving import served_at
gctune.apply(
    environment="test",
    monitor={"level": "detailed", "interval": 0.1, "http": sys.argv[1]},
    alerts={"heap": {"threshold": "1MiB", "hold": 0}},
)
def churn():
    for _ in range(1000):
        cycle = []
        cycle.append(cycle)
def told():
    monitor = served_at() and current()
    sample = monitor and monitor.sample
    return sample and sample.rates and sample.longest_pause_ns  # of the first there are no rates
while not told(): churn()
print("ready", flush=True)
while True: churn(); time.sleep(0.001)
"""


# The same in adaptive mode, with much to freeze.
PACED = WATCHED.replace("alerts={", "gc={'mode': 'adaptive'}, alerts={").replace(
    "while True: churn(); time.sleep(0.001)",
    "kept = []\nwhile True: kept.append([[]]); churn() if len(kept) % 100 == 0 else None",
)


def top(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return started.run(("top", *arguments), {**ENVIRON, **variables})


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A program's process id, and where it serves its endpoints."""
    folder = tmp_path_factory.mktemp("watched")
    url = f"unix:{folder}/socket"
    environ = {**ENVIRON, "GCTUNE_MONITOR__HTTP": url}
    with running(sys.executable, "-c", WATCHED, url, directory=folder, environ=environ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        yield program.pid, url


def test_a_line_for_each_reading_where_there_is_no_terminal(watched: tuple[int, str]) -> None:
    pid, url = watched
    done = top("--url", url, "--count", "2", "--interval", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(each.startswith(f"pid {pid}  rss ") for each in lines)
    assert all("heap" in each.split("alerts ")[1] for each in lines)
    assert all("  gcs " in each and "  longest " in each for each in lines)


def test_a_process_is_seen_from_outside_and_by_its_endpoints(watched: tuple[int, str]) -> None:
    pid, _ = watched
    done = top("--pid", str(pid), "--count", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  cpu " in done.stdout
    assert "  gcs " in done.stdout


@pytest.mark.parametrize("address", ["127.0.0.1:0", "unix:{}/code.sock"])
def test_endpoints_are_found_where_the_process_listens(address: str, tmp_path: Path) -> None:
    """Its environment does not say where, and it serves something else besides."""
    address = address.format(tmp_path)
    code = f"import socket; other = socket.create_server(('127.0.0.1', 0))\n{WATCHED}"
    with running(sys.executable, "-c", code, address, directory=tmp_path) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        done = top("--pid", str(program.pid), "--count", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  cpu " in done.stdout
    assert "  gcs " in done.stdout


def test_a_worker_is_found_by_the_endpoints_of_another(tmp_path: Path) -> None:
    """Of workers that share an address one listens there, and tells of all."""
    code = (
        "import os, sys, time\n"
        "parent, child = os.getpid(), os.fork()\n"
        "import gctune\n"
        "from gctune.metrics.publishing import Publishing\n"
        "from gctune.server.serving import served_at\n"
        "from gctune.monitor.thread import duties\n"
        "while not child and not os.path.exists(sys.argv[1].removeprefix('unix:')):\n"
        "    time.sleep(0.01)\n"
        "gctune.apply(environment='test', monitor={'level': 'basic', 'interval': 0.1,\n"
        "    'http': sys.argv[1]})\n"
        "def told():\n"
        "    return any(isinstance(each, Publishing) and each.begun for each in duties())\n"
        "while not told(): time.sleep(0.01)\n"
        "if not child: print(os.getpid(), served_at(), flush=True)\n"
        "while child or os.getppid() == parent: time.sleep(0.01)"
    )
    command = (sys.executable, "-c", code, f"unix:{tmp_path}/shared.sock")
    with running(*command, directory=tmp_path) as program:
        assert program.stdout is not None
        worker, address = program.stdout.readline().split()
        assert address == "None"
        done = top("--pid", worker, "--count", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"pid {worker}  " in done.stdout
    assert "  gcs " in done.stdout


def test_a_process_without_endpoints_is_seen_from_outside() -> None:
    done = top("--pid", str(os.getpid()), "--count", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"pid {os.getpid()}  rss " in done.stdout
    assert "gcs" not in done.stdout


def drawn(url: str) -> str:
    """What a terminal shows."""
    try:
        leader, follower = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal is to be had here: {error}")
    environ = {**ENVIRON, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [*TOP, "--url", url, "--count", "1"], stdout=follower, env=environ
    ) as shown:
        assert shown.wait(60) == 0
    os.close(follower)
    picture = os.read(leader, 65536).decode()
    os.close(leader)
    return picture


def test_a_table_on_a_terminal(watched: tuple[int, str]) -> None:
    _, url = watched
    picture = drawn(url)
    assert "cpu" not in picture  # which is seen from outside alone
    assert "longest" in picture
    assert "heap" in picture
    assert "adaptive" not in picture


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_leaves_a_terminal_its_cursor(number: int) -> None:
    try:
        leader, follower = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal is to be had here: {error}")
    # A signal just before a sleep is seen once that is over: CPython does not look in between.
    command = [*TOP, "--pid", str(os.getpid()), "--interval", "1s"]
    with subprocess.Popen(command, stdout=follower, env={**ENVIRON, "TERM": "xterm"}) as shown:
        picture = b""
        while b"rss" not in picture:
            picture += os.read(leader, 65536)
        shown.send_signal(number)
        assert shown.wait(60) == 0
    os.close(follower)
    picture += os.read(leader, 65536)
    os.close(leader)
    assert picture.rindex(b"\x1b[?25h") > picture.rindex(b"\x1b[?25l")


@pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL, reason="this collector is not paced"
)
def test_what_adaptive_mode_did_last_stands_below_the_table_and_in_the_line(tmp_path: Path) -> None:
    url = f"unix:{tmp_path}/socket"
    with running(sys.executable, "-c", PACED, url, directory=tmp_path) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        picture = drawn(url)
        done = top("--pid", str(program.pid), "--count", "1")
    assert f"adaptive mode of {program.pid}, thresholds " in picture
    assert "  thresholds " in done.stdout
    assert "s ago" in done.stdout.split("  last ")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ([], 2, "give --pid or --url"),
        (["--pid", "1", "--url", "unix:/nowhere"], 2, "give --pid or --url"),
        (["--pid", "0"], 2, "--pid"),
        (["--pid", str(2**22 + 1)], 1, f"--pid = {2**22 + 1}: no such process; it may have ended"),
        (["--url", "unix:/nowhere"], 1, "--url = 'unix:/nowhere': no such file or directory"),
        (["--url", "ftp://somewhere"], 2, "--url = 'ftp://somewhere'"),
        (["--url", "unix:/nowhere", "--interval", "nan"], 2, "--interval"),
    ],
)
def test_what_is_wrong_goes_to_stderr(arguments: list[str], status: int, told: str) -> None:
    done = top(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        '{"metrics": []}',
        '{"pid": 1, "metrics": {"a": [1]}}',
        '{"metrics": {}}',
        "[",
    ],
)
def test_an_answer_that_is_something_else_is_refused(answer: str) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        rows_of(json.loads(answer))


def test_each_worker_has_its_row() -> None:
    metrics = {
        "process_resident_memory_bytes": [{"pid": "20", "value": 2.0}, {"pid": "3", "value": 1.0}],
        "gctune_gc_cpu_ratio": [{"pid": "3", "value": 0.5}],
        "gctune_alert": [
            {"pid": "3", "rule": "heap", "value": 1.0},
            {"pid": "20", "rule": "heap", "value": 0.0},
        ],
    }
    first, second = rows_of({"pid": 3, "metrics": metrics})
    assert first == Row("3", rss_bytes=1.0, gc_share=0.5, alerts="heap")
    assert second == Row("20", rss_bytes=2.0, alerts="")
    assert line(first) == "pid 3  rss 1B  gc 50.0%  alerts heap"


def test_a_process_that_shares_no_folder_is_the_one_that_answers() -> None:
    metrics = {
        "process_resident_memory_bytes": 1.0,
        "gctune_gc_cpu_ratio": 0.5,
        "gctune_alert": [{"rule": "heap", "value": 1.0}],
    }
    (row,) = rows_of({"pid": 3, "metrics": metrics})
    assert row == Row("3", rss_bytes=1.0, gc_share=0.5, alerts="heap")


def test_what_both_know_is_taken_from_outside() -> None:
    outside, inside = Row("3", rss_bytes=1.0), Row("3", rss_bytes=2.0, gc_share=0.5)
    assert outside.with_more(inside) == Row("3", rss_bytes=1.0, gc_share=0.5)


PACED_ANSWER = {
    "pid": 3,
    "thresholds": [6666, 1, 1000],
    "paced": [
        {"seconds_ago": 90, "reason": "start", "acts": [], "thresholds": [7, 8, 9], "rss": 1},
        {"seconds_ago": 0.31, "reason": "a\x1b[2J", "acts": ["freeze"], "thresholds": [1, 2, 3]}
        | {"rss": 1024},
    ],
}


def test_the_last_change_comes_first_and_sends_nothing_to_the_terminal() -> None:
    paced = paced_of(PACED_ANSWER)
    last, first = (
        Change(0.31, r"a\x1b[2J", "freeze", "1/2/3", 1024),
        (90.0, "start", "", "7/8/9", 1),
    )
    assert paced == Paced("3", "6666/1/1000", (last, Change(*first)))
    assert words(paced) == r"thresholds 6666/1/1000  last a\x1b[2J 0.3s ago"


def test_neither_does_the_name_of_an_alert_or_of_a_process() -> None:
    paced = paced_of({**PACED_ANSWER, "pid": "3\x07"})
    assert paced is not None
    assert paced.pid == r"3\x07"
    assert line(Row("3", alerts="he\x1b[2Jap")) == r"pid 3  alerts he\x1b[2Jap"


@pytest.mark.parametrize("answer", [{}, {"pid": 3}, {"pid": 3, "thresholds": [1], "paced": []}])
def test_nothing_is_told_of_adaptive_mode_where_it_did_nothing(answer: dict[str, object]) -> None:
    assert paced_of(answer) is None


@pytest.mark.parametrize(
    "answer", [[], {"paced": 3}, {"paced": [1]}, {"pid": 3, "thresholds": 3, "paced": [{}]}]
)
def test_an_answer_about_something_else_than_a_process_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="tells of no process"):
        paced_of(answer)  # type: ignore[arg-type]
