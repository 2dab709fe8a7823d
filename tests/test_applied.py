"""A plan is put in force as a whole or not at all, and there is always a way back."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from collections.abc import Iterator

import pytest
from children import plan, script

from gctune.errors import ApplyError
from gctune.host.interpreter import this_interpreter
from gctune.runtime.applied import Applied, apply_plan, leave_alone, reset, warmup_done
from gctune.runtime.change import Change
from gctune.runtime.knob import Knob
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import Plan, Status

ORDINARY = gc.get_threshold()


@pytest.fixture(autouse=True)
def _nothing_stays_in_force() -> Iterator[None]:
    yield
    reset()
    gc.set_threshold(*ORDINARY)
    gc.enable()


def status(applied: Applied) -> dict[str, str]:
    return {outcome.setting: outcome.status for outcome in applied.outcomes}


def test_every_step_has_its_outcome() -> None:
    applied = apply_plan(plan(gc__threshold0=5000, gc__freeze="fork", gc__enabled=False))
    assert status(applied) == dict.fromkeys(
        ["gc.threshold0", "gc.freeze", "gc.enabled"], Status.APPLIED
    )
    assert (gc.get_threshold()[0], gc.isenabled()) == (5000, False)
    assert [outcome.before for outcome in applied.outcomes] == [ORDINARY[0], "never", True]


def test_a_step_that_the_plan_leaves_alone_is_said_so() -> None:
    (outcome,) = apply_plan(plan(gc__threshold0=5000, status=Status.LEFT_ALONE)).outcomes
    assert (outcome.status, outcome.reason) == (Status.LEFT_ALONE, "for the test")
    assert gc.get_threshold() == ORDINARY


def test_a_setting_without_a_knob_is_unsupported() -> None:
    (outcome,) = apply_plan(plan(gc__turbo=1)).outcomes
    assert outcome.status == Status.UNSUPPORTED
    assert outcome.reason


def test_it_shows_its_environment_and_what_came_of_how_many() -> None:
    applied = apply_plan(plan(gc__threshold0=5000, gc__enabled=False, gc__turbo=1))
    environment = applied.plan.environment
    assert repr(applied) == f"<Applied: {environment}, 2 applied, 1 unsupported>"
    applied.undo()
    assert repr(applied) == f"<Applied: {environment}, 2 applied, 1 unsupported, undone>"


def test_undo_gives_back_and_says_what() -> None:
    applied = apply_plan(plan(gc__threshold0=5000, gc__enabled=False))
    undone = applied.undo()
    assert [(o.setting, o.value, o.before) for o in undone] == [
        ("gc.threshold0", ORDINARY[0], 5000),
        ("gc.enabled", True, False),
    ]
    assert (gc.get_threshold(), gc.isenabled()) == (ORDINARY, True)


def test_undo_twice_changes_nothing_more() -> None:
    applied = apply_plan(plan(gc__threshold0=5000))
    first = applied.undo()
    gc.set_threshold(5000)
    assert applied.undo() == first
    assert gc.get_threshold()[0] == 5000


def test_a_block_undoes_at_its_end_even_by_an_exception() -> None:
    def fail() -> None:
        with apply_plan(plan(gc__threshold0=5000)):
            assert gc.get_threshold()[0] == 5000
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.get_threshold() == ORDINARY


def test_the_same_plan_again_is_the_same_applied() -> None:
    applied = apply_plan(plan(gc__threshold0=5000))
    travelled = Plan.from_text(plan(gc__threshold0=5000).to_text())
    assert apply_plan(travelled) is applied


def test_a_block_leaves_in_force_what_was_before_it() -> None:
    with apply_plan(plan(gc__threshold0=5000)):
        with apply_plan(plan(gc__threshold0=5000)):
            pass
        assert gc.get_threshold()[0] == 5000
    assert gc.get_threshold() == ORDINARY


def test_an_undo_takes_back_what_blocks_hold() -> None:
    with apply_plan(plan(gc__threshold0=5000)) as outer, apply_plan(outer.plan) as inner:
        inner.undo()
        assert gc.get_threshold() == ORDINARY
    assert gc.get_threshold() == ORDINARY


def test_a_plan_that_was_undone_can_be_applied_again() -> None:
    first = apply_plan(plan(gc__threshold0=5000))
    first.undo()
    assert apply_plan(plan(gc__threshold0=5000)) is not first
    assert gc.get_threshold()[0] == 5000


def test_every_bad_value_is_named_and_nothing_is_written() -> None:
    with pytest.raises(ApplyError) as raised:
        apply_plan(plan(gc__enabled=False, gc__threshold0=-1, gc__threshold1=2**31))
    lines = str(raised.value).splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["gc.threshold0", "gc.threshold1"]
    assert (gc.get_threshold(), gc.isenabled()) == (ORDINARY, True)


class Stubborn(Knob):
    """Fails, or keeps what it holds, when it is written."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__("test.stubborn")
        self._error = error

    def objection(self, interpreter: object) -> str:
        return ""

    def default(self, interpreter: object) -> int:
        return 1

    def fault(self, value: object) -> None:
        return None

    def read(self) -> int:
        return 1

    def write(self, value: object) -> None:
        if self._error is not None and value != 1:
            raise self._error


