"""The thread does its duties, survives what they do, and is never in the way."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from children import python, script

# `tell()` in a duty writes a byte, `wait()` waits for one: nothing guesses how long a duty takes.
_PRELUDE = """
import os, sys, time
from gctune.monitor import thread
from gctune.monitor.thread import Duty, lay_down
read, write = os.pipe()
def tell(): os.write(write, b".")
def wait(times=1):
    for _ in range(times): assert os.read(read, 1) == b"."
def take_up(name, make, first=0.0, **how): return thread.take_up(name, make, first, **how)
def threads(): return len(os.listdir("/proc/self/task"))
def made(job):  # beside one that tells: a new thread is there before it has done anything
    while job.duty is None: wait()
class Counts(Duty):
    pause = 0.001
    def __call__(self, now_ns):
        tell(); return self.pause
    def close(self): print("closed")
class Fails(Duty):
    def __call__(self, now_ns):
        tell(); raise ValueError("no luck")
"""

linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts by /proc")


def child(code: str) -> list[str]:
    return script(_PRELUDE + code).splitlines()


@linux
def test_a_duty_is_done_again_and_again_until_it_is_laid_down() -> None:
    assert child(
        "job = take_up('counting', Counts); wait(3); print(threads())\n"
        "lay_down(job); lay_down(job); print(threads())"
    ) == ["2", "closed", "1"]


@linux
def test_there_is_one_thread_for_all_duties() -> None:
    assert child(
        "first, second = take_up('one', Counts), take_up('two', Counts)\n"
        "made(first); made(second); print(threads())\n"
        "lay_down(first); wait(6); print(threads()); lay_down(second)"
    ) == ["2", "closed", "2", "closed"]


@linux
def test_a_second_thread_begins_when_another_duty_could_keep_an_urgent_one_waiting() -> None:
    assert child(
        "urgent = take_up('counting', Counts, urgent=True)\n"
        "later = take_up('late', Counts, 60.0); wait(3); print(threads())\n"
        "now = take_up('due', Counts)\n"
        "while threads() < 3: wait()\n"
        "made(now); lay_down(now); lay_down(later)\n"
        "while threads() > 2: wait()\n"
        "lay_down(urgent)"
    ) == ["2", "closed", "closed"]


def test_what_is_urgent_does_not_wait_for_a_duty_that_is_stuck() -> None:
    assert child(
        "class Stuck(Duty):\n"
        "    def __call__(self, now_ns): tell(); time.sleep(3600)\n"
        "    def close(self): pass\n"
        "take_up('urgent', Counts, 0.05, urgent=True); take_up('stuck', Stuck); wait(5)"
    ) == ["closed"]


@linux
@pytest.mark.parametrize(("act", "left"), [("pass", "0.005"), ("sys.setswitchinterval(2)", "2.0")])
def test_an_urgent_duty_is_done_in_a_hurry_and_leaves_the_switch_interval_to_the_program(
    act: str, left: str
) -> None:
    assert child(
        "class Urgent(Counts):\n"
        "    pause = 60\n"
        "    def __init__(self): print(sys.getswitchinterval() < 0.001)\n"
        "    def __call__(self, now_ns):\n"
        f"        print(sys.getswitchinterval() < 0.001); {act}; return super().__call__(now_ns)\n"
        "job = take_up('urgent', Urgent, urgent=True); wait(); lay_down(job)\n"
        "print(sys.getswitchinterval())"
    ) == ["True", "True", "closed", left]


@linux
def test_a_child_that_is_forked_in_a_hurry_is_in_none() -> None:
    assert child(
        "import warnings; warnings.simplefilter('ignore')\n"  # of a fork beside threads
        "class Urgent(Counts):\n"
        "    def __init__(self):\n"
        "        if os.getpid() == parent and os.fork() == 0:\n"
        "            os._exit(sys.getswitchinterval() != 0.005)\n"
        "parent = os.getpid(); take_up('urgent', Urgent, urgent=True); wait()\n"
        "print(os.wait()[1])"
    ) == ["0", "closed"]


@linux
def test_without_a_second_thread_the_first_does_it_all() -> None:
    assert child(
        "def none(): raise RuntimeError('no more threads')\n"
        "thread._second.start = none\n"
        "class Often(Counts): pause = 0.0001\n"
        "take_up('urgent', Often, urgent=True); made(take_up('due', Counts))\n"
        "wait(9); print(threads())"
    ) == ["2", "closed", "closed"]


def test_one_that_is_taken_up_while_the_thread_sleeps_is_done_in_time() -> None:
    assert child(
        "class Sleeps(Counts): pause = 3600.0\n"
        "take_up('sleeping', Sleeps); wait(); take_up('counting', Counts); wait(3)"
    ) == ["closed", "closed"]


def test_a_duty_is_done_after_a_clock_was_put_ahead_and_back() -> None:
    """As by tests that freeze the time; else it would be due in thirty years."""
    assert child(
        "now = time.perf_counter_ns; take_up('counting', Counts); wait(3)\n"
        "time.perf_counter_ns = lambda: now() + 10**18; wait(3)\n"
        "time.perf_counter_ns = now; wait(9)"
    ) == ["closed"]


def test_a_duty_is_closed_at_the_end_of_the_program() -> None:
    assert child("take_up('counting', Counts); wait()") == ["closed"]


def test_a_duty_is_not_made_before_it_is_due() -> None:
    code = "take_up('late', lambda: print('made'), 60.0); take_up('counting', Counts); wait(3)"
    assert child(code) == ["closed"]


def test_a_program_that_is_over_at_once_does_not_wait_for_a_long_pause() -> None:
    """Else this test would take an hour."""
    assert child("Counts.pause = 3600.0; take_up('counting', Counts); wait()") == ["closed"]


def test_a_duty_that_fails_is_told_once_and_stops_no_other() -> None:
    printed = child(
        "import threading, logging\n"
        "class Keep(logging.Handler):\n"
        "    def emit(self, record): print(record.name, record.levelname, record.getMessage())\n"
        "logging.getLogger().addHandler(Keep())\n"
        "thread.Job._backoff = lambda job, least=thread.Job._backoff: least(job) and 0.001\n"
        "job = take_up('failing', Fails); made(take_up('counting', Counts))\n"
        "while job.failures < 3: wait()\n"
        "lay_down(job); print('went on')"
    )
    assert printed[0] == (
        "gctune WARNING failing: ValueError: no luck; it is tried again later, in silence"
    )
    assert printed[1:] == ["went on", "closed"]


@pytest.mark.parametrize("error", ["MemoryError", "SystemExit", "KeyboardInterrupt"])
def test_nothing_that_a_duty_raises_ends_the_thread(error: str) -> None:
    assert child(
        "import logging; logging.disable()\n"
        "thread.Job._backoff = lambda job: 0.001\n"
        "class Raises(Duty):\n"
        f"    def __call__(self, now_ns): tell(); raise {error}\n"
        "take_up('raising', Raises); wait(3); print('alive')"
    ) == ["alive"]


@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 14),
    reason="CPython 3.12.1 and 3.13.0 crash by themselves when such an allocation fails",
)
def test_memory_that_runs_out_at_any_instant_does_not_end_the_thread() -> None:
    """The n-th allocation and the thirty after it fail, for every n until the duty is done."""
    pytest.importorskip("_testcapi")
    printed = child(
        "import _testcapi, logging; logging.disable()\n"
        "from gctune.monitor import loop\n"
        "from gctune.monitor.monitor import Monitor\n"
        "loop._RETRY = 0.001; thread.Job._backoff = lambda job: 0.001\n"
        "class Starves(Monitor):\n"
        "    number = 0\n"
        "    def __call__(self, now_ns):\n"
        "        Starves.number += 10\n"
        "        _testcapi.set_nomemory(Starves.number, Starves.number + 30)\n"
        "        try: return super().__call__(now_ns) and 0.001\n"
        "        finally: _testcapi.remove_mem_hooks(); tell()\n"
        "take_up('starving', lambda: Starves('detailed', 0.001)); wait(60); print(threads())"
    )
    assert printed == ["2"]


def test_a_duty_that_is_stuck_keeps_nobody_for_long() -> None:
    assert child(
        "import _thread; stuck = _thread.allocate_lock(); stuck.acquire()\n"
        "class Hangs(Duty):\n"
        "    def __call__(self, now_ns): tell(); stuck.acquire(); return 1.0\n"
        "    def close(self): tell()\n"
        "job = take_up('hanging', Hangs); wait()\n"
        "lay_down(job); print('went on'); stuck.release(); wait(); print('closed later')"
    ) == ["went on", "closed later"]


# `Hangs` is at work from its first time on until `stuck` is released.
_HANGS = """
import _thread; stuck = _thread.allocate_lock(); stuck.acquire()
class Hangs(Duty):
    def __call__(self, now_ns): print("at work"); tell(); stuck.acquire(); return 60.0
    def close(self): print("closed later"); tell()
