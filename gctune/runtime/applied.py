"""A plan put in force as one transaction, and the way back.

The plans in force form a stack. One that is undone while later ones are above
it hands what it found to the next that turned the same knob, so that whatever
the order, the last undo leaves what was there before the first.
"""

from __future__ import annotations

from _thread import RLock, get_ident  # threading costs a bare interpreter 4 ms

from gctune.errors import ApplyError
from gctune.host.interpreter import this_interpreter
from gctune.runtime import fork, knobs
from gctune.runtime.change import Change, Outcome
from gctune.runtime.fit import fit
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import Plan, Status, Step, is_own
from gctune.runtime.services import Services, Succession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gctune.host.interpreter import Interpreter
    from gctune.runtime.knob import Knob, Value
    from gctune.runtime.services import Service


class Applied:
    """A plan in force: what became of each of its settings, and the way back.

    `plan` is what was asked for; `outcomes` holds one Outcome for each of its
    steps. As a context manager it is undone at the end of the block, unless
    the plan was in force before it.
    """

    def __init__(
        self,
        plan: Plan,
        outcomes: Iterable[Outcome],
        services: Services,
        secrets: Mapping[str, str],
    ) -> None:
        self.plan = plan
        self.outcomes = tuple(outcomes)
        self._services = services
        self._secrets = secrets
        self._changes = [
            Change(KNOBS[outcome.setting], outcome.value, outcome.before)
            for outcome in self.outcomes
            if outcome.status == Status.APPLIED and outcome.setting in KNOBS
        ]
        self._undone: tuple[Outcome, ...] | None = None
        self._given = 1  # how many have asked for the plan, and not come to the end of a block

    def undo(self) -> tuple[Outcome, ...]:
        """Stop what it has running, give back what was there before, and say what became of it.

        That is before the plan, however many have asked for it since. A knob
        that something else has turned since is left alone. Undoing twice
        changes nothing more; a forked child undoes for itself alone.
        """
        with _state.lock:
            if self._undone is None:
                self._undone = _take_back(self)
            return self._undone

    def __repr__(self) -> str:
        """Its environment, and how many settings came to what."""
        became = [outcome.status for outcome in self.outcomes]
        counts = [f"{became.count(status)} {status}" for status in dict.fromkeys(sorted(became))]
        said = [self.plan.environment, *counts, "undone" if self._undone is not None else ""]
        return f"<Applied: {', '.join(filter(None, said))}>"

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, *_: object) -> None:
        with _state.lock:
            self._given -= 1
            if self._given <= 0:
                self.undo()


