"""A program is run to its end on any kernel, however long it may take."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from children import BARE, plan

from gctune.host.container import find_container
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


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Where a container counts whom the system kills."""
    group = tmp_path / "sys" / "fs" / "cgroup" / "app"
    (tmp_path / "proc" / "self").mkdir(parents=True)
    group.mkdir(parents=True)
    mounted = "41 31 0:38 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/app\n")
    (tmp_path / "proc" / "self" / "mountinfo").write_text(mounted)
    (group / "memory.current").write_text("1\n")
    (group / "memory.events").write_text("oom_kill 0\n")
    return group / "memory.events"


def in_container(events: Path, code: str) -> Trial:
    root = events.parents[4]
    container = find_container(root / "proc", root / "sys")
    counts = f"open({str(events)!r}, 'w').write('oom_kill 1\\n')"
    command = [sys.executable, "-c", f"{counts}\n{code}"]
    return Trial(command, BARE, time.monotonic() + MONTH, container)


CHILD_IS_KILLED = """
import os, signal, time
child = os.fork()
if not child:
    until = time.process_time() + 0.6
    while time.process_time() < until:
        keep = [[each] for each in range(50_000)]
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
"""


def test_a_neighbour_that_is_killed_is_no_fault_of_the_program(events: Path) -> None:
    assert in_container(events, "").run(plan()).fault == ""


@pytest.mark.parametrize("code", ["import os; os.kill(os.getpid(), 9)", CHILD_IS_KILLED])
def test_a_process_of_the_program_that_is_killed_for_memory_is(events: Path, code: str) -> None:
    fault = in_container(events, code).run(plan()).fault
    assert fault == "was killed by the system for want of memory"