class Rests(Counts): pause = 60.0
"""


def test_a_duty_that_is_not_at_work_is_closed_at_once_though_another_is_stuck() -> None:
    assert child(
        _HANGS + "resting = take_up('resting', Rests); wait()\n"
        "hanging = take_up('hanging', Hangs); wait()\n"
        "lay_down(resting); lay_down(hanging); print('went on'); stuck.release(); wait()"
    ) == ["at work", "closed", "went on", "closed later"]


def test_no_two_threads_are_at_one_duty() -> None:
    """Else this one would hang, too."""
    assert child(
        _HANGS + "hanging = take_up('hanging', Hangs); wait()\n"
        "hanging.do(time.perf_counter_ns()); print('went on'); stuck.release()"
    ) == ["at work", "went on", "closed later"]


def test_a_duty_may_lay_down_others() -> None:
    assert child(
        "class Rests(Counts): pause = 60.0\n"
        "others = [take_up('resting', Rests), take_up('too', Rests)]; wait(2)\n"
        "class Ends(Duty):\n"
        "    def __call__(self, now_ns):\n"
        "        for job in others: lay_down(job)\n"
        "        print('went on'); tell(); return 60.0\n"
        "    def close(self): print('ended')\n"
        "take_up('ending', Ends); wait()"
    ) == ["closed", "closed", "went on", "ended"]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
@pytest.mark.parametrize("end", ["lay_down(one)", "pass"])
def test_a_signal_handler_may_lay_down_duties_while_others_end(end: str) -> None:
    assert child(
        "import signal\n"
        "class Kills(Counts):\n"
        "    pause = 60.0\n"
        "    def close(self): os.kill(os.getpid(), signal.SIGUSR1); super().close()\n"
        "one, two = take_up('one', Kills), take_up('two', Counts); wait(2)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: [lay_down(job) for job in (one, two)])\n"
        f"{end}"
    ) == ["closed", "closed"]


@linux
def test_what_an_interrupt_keeps_from_being_taken_up_leaves_nothing_running() -> None:
    assert child(
        "from gctune.monitor import loop; begin = loop.start_new_thread\n"
        "def interrupted(*what):\n"
        "    loop.start_new_thread = begin; begin(*what); raise KeyboardInterrupt\n"
        "loop.start_new_thread = interrupted\n"
        "try: take_up('counting', Counts)\n"
        "except KeyboardInterrupt: print(thread._jobs, thread._first.runs)\n"
        "while threads() > 1: pass\n"
        "made(take_up('counting', Counts)); print(threads())"
    ) == ["[] False", "2", "closed"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="such a wait goes on here")
def test_others_go_on_where_an_interrupt_breaks_off_the_end_of_a_duty() -> None:
    assert child(
        "import _thread, signal; stuck = _thread.allocate_lock(); stuck.acquire()\n"
        "from gctune.monitor import loop; loop._PATIENCE, loop._RETRY = 60.0, 0.001\n"
        "class Hangs(Duty):\n"
        "    def __call__(self, now_ns):\n"
        "        while thread._first.runs: time.sleep(0)\n"
        "        os.kill(os.getpid(), signal.SIGINT); stuck.acquire(); return 60.0\n"
        "    def close(self): print('closed')\n"
        "job, other = take_up('hanging', Hangs), take_up('counting', Counts)\n"
        "while not job.duty: time.sleep(0)\n"
        "try: lay_down(job)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
        "stuck.release(); made(other); wait(3); lay_down(job); print('ended')"
    ) == ["interrupted", "closed", "ended", "closed"]


def test_a_duty_is_closed_though_an_interrupt_comes_when_it_is_no_longer_known() -> None:
    assert child(
        "class Interrupts(list):\n"
        "    def remove(self, job): super().remove(job); raise KeyboardInterrupt\n"
        "thread._jobs = Interrupts(); job = take_up('counting', Counts); made(job)\n"
        "try: lay_down(job)\n"
        "except KeyboardInterrupt: print('interrupted')"
    ) == ["closed", "interrupted"]


def test_a_duty_may_lay_itself_down() -> None:
    assert child(
        "class Ends(Duty):\n"
        "    def __call__(self, now_ns): lay_down(job); tell(); return 0.0\n"
        "    def close(self): print('closed'); tell()\n"
        "job = take_up('ending', Ends, 0.05); wait(2)"
    ) == ["closed"]


def test_the_end_of_the_program_waits_for_a_duty_that_has_laid_itself_down() -> None:
    assert child(
        "import atexit, _thread; over = _thread.allocate_lock(); over.acquire()\n"
        "class Ends(Duty):\n"
        "    def __call__(self, now_ns):\n"
        "        lay_down(job); tell(); over.acquire(); return sum(range(10**6))\n"
        "    def close(self): print('closed')\n"
        "job = take_up('ending', Ends, 0.05); wait(); atexit.register(over.release)"
    ) == ["closed"]


@linux
def test_it_imports_nothing_that_must_not_come_first_in_a_thread() -> None:
    assert child(
        "from gctune.monitor.monitor import Monitor\n"
        "class Watch(Monitor):\n"
        "    def __call__(self, now_ns): super().__call__(now_ns); tell(); return 0.001\n"
        "    def close(self): super().close()\n"
        "def make(): return Watch('detailed', 0.001)\n"
        "take_up('watching', make); wait(3)\n"
        "print({'threading', 'logging', 'psutil'} & set(sys.modules))"
    ) == ["set()"]


# As after gevent's patch_all(): what starts runs in the thread of the program.
_GREENLETS = "import _thread; _thread.start_new_thread = lambda run, given: run(*given)\n"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
@pytest.mark.parametrize(
    ("before", "left"), [("", "True"), (_GREENLETS, "False")], ids=["thread", "greenlet"]
)
def test_it_leaves_signals_to_the_program_in_a_thread_of_its_own_alone(
    before: str, left: str
) -> None:
    printed = script(
        f"{before}{_PRELUDE}import signal; from gctune.monitor.loop import Loop\n"
        "def blocked(): return signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "def step(): print(signal.SIGTERM in blocked()); tell()\n"
        "Loop(step).start(); wait()"
    )
    assert printed == left


_MASKED = """
import _thread, signal
from gctune.monitor.loop import Loop
from gctune.runtime.mask import as_the_program
def blocked(): return {*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))}
def block(number): signal.pthread_sigmask(signal.SIG_BLOCK, {number})
block(signal.SIGUSR1)
"""

masks = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")


@masks
@pytest.mark.parametrize("fault", ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"])
def test_a_fault_of_its_own_is_blocked_by_none(fault: str) -> None:
    assert child(
        f"{_MASKED}def step(): print(signal.{fault} in blocked()); tell()\n"
        "Loop(step).start(); wait()"
    ) == ["False"]


@masks
def test_a_crash_in_it_is_told_by_faulthandler() -> None:
    code = "import faulthandler; faulthandler.enable(); Loop(faulthandler._sigsegv).start(); wait()"
    done = python("-c", _PRELUDE + _MASKED + code, status=-signal.SIGSEGV)
    assert "Fatal Python error: Segmentation fault" in done.stderr


@masks
def test_a_child_that_it_forks_blocks_what_the_program_does() -> None:
    assert child(
        f"{_MASKED}import warnings; warnings.simplefilter('ignore')\n"
        "def step():\n"
        "    pid = os.fork()\n"
        "    if pid == 0: os._exit(blocked() != {signal.SIGUSR1})\n"
        "    print(os.waitpid(pid, 0)[1], signal.SIGTERM in blocked()); tell()\n"
        "Loop(step).start(); wait()"
    ) == ["0 True"]


@linux
def test_what_is_the_program_s_blocks_what_its_main_thread_does_by_then() -> None:
    assert child(
        f"{_MASKED}begun = _thread.allocate_lock(); begun.acquire()\n"
        "def step():\n"
        "    tell(); begun.acquire()\n"
        "    print(as_the_program(blocked) == {signal.SIGUSR1, signal.SIGUSR2})\n"
        "    print(signal.SIGTERM in blocked()); tell()\n"
        "Loop(step).start(); wait(); block(signal.SIGUSR2); begun.release(); wait()"
    ) == ["True", "True"]


@masks
def test_without_proc_it_blocks_what_the_program_did_at_first() -> None:
    assert child(
        f"{_MASKED}from gctune.runtime import mask; mask.within = lambda *_: b'/none'\n"
        "def step():\n"
        "    print(as_the_program(blocked) == {signal.SIGUSR1})\n"
        "    print(signal.SIGTERM in blocked()); tell()\n"
        "Loop(step).start(); wait(); Loop(step).start(); wait()"
    ) == ["True", "True", "True", "True"]


# To go before the prelude: of the hooks before a fork the first that was registered is run last.
_COUNTED = """
import os
at_fork = []
os.register_at_fork(before=lambda: at_fork.append(threads()))
"""
_FORK = """
import warnings
def forked(act):
    sys.stdout.flush()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        child = os.fork()
    if child == 0:
        try: act()
        finally: sys.stdout.flush(); os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return [str(warning.message) for warning in warned]
