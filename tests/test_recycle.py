"""A worker is asked to leave when its memory stays high after relief, and never ended."""

from __future__ import annotations

import pytest
from children import script

from gctune.memory.recycle import (
    FRESH,
    State,
    Terms,
    advance,
    relieved,
    should_recycle,
    terms,
    wants_relief,
)

GIB, SECOND = 1 << 30, 1_000_000_000
TERMS = Terms(GIB, 10 * SECOND)


def after(*rss: int, state: State = FRESH) -> State:
    """The state after a reading each second."""
    for second, each in enumerate(rss):
        state = advance(state, second * SECOND, each, TERMS)
    return state


def test_nobody_is_asked_to_leave_where_nothing_is_set() -> None:
    assert not should_recycle()


def test_a_peak_asks_nobody_to_leave() -> None:
    assert not after(*[GIB] * 10, GIB - 1, *[GIB] * 10).due


def test_memory_that_stays_above_does() -> None:
    assert not after(*[GIB] * 10).due
    assert after(*[GIB] * 11).due


def test_once_due_it_stays_due_until_memory_is_well_below() -> None:
    due = after(*[GIB] * 11)
    assert advance(due, 20 * SECOND, int(0.95 * GIB), TERMS).due
    assert not advance(due, 20 * SECOND, int(0.85 * GIB), TERMS).due


def test_relief_comes_first_and_once_a_minute_at_most() -> None:
    assert wants_relief(FRESH, 0, GIB, TERMS)
    assert not wants_relief(FRESH, 0, GIB - 1, TERMS)
    state = relieved(FRESH, 0)
    assert not wants_relief(state, 59 * SECOND, GIB, TERMS)
    assert wants_relief(state, 60 * SECOND, GIB, TERMS)
    assert not wants_relief(advance(FRESH, 0, GIB, TERMS), 1, GIB, TERMS)


def test_workers_leave_one_after_the_other() -> None:
    first, last = terms(GIB, 0.0), terms(GIB, 1.0)
    assert first == TERMS
    assert last.ceiling > first.ceiling
    assert last.hold_ns == 2 * first.hold_ns


_PRELUDE = """
import gctune, os, time
from gctune.memory import recycle
recycle._HOLD_NS = 1
duty = recycle.Recycler({ceiling})
now = time.perf_counter_ns()
"""


@pytest.mark.parametrize(("ceiling", "asked"), [(1 << 20, True), (1 << 40, False)])
def test_a_process_asks_whether_to_leave(ceiling: int, asked: bool) -> None:
    printed = script(
        _PRELUDE.format(ceiling=ceiling) + "recycle.on_recycle(lambda: print('leave'))\n"
        "for second in range(3): duty(now + second * 10**9)\n"
        "print(gctune.should_recycle()); duty.close(); print(gctune.should_recycle())"
    )
    assert printed.split() == [*(["leave", "True"] if asked else ["False"]), "False"]


def test_a_forked_child_is_not_asked_to_leave_for_its_parent() -> None:
    printed = script(
        _PRELUDE.format(ceiling=1 << 20) + "duty(now); duty(now + 10**9)\n"
        "print(gctune.should_recycle(), flush=True)\n"
        "pid = os.fork()\n"
        "if pid == 0: print(gctune.should_recycle(), flush=True); os._exit(0)\n"
        "os.waitpid(pid, 0)"
    )
    assert printed.split() == ["True", "False"]
