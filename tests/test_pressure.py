"""What the program releases itself: asked in threads of their own, and none of it does harm."""

from __future__ import annotations

import signal

import pytest
from children import script

from gctune.errors import ConfigError
from gctune.memory.pressure import on_pressure

_PRELUDE = """
import gctune, os, sys, threading, time
from gctune.memory import pressure
warned = []
def ask(*blocked):
    pressure.ask(warned.append)
    for each in pressure._callbacks:  # however busy the machine is
        if each not in blocked: each.wait(time.monotonic() + 60)
"""


def child(code: str) -> list[str]:
    return script(_PRELUDE + code).splitlines()


def test_the_decorator_returns_what_it_decorates() -> None:
    assert child(
        "@gctune.on_pressure\n"
        "def drop(): print('dropped', threading.get_ident() != threading.main_thread().ident)\n"
        "drop(); ask()"
    ) == ["dropped False", "dropped True"]


@pytest.mark.parametrize("callback", [None, 7, "drop"])
def test_what_cannot_be_called_is_refused(callback: object) -> None:
    with pytest.raises(ConfigError, match=r"on_pressure = .*: cannot be called; give"):
        on_pressure(callback)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "error", ["ValueError('no')", "SystemExit", "KeyboardInterrupt", "MemoryError"]
)
def test_one_that_raises_is_told_of_once_and_holds_up_no_other(error: str) -> None:
    assert child(
        f"def fails(): raise {error}\n"
        "done = []\n"
        "gctune.on_pressure(fails); gctune.on_pressure(lambda: done.append(1))\n"
        "ask(); ask(); ask()\n"
        f"print(len(done), len(warned), {error.split('(', maxsplit=1)[0]!r} in warned[0])"
    ) == ["3 1 True"]


def test_one_that_blocks_is_waited_for_a_moment_and_not_called_again() -> None:
    assert child(
        "calls, block, done = [], threading.Event(), []\n"
        "gctune.on_pressure(lambda: (calls.append(1), block.wait()))\n"
        "gctune.on_pressure(lambda: done.append(1))\n"
        "blocked = pressure._callbacks[0]\n"
        "ask(blocked); ask(blocked); ask(blocked)\n"
        "print(len(calls), len(done), len(warned), 'has not come back' in warned[0])\n"
        "block.set()\n"
        "while len(calls) < 2: ask()\n"
        "print('called again')"
    ) == ["1 3 1 True", "called again"]


def test_one_that_is_the_first_to_import_threading_does_not_become_the_main_thread() -> None:
    printed = script(
        "import _thread, gctune, time; from gctune.memory import pressure\n"
        "@gctune.on_pressure\n"
        "def drop(): import threading; print('dropped')\n"
        "pressure.ask(print); pressure._callbacks[0].wait(time.monotonic() + 60)\n"
        "import threading; print(threading.main_thread().ident == _thread.get_ident())"
    )
    assert printed.split() == ["dropped", "True"]


def test_one_that_allocates_without_end_ends_by_its_own_error() -> None:
    assert child(
        "import resource\n"
        "def allocates(): bytearray(1 << 50)\n"
        "gctune.on_pressure(allocates)\n"
        "ask(); print('MemoryError' in warned[0])"
    ) == ["True"]


def test_a_child_that_was_forked_in_the_middle_of_one_calls_it_anew() -> None:
    assert child(
        "block, asked = threading.Event(), threading.Event()\n"
        "def blocks(): asked.set(); block.wait()\n"
        "gctune.on_pressure(blocks); ask(pressure._callbacks[0]); asked.wait()\n"
        "import warnings; warnings.simplefilter('ignore')\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    block.set(); asked.clear(); ask(); os._exit(0 if asked.is_set() else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); block.set()"
    ) == ["0"]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_what_one_starts_can_be_terminated() -> None:
    """Though gctune's threads, from which one begins, leave signals to the program."""
    assert child(
        "import _thread, signal, subprocess; from gctune.monitor.loop import Loop\n"
        "told = _thread.allocate_lock(); told.acquire()\n"
        "code = 'import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))'\n"
        "@gctune.on_pressure\n"
        "def start(): subprocess.run([sys.executable, '-c', code]); told.release()\n"
        "Loop(lambda: pressure.ask(print)).start(); told.acquire()"
    ) == ["set()"]


@pytest.mark.parametrize("error", ["RuntimeError", "MemoryError"])
def test_no_thread_to_be_had_is_no_harm(error: str) -> None:
    assert child(
        "gctune.on_pressure(lambda: print('called'))\n"
        f"def none(*_): raise {error}\n"
        "real, pressure.start_new_thread = pressure.start_new_thread, none\n"
        "ask(); pressure.start_new_thread = real; ask()"
    ) == ["called"]
