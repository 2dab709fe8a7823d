"""A forked child freezes where the plan says so, owns its lock, and is never half tuned."""

from __future__ import annotations

import os

import pytest
from children import script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# From 3.12 on a fork of a program with threads warns; these programs fork on purpose.
_PRELUDE = """
import gc, os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from children import plan
from gctune.runtime.applied import apply_plan, warmup_done
def forked(act):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, repr(act()).encode()); os._exit(0)
    os.close(write)
    said = os.read(read, 4096).decode(); os.close(read); os.waitpid(child, 0)
    return said
kept = [[] for _ in range(5000)]
ordinary = gc.get_threshold()
"""


def test_a_child_freezes_where_the_plan_says_fork() -> None:
    printed = script(
        _PRELUDE + "apply_plan(plan(gc__freeze='fork'))\n"
        "print(forked(gc.get_freeze_count)); print(gc.get_freeze_count())"
    ).split()
    assert int(printed[0]) > 5000
    assert int(printed[1]) <= 1000


@pytest.mark.parametrize("moment", ["never", "startup"])
def test_a_child_freezes_nothing_otherwise(moment: str) -> None:
    printed = script(
        _PRELUDE + f"apply_plan(plan(gc__freeze={moment!r})); print(forked(gc.get_freeze_count))"
    )
    assert int(printed) <= 1000


def test_each_generation_of_forks_freezes_what_it_has() -> None:
    printed = script(
        _PRELUDE + "apply_plan(plan(gc__freeze='fork'))\n"
        "def child():\n"
        "    global more\n"
        "    more = [[] for _ in range(5000)]\n"
        "    return gc.get_freeze_count(), int(forked(gc.get_freeze_count))\n"
        "print(forked(child))"
    )
    child, grandchild = eval(printed)
    assert grandchild - child >= 5000


def test_a_child_undoes_for_itself_alone() -> None:
    printed = script(
        _PRELUDE
        + "applied = apply_plan(plan(gc__freeze='fork', gc__threshold0=5000, gc__enabled=False))\n"
        "def undo():\n"
        "    applied.undo(); applied.undo()\n"
        "    return gc.get_threshold() == ordinary, gc.isenabled(), gc.get_freeze_count()\n"
        "print(forked(undo), gc.get_threshold()[0], gc.isenabled())"
    )
    assert printed == "(True, True, 0) 5000 False"


def test_a_child_inherits_what_is_in_force() -> None:
    printed = script(
        _PRELUDE + "applied = apply_plan(plan(gc__threshold0=5000, gc__enabled=False))\n"
        "print(forked(lambda: (gc.get_threshold()[0], gc.isenabled(),"
        " apply_plan(applied.plan) is applied)))"
    )
    assert printed == "(5000, False, True)"


def test_forks_amid_a_busy_program_neither_hang_nor_are_half_tuned() -> None:
    printed = script(
        _PRELUDE + "stop = threading.Event()\n"
        "def busy(number):\n"
        "    while not stop.is_set():\n"
        "        applied = apply_plan(plan(gc__threshold0=number, gc__threshold1=number))\n"
        "        warmup_done(); applied.undo()\n"
        "threads = [threading.Thread(target=busy, args=(n,)) for n in (5000, 6000)]\n"
        "for thread in threads: thread.start()\n"
        "sys.setswitchinterval(1e-5)\n"
        "def child():\n"
        "    from gctune.runtime import applied as module\n"
        "    module.reset()\n"
        "    untouched = gc.get_threshold() == ordinary\n"
        "    return untouched and bool(apply_plan(plan(gc__threshold0=7)).outcomes)\n"
        "said = [forked(child) for _ in range(300)]\n"
        "stop.set()\n"
        "for thread in threads: thread.join()\n"
        "print(len(said), set(said))"
    )
    assert printed == "300 {'True'}"


def test_a_fork_that_runs_no_hook_can_be_told() -> None:
    printed = script(
        _PRELUDE + "from gctune.runtime.fork import after_in_child\n"
        "apply_plan(plan(gc__freeze='fork')); after_in_child(); print(gc.get_freeze_count() > 5000)"
    )
    assert printed == "True"


def test_what_fails_in_a_child_does_not_stop_it() -> None:
    printed = script(
        _PRELUDE + "from gctune.runtime.fork import in_child\n"
        "in_child(lambda: 1 / 0); apply_plan(plan(gc__freeze='fork'))\n"
        "print(forked(lambda: gc.get_freeze_count() > 5000))"
    )
    assert printed == "True"