@pytest.mark.parametrize("error", [None, OSError("no"), OverflowError("too big")])
def test_a_write_that_fails_rolls_all_back(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KNOBS, "test.stubborn", Stubborn(error))  # type: ignore[arg-type]
    with pytest.raises(ApplyError, match=r"test\.stubborn = 2: "):
        apply_plan(plan(gc__threshold0=5000, gc__enabled=False, test__stubborn=2))
    assert (gc.get_threshold(), gc.isenabled()) == (ORDINARY, True)


def test_an_interrupted_apply_rolls_all_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOBS, "test.stubborn", Stubborn(KeyboardInterrupt()))  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        apply_plan(plan(gc__threshold0=5000, test__stubborn=2))
    assert gc.get_threshold() == ORDINARY


@pytest.mark.parametrize("origin", ["default", "preset production"])
def test_what_the_program_set_goes_before_a_preset(origin: str) -> None:
    gc.set_threshold(1234)
    (outcome,) = apply_plan(plan(origin=origin, gc__threshold0=5000)).outcomes
    assert outcome.status == Status.LEFT_ALONE
    assert "1234" in outcome.reason
    assert gc.get_threshold()[0] == 1234


@pytest.mark.parametrize("origin", ["argument", "variable GCTUNE_GC__THRESHOLD0", "gctune.toml"])
def test_a_setting_that_somebody_named_goes_before_what_the_program_set(origin: str) -> None:
    gc.set_threshold(1234)
    apply_plan(plan(origin=origin, gc__threshold0=5000)).undo()
    assert gc.get_threshold()[0] == 1234


def test_what_gctune_set_itself_does_not_bar_a_preset() -> None:
    apply_plan(plan(gc__threshold0=5000))
    apply_plan(plan(origin="preset production", gc__threshold0=6000))
    assert gc.get_threshold()[0] == 6000


def test_undo_leaves_alone_what_the_program_set_since() -> None:
    applied = apply_plan(plan(gc__threshold0=5000, gc__enabled=False))
    gc.set_threshold(1234)
    threshold, enabled = applied.undo()
    assert (threshold.status, enabled.status) == (Status.LEFT_ALONE, Status.APPLIED)
    assert "1234" in threshold.reason
    assert (gc.get_threshold()[0], gc.isenabled()) == (1234, True)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_nested_plans_are_undone_in_any_order(order: tuple[int, ...]) -> None:
    nested = [
        apply_plan(plan(gc__threshold0=5000, gc__enabled=False)),
        apply_plan(plan(gc__threshold0=6000, gc__threshold1=20)),
        apply_plan(plan(gc__threshold0=5000, gc__freeze="fork")),
    ]
    for place in order[:-1]:
        nested[place].undo()
    assert gc.get_threshold()[0] == (6000 if order[-1] == 1 else 5000)
    nested[order[-1]].undo()
    assert (gc.get_threshold(), gc.isenabled()) == (ORDINARY, True)


def test_a_plan_undone_below_another_does_not_claim_what_the_program_set_between() -> None:
    lower = apply_plan(plan(gc__threshold0=5000))
    gc.set_threshold(1234)
    upper = apply_plan(plan(gc__threshold0=6000))
    assert lower.undo()[0].status == Status.LEFT_ALONE
    upper.undo()
    assert gc.get_threshold()[0] == 1234


def test_another_version_with_the_same_collector_takes_the_thresholds_alone() -> None:
    here = this_interpreter()
    tag = f"{here.implementation}-9.9.9-{here.collector}"
    applied = apply_plan(plan(interpreter=tag, gc__threshold0=5000, gc__enabled=False))
    assert status(applied) == {
        "gc.threshold0": Status.APPLIED,
        "gc.enabled": Status.LEFT_ALONE,
    }
    assert tag in applied.outcomes[1].reason


