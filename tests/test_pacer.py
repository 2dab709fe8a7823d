"""Adaptive mode in a process: what it does, hands back, leaves alone, and says."""

from __future__ import annotations

import sys

import pytest
from children import script

from gctune.host.interpreter import Collector, this_interpreter

generational = pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL, reason="this collector is not paced"
)
pytestmark = generational

# `look()` has the pacer look once, as the thread would; `grow()` allocates in between.
_PRELUDE = """
import gc, os, time
from gctune.pacing import pacer
from gctune.pacing.pace import Goal
from gctune.pacing.pacer import Pacer
from gctune.runtime import knobs
GOAL, kept = Goal(10_000_000, 0.1), []
def look(): return paced(time.perf_counter_ns())
def grow(times=1):
    for _ in range(times):
        kept.append([[number] for number in range(20_000)])
        look()
class Node:
    def __init__(self): self.me = self
def leak(number):
    for _ in range(number): Node()
def reasons(): return [change.reason for change in paced.changes.last]
paced = Pacer(GOAL)
look()
"""


def child(code: str) -> list[str]:
    return script(_PRELUDE + code).splitlines()


def applied(code: str) -> list[str]:
    """With a plan in force, and the thread at work."""
    return script(
        "import gc, os, time\n"
        "from children import plan\n"
        "from gctune.monitor import thread\nfrom gctune.pacing import pacer\n"
        "from gctune.runtime.applied import apply_plan\n"
        "from gctune.services import services\n"
        "pacer_of, begun = pacer.pacer_of, []\n"
        "def put_in_force():\n"
        "    return apply_plan(plan(gc__mode='adaptive'), services(lambda: None))\n"
        "def wait():\n"
        "    while not [duty for duty in thread.duties() if duty.changes.last]: time.sleep(0.001)\n"
        + code
    ).splitlines()


def test_it_begins_by_freezing_what_there_is_and_hands_all_back() -> None:
    assert child(
        "print(gc.get_freeze_count() > 2000, gc.get_threshold() != before)\n"
        "paced.close(); print(gc.get_freeze_count() < 1000, gc.get_threshold() == before)".replace(
            "before", "pacer._Latest.before"
        )
    ) == ["True True", "True True"]


def test_a_plan_starts_it_and_an_undo_hands_the_thresholds_back() -> None:
    assert applied(
        "before = gc.get_threshold(); done = put_in_force(); wait()\n"
        "print(gc.get_threshold() != before); done.undo(); print(gc.get_threshold() == before)"
    ) == ["True", "True"]


@pytest.mark.parametrize("undone", ["paced, fixed", "fixed, paced"])
@pytest.mark.parametrize("put", ["paced, fixed = pace(), fix()", "fixed, paced = fix(), pace()"])
def test_beside_a_plan_of_fixed_thresholds_the_program_s_own_come_back(
    put: str, undone: str
) -> None:
    assert applied(
        "def pace(): done = put_in_force(); wait(); return done\n"
        "def fix(): return apply_plan(plan(gc__threshold0=5000), services(lambda: None))\n"
        f"before = gc.get_threshold(); {put}\n"
        f"for each in ({undone}): each.undo()\n"
        "print(gc.get_threshold() == before)"
    ) == ["True"]


def test_what_the_program_froze_is_never_thawed() -> None:
    assert script(
        "import gc\nown = [[] for _ in range(5000)]\ngc.freeze(); before = gc.get_freeze_count()\n"
        + _PRELUDE
        + "grow(30); print(before - 500 < gc.get_freeze_count() <= before); paced.close()\n"
        "print(before - 500 < gc.get_freeze_count() <= before)"
    ).splitlines() == ["True", "True"]


def test_what_the_program_freezes_later_is_left_frozen_with_what_was() -> None:
    assert child(
        "kept += [[number] for number in range(20_000)]; look(); count = gc.get_count()\n"
        "assert count[1] or count[2], count\n"
        "gc.freeze(); look(); before = gc.get_freeze_count()\n"
        "grow(30); print(before - 500 < gc.get_freeze_count() <= before)\n"
        "paced.close(); print(before - 500 < gc.get_freeze_count() <= before)"
    ) == ["True", "True"]


def test_a_freeze_is_noticed_though_collections_have_come_since() -> None:
    assert child(
        "for _ in range(3): gc.collect(1)\n"
        "look(); gc.collect(1); gc.freeze(); gc.collect(1); gc.collect(0); look()\n"
        "before = gc.get_freeze_count(); grow(30)\n"
        "print(before - 500 < gc.get_freeze_count() <= before)\n"
        "paced.close(); print(before - 500 < gc.get_freeze_count() <= before)"
    ) == ["True", "True"]