class _State:
    """What this process has in force.

    `moving` is the plan that is being applied or undone, with the thread that
    does it; `warm` is the plan for which `warmup_done` has done its work.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.stack: list[Applied] = []
        self.moving: tuple[Applied, int] | None = None
        self.warm: Applied | None = None


_state = _State()


def apply_plan(
    plan: Plan, services: Iterable[Service] = (), secrets: Mapping[str, str] = {}
) -> Applied:
    """Put `plan` in force, all of it or nothing: its knobs, then those services that it asks for.

    `secrets` are what its services go by though it does not tell it, by
    variable. The plan that is in force already, with the same secrets, gives
    the same Applied again. What the program has set for itself is left alone,
    unless somebody named the setting. Raises ApplyError, the interpreter being
    as it was, where a value cannot be written or a service cannot start.
    """
    with _state.lock:
        last = last_applied()
        if last and (last.plan, last._secrets) == (plan, secrets):
            last._given += 1
            return last
        interpreter = this_interpreter()
        fitted = fit(plan, interpreter)
        offered = Services(services, fitted)
        handed_back = _hand_back(_turned_by(fitted))
        try:
            outcomes = _foresee(fitted, interpreter, offered)
            applied = Applied(plan, outcomes, offered, secrets)
            _put_in_force(applied)
        except BaseException:
            if handed_back:
                resume_services()
            raise
        return applied


def in_force() -> Plan | None:
    """Return the plan that was applied last and not undone since, if there is one."""
    applied = last_applied()
    return applied.plan if applied else None


def last_applied() -> Applied | None:
    """Return what `in_force` does, with what became of it."""
    stack = tuple(_state.stack)  # one step, so that a finaliser can ask without the lock
    return stack[-1] if stack else None


def secrets_in_force() -> Mapping[str, str]:
    """Return the secrets with which that plan was applied."""
    applied = last_applied()
    return applied._secrets if applied else {}


def pause_services() -> None:
    """Stop what the plan in force has running, in a process that is there to fork others."""
    with _state.lock:
        if _state.stack:
            _state.stack[-1]._services.stop()


def resume_services() -> None:
    """Have it run again, or in a forked child; does nothing while it runs."""
    with _state.lock:
        if _state.stack:
            _state.stack[-1]._services.resume()


def leave_alone(plan: Plan, reason: str) -> Applied:
    """Put nothing of `plan` in force, and give `reason` for each of its settings."""
    outcomes = [
        Outcome(step.setting, Status.LEFT_ALONE, step.value, None, reason) for step in plan.steps
    ]
    return Applied(plan, outcomes, Services((), plan), {})


def warmup_done() -> None:
    """Say that the program has warmed up: what it holds now, it will keep.

    Collects, freezes what is left where the plan in force says `startup`, and
    gives free memory back to the system where the C library can. Does nothing
    the second time, nor where no plan is in force.
    """
    with _state.lock:
        if not _state.stack or _state.warm is _state.stack[-1]:
            return
        knobs.collect()
        if knobs.FREEZE.read() == knobs.STARTUP:
            knobs.FREEZE.freeze()
        knobs.release_free_memory()
        _state.warm = _state.stack[-1]


def reset() -> None:
    """Undo every plan in force, the latest first."""
    with _state.lock:
        for applied in reversed(tuple(_state.stack)):
            applied.undo()


def _turned_by(plan: Plan) -> list[str]:
    """The settings whose knobs a plan turns; a function of its own, as loops with an `if` must be.

    CPython 3.13 and 3.14 leave their backward jump out of the exception table:
    what the handler of a signal raises there skips every `with` and `finally`
    of the frame, and so would keep the lock for ever. A call is in the table.
    """
    return [step.setting for step in plan.steps if step.status == Status.APPLIED]


def _hand_back(settings: Iterable[str]) -> bool:
    """Stop what the last plan has running if it turns their knobs by itself; whether it does.

    What such a knob holds meanwhile is nobody's setting, and no way back.
    """
    last = _state.stack[-1]._services if _state.stack else None
    if last is None or not last.turn(settings):
        return False
    try:
        last.stop()
    except BaseException:
        last.resume()
        raise
    return True


def _foresee(plan: Plan, interpreter: Interpreter, services: Services) -> Iterator[Outcome]:
    """Say what will become of each step, with what its knob holds now."""
    for step in plan.steps:
        if step.status == Status.APPLIED and not services.act_on(step.setting):
            yield _foresee_turn(step, interpreter)
        else:
            yield Outcome(step.setting, step.status, step.value, None, step.reason)


def _foresee_turn(step: Step, interpreter: Interpreter) -> Outcome:
    knob = KNOBS.get(step.setting)
    objection = knob.objection(interpreter) if knob else "this version of gctune cannot set it"
    if knob is None or objection:
        return Outcome(step.setting, Status.UNSUPPORTED, step.value, None, objection)
    before = knob.read()
    if not is_own(step.origin) and before not in _expected(knob, interpreter):
        reason = f"the program has set it to {before}, and no settings name it"
        return Outcome(step.setting, Status.LEFT_ALONE, step.value, None, reason)
    return Outcome(step.setting, Status.APPLIED, step.value, before, step.reason)


def _expected(knob: Knob, interpreter: Interpreter) -> tuple[Value, ...]:
    """What the knob holds if nobody but gctune has turned it."""
    ours = [change.value for change in _turns(knob, _state.stack)]
    return (knob.default(interpreter), *ours[-1:])


def _turns(knob: Knob, stack: list[Applied]) -> Iterator[Change]:
    return (change for applied in stack for change in applied._changes if change.knob is knob)


def _put_in_force(applied: Applied) -> None:
    problems = [change.problem() for change in applied._changes]
    if any(problems):
        raise ApplyError("\n".join(filter(None, problems)))
    _state.moving = applied, get_ident()
    try:
        last = _state.stack[-1]._services if _state.stack else None
        _make([*applied._changes, Succession(last, applied._services), _Place(applied)])
    finally:
        _state.moving = None


class _Place:
    """A plan's place on the stack, as the last step of a transaction."""

    def __init__(self, applied: Applied) -> None:
        self._applied = applied

    def make(self) -> None:
        """Put the plan in force."""
        _state.stack.append(self._applied)

    def roll_back(self) -> None:
        """Have it in force no more."""
        if self._applied in _state.stack:
            _state.stack.remove(self._applied)


def _make(changes: list[Change | Succession | _Place]) -> None:
    """Make every change, or none: a failure takes back what was made."""
    made: list[Change | Succession | _Place] = []
    try:
        for change in changes:
            made.append(change)
            change.make()
    except BaseException:
        for change in reversed(made):
            change.roll_back()
        raise


def _take_back(applied: Applied) -> tuple[Outcome, ...]:
    _state.moving = applied, get_ident()
    try:
        applied._services.stop()
        _hand_back(change.knob.setting for change in applied._changes)
        later = _later_than(applied)
        outcomes = [_take_back_one(change, later) for change in reversed(applied._changes)]
        if applied in _state.stack:
            _state.stack.remove(applied)
        if _state.stack:
            _state.stack[-1]._services.resume()
    finally:
        _state.moving = None
    return tuple(reversed(outcomes))


def _later_than(applied: Applied) -> list[Applied]:
    stack = _state.stack
    return stack[stack.index(applied) + 1 :] if applied in stack else []


def _take_back_one(change: Change, later: list[Applied]) -> Outcome:
    heir = next(_turns(change.knob, later), None)
    return change.hand_to(heir) if heir else change.take_back()


def _in_child() -> None:
    """Take a lock of the child's own; finish what another thread was at when it forked.

    That thread is not here to do it. A plan that it had applied or undone by
    half is undone.
    """
    _state.lock = RLock()
    if _state.moving is not None and _state.moving[1] != get_ident():
        _state.moving[0].undo()


fork.in_child(_in_child)
