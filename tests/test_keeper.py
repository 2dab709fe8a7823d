"""The soft limit on real programs: they live, and it does them no harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from children import BARE, TESTS, below, plan, python, script
from groups import RefusedError, memory_group

MIB = 1 << 20
CYCLES = str(Path(__file__).parent / "benchmarks" / "cycles.py")
FORKING = ("-W", "ignore::DeprecationWarning")  # CPython 3.12 and later warn of any thread
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

# `keep()` makes the duty of a limit in MiB, as the thread does; `look()` has it look once.
_PRELUDE = """
import gc, os, sys, threading, time, warnings
from children import plan
from gctune.memory.keeper import keeper_of
from gctune.memory.standing import last_standing
from gctune.host.process import rss_bytes
warned = []
def keep(mib, **settings):
    return keeper_of(plan(memory__limit=mib << 20, **settings), warned.append)
def look(keeper): return keeper(time.perf_counter_ns())
class Cycle:
    def __init__(self, size): self.itself, self.body = self, b"x" * size
gc.disable()
"""


def child(code: str) -> list[str]:
    return script(_PRELUDE + code).splitlines()


def test_in_a_real_group_a_program_of_cycles_lives_where_the_kernel_kills_it() -> None:
    """30 MiB of garbage wait in every Python's young generation, and 100 in the old one."""
    command = [sys.executable, CYCLES, "12000", "0"]
    room = plan(origin="default", memory__limit=320 * MIB, memory__headroom=64 * MIB)
    try:
        with memory_group(384 * MIB) as group:
            killed = subprocess.run(
                command, env=BARE, preexec_fn=group.joining(), capture_output=True, check=False
            )
            assert (killed.returncode, group.kills()) == (-9, 1)
        with memory_group(384 * MIB) as group:
            lives = subprocess.run(
                command, env=below(room), preexec_fn=group.joining(), check=False, timeout=60
            )
            assert (lives.returncode, group.kills()) == (0, 0)
    except RefusedError as refused:
        pytest.skip(f"no real limit here: {refused}")


def test_a_real_limit_that_changes_while_the_program_runs_is_followed() -> None:
    code = (
        "import time\n"
        "from gctune.memory.standing import last_standing\n"
        "seen = []\n"
        "while len(seen) < 2:\n"
        "    time.sleep(0.005)\n"
        "    standing = last_standing()\n"
        "    if standing and standing.limit_bytes not in seen:\n"
        "        seen.append(standing.limit_bytes); print(seen[-1] >> 20, flush=True)\n"
    )
    room = plan(origin="default", memory__limit=448 * MIB, memory__headroom=64 * MIB)
    try:
        with (
            memory_group(512 * MIB) as group,
            subprocess.Popen(
                [sys.executable, "-c", code],
                env=below(room),
                preexec_fn=group.joining(),  # noqa: PLW1509 - there is one thread
                stdout=subprocess.PIPE,
                text=True,
            ) as child,
        ):
            assert child.stdout is not None
            assert child.stdout.readline() == "448\n"
            group.limit(256 * MIB)
            assert child.stdout.readline() == "192\n"
    except RefusedError as refused:
        pytest.skip(f"no real limit here: {refused}")


@linux
def test_garbage_is_collected_and_given_back_before_the_limit() -> None:
    assert child(
        "keeper = keep(100)\n"
        "for _ in range(100): Cycle(1 << 20)\n"
        "look(keeper); print(rss_bytes() < 50 << 20, last_standing().state)"
    ) == ["True ok"]


@linux
def test_a_limit_below_what_is_in_use_is_thrashing_and_no_more() -> None:
    assert child(
        "keeper = keep(1)\n"
        "pauses = [look(keeper)]\n"
        "while last_standing().state != 'thrashing':\n"
        "    time.sleep(0.001); pauses.append(look(keeper))\n"
        "print(len(pauses) < 5000, min(pauses) > 0, last_standing().limit_bytes)"
    ) == ["True True 1048576"]


@linux
def test_pools_and_the_program_are_asked_before_anything_is_collected() -> None:
    assert child(
        "import gctune\n"
        "from gctune.memory import pressure; pressure.PATIENCE = 60.0\n"
        "order = []\n"
        "gc.callbacks.append(lambda phase, info: order.append(info['generation']))\n"
        "gctune.on_pressure(lambda: order.append('asked'))\n"
        "pool = gctune.pool('buffer', lambda: bytearray(9)); pool.release(pool.acquire())\n"
        "look(keep(1)); print(pool.stats().idle, order[0], order[-1])"
    ) == ["0 asked 2"]