"""

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@forks
@linux
def test_it_does_not_run_while_the_process_forks_and_runs_in_parent_and_child() -> None:
    printed = script(
        _COUNTED + _PRELUDE + _FORK + "def in_child():\n"
        "    global read, write\n"
        "    read, write = os.pipe(); wait(3); print(threads())\n"
        "take_up('counting', Counts); wait(3)\n"
        "forked(in_child); wait(3); print(threads()); print(at_fork)"
    )
    assert printed.splitlines() == ["closed", "2", "2", "[1]", "closed"]


@forks
def test_a_fork_waits_for_an_import_and_not_for_what_is_stuck_after_it() -> None:
    """A child would find the import's locks held by a thread that it lacks."""
    assert child(
        _FORK + "import _thread; lock = _thread.allocate_lock(); lock.acquire()\n"
        "class Slow:\n"
        "    @staticmethod\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'colorsys': tell(); lock.acquire(timeout=1.5)\n"
        "sys.meta_path.insert(0, Slow)\n"
        "class Hangs(Duty):\n"
        "    def __init__(self): import colorsys\n"
        "    def __call__(self, now_ns): lock.acquire(); return 1.0\n"
        "def in_child(): import colorsys; print('imported')\n"
        "take_up('hanging', Hangs); wait(); started = time.monotonic(); forked(in_child)\n"
        "print(time.monotonic() - started < 15); lock.release()"
    ) == ["imported", "True"]