def test_it_stands_aside_once_the_program_sets_thresholds_and_says_so_once() -> None:
    done = script(
        "import sys; sys.stderr = sys.stdout\n"
        + _PRELUDE
        + "gc.set_threshold(1234, 5, 6); look(); look(); grow(5)\n"
        "print(gc.get_threshold(), gc.get_freeze_count() < 1000)\n"
        "paced.close(); print(gc.get_threshold())"
    ).splitlines()
    assert done[1:] == ["(1234, 5, 6) True", "(1234, 5, 6)"]
    assert done[0] == (
        "gctune: gc.mode = 'adaptive': the program sets thresholds itself, so they are left to it"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize("thresholds", ["1234, 5, 6", "1234"])
@pytest.mark.parametrize("seen_by", ["parent", "child"])
def test_what_is_left_to_the_program_is_left_to_its_children_and_told_once(
    seen_by: str, thresholds: str
) -> None:
    done = script(
        "import sys; sys.stderr = sys.stdout\n" + _PRELUDE + f"gc.set_threshold({thresholds})\n"
        f"if {seen_by!r} == 'parent': look()\n"
        "frozen = gc.get_freeze_count()\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else:\n"
        "    paced.close(); old, paced = paced, Pacer(GOAL); look(); grow(5)\n"
        "    print(gc.get_threshold(), gc.get_freeze_count() <= frozen, flush=True); os._exit(0)"
    ).splitlines()
    assert done[1:] == [f"({thresholds if ',' in thresholds else '1234, 10, 10'}) True"]
    assert "are left to it" in done[0]


def test_a_new_plan_paces_what_was_left_to_the_program_under_another() -> None:
    done = script(
        "import sys; sys.stderr = sys.stdout\nfrom children import plan\n"
        + _PRELUDE
        + "def pace(): return pacer.pacer_of(plan(gc__mode='adaptive'))\n"
        "paced.close(); paced = pace(); look(); gc.set_threshold(1234, 5, 6); look()\n"
        "paced.close(); paced = pace(); look(); print(gc.get_threshold() != (1234, 5, 6))\n"
        "paced.close(); print(gc.get_threshold())"
    ).splitlines()
    assert done[1:] == ["True", "(1234, 5, 6)"]


def test_it_does_nothing_while_the_program_has_the_collector_off() -> None:
    assert child(
        "gc.disable(); look(); print(gc.get_freeze_count() < 1000); before = len(reasons())\n"
        "grow(5); print(len(reasons()) == before)\n"
        "gc.enable(); grow(5); print(len(reasons()) > before)"
    ) == ["True", "True", "True"]


def test_a_collector_that_a_threshold0_of_0_keeps_off_is_left_off_until_it_is_on() -> None:
    assert script(
        "import gc\ngc.set_threshold(0)\n"
        + _PRELUDE
        + "grow(5); print(gc.get_threshold(), gc.get_freeze_count() < 1000, reasons())\n"
        "gc.set_threshold(700); grow(5); print(gc.get_threshold()[0] > 700, 'start' in reasons())\n"
        "paced.close(); print(gc.get_threshold())"
    ).splitlines() == ["(0, 10, 10) True []", "True True", "(700, 10, 10)"]


def test_a_threshold0_of_0_for_a_while_has_it_do_nothing_for_that_while() -> None:
    assert child(
        "before, ours = pacer._Latest.before, gc.get_threshold(); gc.set_threshold(0); grow(5)\n"
        "print(gc.get_threshold()[0], gc.get_freeze_count() < 1000)\n"
        "gc.set_threshold(*ours); done = len(reasons()); grow(5); print(len(reasons()) > done)\n"
        "paced.close(); print(gc.get_threshold() == before)"
    ) == ["0 True", "True", "True"]


def test_a_program_that_sets_threshold0_alone_has_its_own_others() -> None:
    done = script(
        "import gc, sys; sys.stderr = sys.stdout\nown = gc.get_threshold()\n"
        + _PRELUDE
        + "gc.set_threshold(1234); look(); print(gc.get_threshold() == (1234, *own[1:]))\n"
        "paced.close(); print(gc.get_threshold() == (1234, *own[1:]))"
    ).splitlines()
    assert done[1:] == ["True", "True"]


def test_what_the_program_wants_collected_is_looked_at_though_it_was_frozen() -> None:
    assert child(
        "import weakref\nnode = Node(); died = weakref.ref(node)\n"
        "knobs.PROMOTION.freeze(); del node\n"
        "gc.collect(); print(died() is None); look(); grow(2); print(died() is None)"
    ) == ["False", "True"]


def test_collections_of_gctune_see_what_was_frozen_and_it_is_frozen_again() -> None:
    assert child(
        "import weakref\nnode = Node(); died = weakref.ref(node)\n"
        "knobs.PROMOTION.freeze(); del node\n"
        "knobs.collect(); print(died() is None, knobs.PROMOTION.frozen)\n"
        "look(); print(reasons()[-1], knobs.PROMOTION.frozen)"
    ) == ["True False", "collected by another True"]


def test_garbage_brings_collections_back() -> None:
    assert child(
        "grow(60); before = sum(each['collected'] for each in gc.get_stats())\n"
        "for _ in range(40): leak(5000); look()\n"
        "print(sum(each['collected'] for each in gc.get_stats()) - before > 100_000)"
    ) == ["True"]


def test_what_is_due_is_left_to_the_threads_of_the_program() -> None:
    """Finalizers run where the program's own collections would have had them run.

    A thread of gctune's starts one by what it makes itself alone, as each thread may.
    """
    assert applied(
        "from _thread import get_ident\n"
        "from collections import deque\n"
        "overdue = set()\n"
        "def note(phase, info):\n"
        "    if phase == 'start' and gc.get_count()[0] > gc.get_threshold()[0] + 20:\n"
        "        overdue.add(get_ident())\n"
        "class Node:\n"
        "    def __init__(self): self.me = self\n"
        "done, alive = put_in_force(), deque(maxlen=20_000); wait()\n"
        "gc.callbacks.append(note)\n"
        "def older(): return sum(each['collections'] for each in gc.get_stats()[1:])\n"
        "begun = older()\n"
        "while not overdue or older() - begun < 8: alive.append(Node())\n"
        "gc.callbacks.remove(note); print(overdue == {get_ident()}); done.undo()"
    ) == ["True"]


def test_big_garbage_is_looked_for_by_the_memory_it_takes() -> None:
    assert child(
        "class Big:\n"
        "    def __init__(self): self.me, self.load = self, bytearray(b'.') * (1 << 20)\n"
        "most = 0\n"
        "from gctune.host.process import rss_bytes\n"
        "begun = rss_bytes()\n"
        "for _ in range(1500):\n"
        "    Big()\n"
        "    look(); [[] for _ in range(100)]; most = max(most, rss_bytes())\n"
        "print(most - begun < 400 << 20)"
    ) == ["True"]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_forked_child_goes_on_from_its_parent_and_thaws_nothing() -> None:
    assert child(
        "grow(10); before = gc.get_freeze_count()\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else:\n"
        "    paced.close(); old, paced = paced, Pacer(GOAL); look()\n"
        "    print(reasons()); grow(30)\n"
        "    print(gc.get_freeze_count() > before / 2, paced._state.last.freezes)\n"
        "    paced.close(); print(gc.get_threshold() == pacer._Latest.before, flush=True)\n"
        "    os._exit(0)\n"
        "paced.close(); print(gc.get_freeze_count() < 1000)"
    ) == ["['fork']", "True False", "True", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_forked_child_has_its_own_thresholds_until_its_own_pacer_goes_on() -> None:
    """That may never come: the collector is off, no thread is to be had, the plan is undone."""
    assert child(
        "paced_to, own = gc.get_threshold(), pacer._Latest.before\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else:\n"
        "    paced.close(); print(gc.get_threshold() == own)\n"
        "    old, paced = paced, Pacer(GOAL); gc.disable(); look()\n"
        "    print(gc.get_threshold() == own, reasons())\n"
        "    gc.enable(); look(); print(reasons(), flush=True); os._exit(0)\n"
        "print(gc.get_threshold() == paced_to != own)"
    ) == ["True", "True []", "['fork']", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_an_undo_in_a_child_that_has_just_begun_hands_its_thresholds_back() -> None:
    assert applied(
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "before = gc.get_threshold(); done = put_in_force(); wait()\n"
        "if pid := os.fork(): os.waitpid(pid, 0)\n"
        "else: done.undo(); print(gc.get_threshold() == before, flush=True); os._exit(0)"
    ) == ["True"]


def test_the_last_changes_are_kept_with_their_reasons() -> None:
    assert child(
        "for _ in range(40): grow(5); leak(20_000); look()\n"
        "print(len(paced.changes.last) <= 64, paced.changes.counts['start'])\n"
        "print(all(change.reason and change.thresholds for change in paced.changes.last))"
    ) == ["True 1", "True"]


def test_metrics_tell_how_often_it_did_what() -> None:
    assert child(
        "from gctune.metrics.catalogue import METRICS\n"
        "from gctune.metrics.publishing import reading\n"
        "rows = METRICS['gctune_pacing_changes_total'].read(reading())\n"
        "print([labels for labels, _ in rows])"
    ) == ["[('start',)]"]
