"""One turn of one knob, and what became of it."""

from __future__ import annotations

from gctune.errors import ApplyError, problem
from gctune.record import Record
from gctune.runtime.plan import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.runtime.knob import Knob, Value


class Outcome(Record):
    """What became of one setting.

    `status` is one of `plan.Status`; `value` is what was asked for, or what an
    undo gave back; `before` is what the knob held until then, None where
    nothing was turned; `reason` says why.
    """

    setting: str
    status: str
    value: Value
    before: Value
    reason: str


class Change:
    """One turn of a knob, from `before` to `value`."""

    __slots__ = ("before", "knob", "value")

    def __init__(self, knob: Knob, value: Value, before: Value) -> None:
        self.knob = knob
        self.value = value
        self.before = before

    def problem(self) -> str:
        """What speaks against the value, in the error form; empty if nothing."""
        fault = self.knob.fault(self.value)
        return problem(self.knob.setting, self.value, *fault) if fault else ""

    def make(self) -> None:
        """Write the value and read it back. Raises ApplyError where it did not take."""
        if self.before == self.value:
            return
        try:
            self.knob.write(self.value)
        except (OSError, ValueError, OverflowError) as error:
            raise self._refused(str(error)) from error
        held = self.knob.read()
        if held != self.value:
            raise self._refused(f"it reads back as {held}")

    def roll_back(self) -> Outcome:
        """Restore what was before, whatever the knob holds."""
        held = self.knob.read()
        try:
            status, reason = self.knob.restore(self.before)
        except (OSError, ValueError) as error:
            return Outcome(self.knob.setting, Status.FAILED, held, held, str(error))
        return Outcome(self.knob.setting, status, self.knob.read(), held, reason)

    def take_back(self) -> Outcome:
        """Restore what was before, unless the knob no longer holds the value."""
        held = self.knob.read()
        if held != self.value:
            return self._left_alone(f"something else has set it to {held} since")
        return self._as_is() if self.before == self.value else self.roll_back()

    def hand_to(self, heir: Change) -> Outcome:
        """Leave the way back to a later change of the same knob."""
        if heir.before != self.value:
            return self._left_alone(f"something else had set it to {heir.before} since")
        heir.before = self.before
        return self._left_alone(f"a later plan holds it; undoing that gives back {self.before}")

    def _refused(self, wrong: str) -> ApplyError:
        return ApplyError(
            problem(self.knob.setting, self.value, f"not taken: {wrong}", "leave it out")
        )

    def _as_is(self) -> Outcome:
        return Outcome(self.knob.setting, Status.APPLIED, self.value, self.value, "")

    def _left_alone(self, reason: str) -> Outcome:
        return Outcome(self.knob.setting, Status.LEFT_ALONE, self.knob.read(), None, reason)
