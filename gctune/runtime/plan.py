"""A plan: exact values for one host and interpreter, each with its reason.

A plan travels from the process that resolved it to the one it tunes, as one
line of JSON in `GCTUNE_PLAN`. The tuned process must not pay for reading it,
hence records (dataclasses cost a bare interpreter 15 ms and 3 MiB) and
`_read_json` (json costs 6 ms and 1 MiB).
"""

from __future__ import annotations

from gctune.errors import ApplyError
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1


class Status:
    """What became of one setting, or is expected to."""

    APPLIED = "applied"
    LEFT_ALONE = "left alone"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


def is_own(origin: str) -> bool:
    """Whether somebody named the setting, rather than a preset or nobody."""
    return origin != "default" and not origin.startswith("preset ")


class Step(Record):
    """One setting's exact value for this host, and what is expected to become of it.

    `setting` is the dotted name ("gc.threshold0"). `status` is APPLIED where
    the value will be put in force, else LEFT_ALONE or UNSUPPORTED; `reason`
    says why. `origin` says where the wish came from, in the user's words.
    """

    setting: str
    value: int | float | bool | str | None
    status: str
    reason: str
    origin: str


class Plan(Record):
    """Every setting as it will be on this host.

    `interpreter` is the `Interpreter.tag` that it was resolved for.
    """

    environment: str
    interpreter: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    def value(self, setting: str) -> int | float | bool | str | None:
        """The value to put in force for `setting`; None where it is to be left alone."""
        for step in self.steps:
            if step.setting == setting and step.status == Status.APPLIED:
                return step.value
        return None

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back."""
        import json

        return json.dumps([FORMAT, *self], separators=(",", ":"))

    def _checked(self) -> Plan:
        texts = [self.environment, self.interpreter, *self.warnings]
        for step in self.steps:
            texts += (step.setting, step.status, step.reason, step.origin)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("something else where text belongs")
        return self

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote. Raises ApplyError on anything else."""
        try:
            form, environment, interpreter, steps, warnings = _read_json(text)
            if form != FORMAT:
                raise ValueError(f"format {form!r}, this gctune reads {FORMAT}")
            plan = cls(
                environment, interpreter, tuple(Step(*step) for step in steps), tuple(warnings)
            )
            return plan._checked()
        except (ValueError, TypeError, StopIteration, RecursionError) as error:
            raise ApplyError(f"not a plan of this gctune: {error}") from error


class _Strict:
    """What the C scanner asks of a JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None  # from 3.15 on
    parse_float = float
    parse_int = int
    parse_constant = None


def _read_json(text: str) -> Any:
    try:
        from _json import make_scanner

        scan = make_scanner(_Strict)  # type: ignore[arg-type]
    except (ImportError, AttributeError):  # no C accelerator, or one that asks for more
        import json

        return json.loads(text)
    value, end = scan(text, 0)
    if end != len(text):
        raise ValueError("text after the plan")
    return value
