"""A program is run to its end on any kernel, however long it may take."""

from __future__ import annotations

import errno
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from children import BARE, plan

from gctune.verifier.trial import TimeUpError, Trial

MONTH = 30 * 86400.0


def trial(code: str, seconds: float) -> Trial:
    return Trial([sys.executable, "-c", code], BARE, time.monotonic() + seconds)


def refuse(number: int) -> object:
    raise OSError(number, os.strerror(number))


def seen_by_trials(monkeypatch: pytest.MonkeyPatch, system: dict[str, Any]) -> None:
    """Let trials alone see such a system: from 3.15 on subprocess asks for descriptors, too."""
    monkeypatch.setattr("gctune.verifier.trial.os", SimpleNamespace(**system))


@pytest.fixture(params=[errno.ENOSYS, errno.EPERM], ids=["old_kernel", "sandbox"])
def without_descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that knows no descriptors of processes, or gives none."""
    seen_by_trials(monkeypatch, {**vars(os), "pidfd_open": lambda _: refuse(request.param)})


@pytest.mark.usefixtures("without_descriptors")
def test_a_kernel_without_descriptors_of_processes_will_do() -> None:
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


@pytest.mark.usefixtures("without_descriptors")
def test_the_time_is_kept_without_descriptors_of_processes() -> None:
    with pytest.raises(TimeUpError):
        trial("import time; time.sleep(60)", 0.2).run(plan())


def test_a_build_without_descriptors_of_processes_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: value for name, value in vars(os).items() if name != "pidfd_open"}
    seen_by_trials(monkeypatch, without)
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


def test_a_month_is_not_too_long() -> None:
    assert trial("exit(3)", MONTH).run(plan()).fault == "exits with 3"


WORKS = """
while time.process_time() < 0.6:
    keep = [[each] for each in range(50_000)]
"""
NOBODY_WAITS = f"""
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork():
    try: os.wait()
    except ChildProcessError: exit()
{WORKS}
"""
ONE_AFTER_ANOTHER = """
import subprocess, sys
for _ in range(3):
    job = "import time; kept = bytearray(60 << 20); time.sleep(0.5)"
    subprocess.run([sys.executable, "-c", job])
"""
BECOMES_ANOTHER = f"""
import os, sys, time
time.sleep(0.5)
{WORKS}
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(0.5)"])
"""


def test_a_process_that_nobody_waits_for_counts() -> None:
    run = trial(NOBODY_WAITS, MONTH).run(plan())
    assert run.cpu_seconds > 0.6
    assert run.gc_seconds > 0


def test_memory_of_processes_that_ran_one_after_another_does_not_add_up() -> None:
    run = trial(ONE_AFTER_ANOTHER, MONTH).run(plan())
    assert 60 * 2**20 < run.peak_rss_bytes < 180 * 2**20


def test_a_process_that_becomes_another_program_counts_once() -> None:
    assert 0.6 < trial(BECOMES_ANOTHER, MONTH).run(plan()).cpu_seconds < 1.2


def test_the_time_is_kept() -> None:
    with pytest.raises(TimeUpError):
        trial("import time; time.sleep(60)", 0.2).run(plan())