@pytest.mark.parametrize("tag", ["pypy-3.10.1-unknown", "cpython-3.14.2-incremental", ""])
def test_another_collector_takes_nothing(tag: str) -> None:
    applied = apply_plan(plan(interpreter=tag or "x", gc__threshold0=5000))
    assert status(applied) == {"gc.threshold0": Status.LEFT_ALONE}
    assert gc.get_threshold() == ORDINARY


def test_left_alone_is_nothing_in_force() -> None:
    applied = leave_alone(plan(gc__threshold0=5000), "because")
    assert [(o.status, o.reason) for o in applied.outcomes] == [(Status.LEFT_ALONE, "because")]
    assert applied.undo() == ()
    assert gc.get_threshold() == ORDINARY


def test_an_undo_that_fails_says_so() -> None:
    knob = Stubborn(None)
    change = Change(knob, 1, 2)
    knob._error = OSError("no way back")
    outcome = change.take_back()
    assert (outcome.status, outcome.reason) == (Status.FAILED, "no way back")


def test_threads_that_apply_and_undo_leave_nothing_behind() -> None:
    def work(threshold: int) -> None:
        for _ in range(100):
            apply_plan(plan(gc__threshold0=threshold, gc__threshold1=threshold)).undo()

    threads = [threading.Thread(target=work, args=(5000 + number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.get_threshold() == ORDINARY


# PyErr_SetInterruptEx alone has a handler run at the interpreter's next look, and not before.
_INTERRUPTED = """
import ctypes, functools, signal
from children import plan
from gctune.runtime.applied import _state, apply_plan, in_force
from gctune.runtime.plan import Status
class Interrupts:
    __len__ = staticmethod(functools.partial(ctypes.pythonapi.PyErr_SetInterruptEx, signal.SIGINT))
class Left(str):
    __hash__ = str.__hash__
    def __eq__(self, other): return Interrupts()
try: apply_plan(plan(gc__threshold0=5000, gc__enabled=False, status=Left(Status.LEFT_ALONE)))
except KeyboardInterrupt: print("interrupted")
print(_state.lock._is_owned(), in_force())
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="no such function there")
def test_an_interrupt_between_two_steps_leaves_nothing_locked() -> None:
    assert script(_INTERRUPTED).splitlines() == ["interrupted", "False None"]


def test_an_interrupt_at_the_last_step_leaves_nothing_in_force() -> None:
    printed = script(
        "import gc\n"
        "from children import plan\n"
        "from gctune.runtime.applied import _state, apply_plan, in_force\n"
        "class Interrupts(list):\n"
        "    def append(self, applied): super().append(applied); raise KeyboardInterrupt\n"
        "_state.stack, before = Interrupts(), gc.get_threshold()\n"
        "try: apply_plan(plan(gc__threshold0=5000))\n"
        "except KeyboardInterrupt: print(in_force(), gc.get_threshold() == before)"
    )
    assert printed == "None True"


def test_warmup_without_a_plan_does_nothing() -> None:
    collections = gc.get_stats()[2]["collections"]
    warmup_done()
    assert gc.get_stats()[2]["collections"] == collections


_WARM = """
import gc
from children import plan
from gctune.runtime.applied import apply_plan, warmup_done
applied = apply_plan(plan(gc__freeze="startup"))
kept = [[] for _ in range(5000)]
cycle = []; cycle.append(cycle); del cycle
print(gc.get_freeze_count() < 1001)
warmup_done()
frozen = gc.get_freeze_count()
print(frozen > 5000)
more = [[] for _ in range(5000)]
warmup_done()
print(gc.get_freeze_count() == frozen)
applied.undo()
print(gc.get_freeze_count())
apply_plan(plan(gc__freeze="startup")); warmup_done()
print(gc.get_freeze_count() > 10000)
"""


def test_warmup_freezes_once_and_undo_thaws() -> None:
    assert script(_WARM).split() == ["True", "True", "True", "0", "True"]


def test_warmup_collects_before_it_freezes() -> None:
    printed = script(
        "import weakref\n"
        "from children import plan\n"
        "from gctune.runtime.applied import apply_plan, warmup_done\n"
        "class Node: pass\n"
        "apply_plan(plan(gc__freeze='startup', gc__enabled=False))\n"
        "node = Node(); node.itself = node; seen = weakref.ref(node); del node\n"
        "warmup_done(); print(seen())"
    )
    assert printed == "None"


def test_a_plan_without_startup_freezes_nothing() -> None:
    printed = script(
        "import gc\n"
        "from children import plan\n"
        "from gctune.runtime.applied import apply_plan, warmup_done\n"
        "apply_plan(plan(gc__freeze='fork')); warmup_done(); print(gc.get_freeze_count() < 1001)"
    )
    assert printed == "True"