@forks
@pytest.mark.skipif(
    (3, 13) <= sys.version_info < (3, 13, 10) or (3, 14) <= sys.version_info < (3, 14, 1),
    reason="this CPython counts threads only when that of the parent runs again",
)
def test_a_fork_brings_no_warning_of_threads() -> None:
    code = "take_up('counting', Counts); wait(3); print(forked(lambda: None))"
    assert child(_FORK + code) == ["closed", "[]", "closed"]


@forks
def test_a_fork_that_is_interrupted_leaves_nothing_locked() -> None:
    assert child(
        _FORK + "def interrupted(): raise KeyboardInterrupt\n"
        "sys.unraisablehook = lambda told: print(told.exc_type.__name__)\n"
        "take_up('late', Counts, 60.0); thread._first.start = interrupted\n"
        "forked(lambda: None); print(thread._lock._is_owned())"
    ) == ["KeyboardInterrupt", "KeyboardInterrupt", "False"]


@forks
def test_a_child_of_a_stuck_duty_has_its_own() -> None:
    assert child(
        _FORK + "import _thread; stuck = _thread.allocate_lock(); stuck.acquire()\n"
        "class Hangs(Duty):\n"
        "    def __call__(self, now_ns): tell(); stuck.acquire(); return 1.0\n"
        "def in_child(): wait(); print('its own')\n"
        "take_up('hanging', Hangs); wait(); forked(in_child); print('went on')\n"
        "stuck.release()"
    ) == ["its own", "went on"]