@linux
def test_callbacks_that_raise_block_or_allocate_hold_up_no_relief() -> None:
    assert child(
        "import gctune\n"
        "block = threading.Event()\n"
        "gctune.on_pressure(block.wait); gctune.on_pressure(lambda: 1 / 0)\n"
        "gctune.on_pressure(lambda: [Cycle(1 << 20) for _ in range(20)] and None)\n"
        "keeper = keep(100)\n"
        "for _ in range(100): Cycle(1 << 20)\n"
        "look(keeper)\n"
        "while not warned: time.sleep(0.001)\n"
        "print(rss_bytes() < 50 << 20, len(warned)); block.set()"
    ) == ["True 1"]


@linux
def test_a_library_without_trim_or_mallinfo_is_no_harm() -> None:
    assert child(
        "from gctune.runtime import knobs\n"
        "import ctypes\n"
        "class Bare: pass\n"
        "knobs._libc = lambda: Bare()\n"
        "keeper = keep(1)\n"
        "ctypes.PyDLL = lambda name: Bare()\n"
        "look(keeper); print(last_standing().state)"
    ) == ["relieving"]


@linux
def test_each_forked_child_has_a_controller_of_its_own() -> None:
    printed = python(
        *FORKING,
        "-c",
        "import os, time\n"
        "from gctune.memory.standing import last_standing\n"
        "def wait():\n"
        "    while last_standing() is None: time.sleep(0.005)\n"
        "wait()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    fresh = last_standing() is None; wait(); os._exit(0 if fresh else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        environ=below(plan(memory__limit=1 << 30)),
    )
    assert (printed.stdout.strip(), printed.stderr) == ("0", "")


@linux
def test_forks_at_any_instant_of_busy_relief_hang_no_child() -> None:
    code = (
        "import os\n"
        "class Cycle:\n"
        "    def __init__(self): self.itself, self.body = self, b'x' * 100_000\n"
        "for _ in range(100):\n"
        "    for _ in range(100): Cycle()\n"
        "    pid = os.fork()\n"
        "    if pid == 0: os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
    )
    done = python(*FORKING, "-c", code, environ=below(plan(memory__limit=24 * MIB)))
    assert done.stderr == ""


@linux
def test_no_memory_at_all_is_survived_and_looked_at_again() -> None:
    code = (
        "import time\n"
        "from gctune.memory.standing import last_standing\n"
        "while last_standing() is None: time.sleep(0.005)\n"
        "failed = 0\n"
        "for _ in range(3):\n"
        "    held = []\n"
        "    try:\n"
        "        while True: held.append(b'x' * 1000)\n"
        "    except MemoryError: failed += 1\n"
        "    before = last_standing(); end = time.monotonic() + 0.05\n"
        "    while time.monotonic() < end: pass\n"
        "del held\n"
        "while last_standing() is before: time.sleep(0.005)\n"
        "print(failed)"
    )
    tight = plan(memory__limit=60 * MIB, memory__hard_limit=64 * MIB)
    done = python("-c", code, environ=below(tight))
    assert done.stdout.strip() == "3"


@linux
def test_many_threads_live_under_one_limit() -> None:
    code = (
        "import threading\n"
        "class Cycle:\n"
        "    def __init__(self): self.itself, self.body = self, b'x' * 10_000\n"
        "def work():\n"
        "    for _ in range(500): Cycle()\n"
        "threads = [threading.Thread(target=work) for _ in range(64)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print('done')"
    )
    done = python("-c", code, environ=below(plan(memory__limit=64 * MIB)))
    assert (done.stdout.strip(), done.stderr) == ("done", "")


@linux
def test_the_standing_is_in_samples_and_gone_with_the_plan() -> None:
    printed = script(
        "import time, gctune\n"
        "applied = gctune.apply(environment='test', memory={'limit': '1GiB'})\n"
        "print([each.status for each in applied.outcomes if each.setting == 'memory.limit'])\n"
        "while gctune.sample().limit_state is None: time.sleep(0.005)\n"
        "print(gctune.sample().limit_state); applied.undo(); print(gctune.sample().limit_state)",
        PYTHONPATH=TESTS,
    )
    assert printed.splitlines() == ["['applied']", "ok", "None"]


@linux
def test_a_reading_keeps_the_interpreter_s_lock_and_reads_the_same() -> None:
    assert child(
        "from gctune.host import files\n"
        "yielding = files.read(b'/proc/self/limits')\n"
        "files.keep_the_lock()\n"
        "print(type(files._Way.system).__name__, files.read(b'/proc/self/limits') == yielding)\n"
        "for path in (b'/nowhere', b'/proc/\\0', b'/proc'):\n"
        "    try: files.read(path)\n"
        "    except (OSError, ValueError) as error: print(type(error).__name__)"
    ) == ["Unyielding True", "FileNotFoundError", "ValueError", "IsADirectoryError"]
