"""What the process uses, by /proc and where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from gctune.errors import GctuneError
from gctune.host import process

MIB = 1 << 20
NO_PROC = Path("/nowhere")


def child(script: str, **options: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"from gctune.host import process\n{script}"],
        capture_output=True,
        text=True,
        check=True,
        **options,
    )
    return done.stdout.split()


def test_rss_is_what_psutil_says() -> None:
    assert process.rss_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


def test_peak_outlasts_what_is_freed() -> None:
    script = (
        f"start = process.rss_bytes(); block = b'x' * (64 * {MIB}); high = process.rss_bytes()\n"
        "del block; print(start, high, process.rss_bytes(), process.peak_rss_bytes())"
    )
    start, high, after, peak = map(int, child(script))
    assert high - start > 60 * MIB
    assert high - after > 60 * MIB
    assert peak > start + 60 * MIB


def test_peak_is_not_the_parents() -> None:
    script = (
        "import subprocess, sys; block = b'x' * (200 << 20)\n"
        "inner = 'from gctune.host import process; print(process.peak_rss_bytes())'\n"
        "print(subprocess.check_output([sys.executable, '-c', inner], text=True))"
    )
    assert int(child(script)[0]) < 100 * MIB


def test_threads_are_counted() -> None:
    before = process.thread_count()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert process.thread_count() == before + 1
    finally:
        stop.set()
        thread.join()


def test_variables_are_those_of_the_start() -> None:
    script = (
        "import os; os.environ['LATER'] = '1'; found = process.started_with()\n"
        "print(found['FIRST'], 'LATER' in found)"
    )
    assert child(script, env={**os.environ, "FIRST": "a=b"}) == ["a=b", "False"]


def test_without_proc_psutil_answers() -> None:
    assert process.rss_bytes(NO_PROC) == pytest.approx(process.rss_bytes(), rel=0.05)
    assert process.thread_count(NO_PROC) == process.thread_count()
    assert process.peak_rss_bytes(NO_PROC) >= process.rss_bytes() // 2
    assert process.started_with(NO_PROC) == process.started_with()


def test_where_psutil_sees_nothing_either_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not hasattr(psutil, "PROCFS_PATH"):
        pytest.skip("psutil has no need of /proc here")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(NO_PROC))
    for ask in (process.rss_bytes, process.thread_count, process.started_with):
        with pytest.raises(GctuneError, match=r"^pid = \d+: neither /proc nor psutil tells of"):
            ask(NO_PROC)


def test_garbage_in_proc_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    for name in ("statm", "status"):
        (tmp_path / "self" / name).write_bytes(b"\xff lots\n")
    assert process.rss_bytes(tmp_path) > MIB
    assert process.peak_rss_bytes(tmp_path) > MIB
    assert process.thread_count(tmp_path) >= 1


def test_psutil_is_not_imported_where_proc_is_there() -> None:
    script = (
        "import sys; process.rss_bytes(); process.peak_rss_bytes(); process.thread_count()\n"
        "process.started_with(); print('psutil' in sys.modules)"
    )
    assert child(script) == ["False"]
