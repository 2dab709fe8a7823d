"""A plan: exact values for one host and interpreter, each with its reason.

A plan travels from the process that resolved it to the one it tunes, as one
line of text in `GCTUNE_PLAN`. The tuned process must not pay for reading it,
hence records (dataclasses cost a bare interpreter 15 ms and 3 MiB) and fields
between tabs (json costs 6 ms and 1 MiB, its C scanner alone 0.25 MiB).
"""

from __future__ import annotations

from gctune.errors import ApplyError
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Value = int | float | bool | str | None

_FORMAT = "gctune plan 2"
_END = "."  # a plan that was cut lacks it
_A_STEP = 6  # fields

_READ: dict[str, Callable[[str], Value]] = {
    "bool": {"True": True, "False": False}.__getitem__,
    "int": int,
    "float": float,
    "str": str,
    "NoneType": {"None": None}.__getitem__,
}


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

    def to_text(self) -> str:
        """One line of text that `from_text` reads back."""
        fields = [_FORMAT, self.environment, self.interpreter, str(len(self.steps))]
        for setting, value, *rest in self.steps:
            fields += (setting, type(value).__name__, str(value), *rest)
        escaped = (
            field.encode("unicode_escape").decode() for field in (*fields, *self.warnings, _END)
        )
        return "\t".join(escaped)

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Read what `to_text` wrote. Raises ApplyError on anything else."""
        try:
            return cls._of(*map(_unescaped, text.split("\t")))
        except (ValueError, TypeError, LookupError, Warning) as error:
            raise ApplyError(f"not a plan of this gctune: {error}") from error

    @classmethod
    def _of(cls, form: str, environment: str, interpreter: str, count: str, *rest: str) -> Plan:
        *fields, end = rest
        if form != _FORMAT or end != _END:
            raise ValueError(f"it has to begin with {_FORMAT!r}, and end with {_END!r}")
        warnings_from = int(count) * _A_STEP
        steps = [_step(*fields[at : at + _A_STEP]) for at in range(0, warnings_from, _A_STEP)]
        return cls(environment, interpreter, tuple(steps), tuple(fields[warnings_from:]))


# What a command of gctune hands down to the program that it starts, in the order of its start.
HANDED_DOWN = ("GCTUNE_PLAN", "GCTUNE_CAPTURE", "GCTUNE_HEAP")


def handed_down(environ: Mapping[str, str]) -> Plan | None:
    """The plan in GCTUNE_PLAN; None where there is none, or none that can be read."""
    try:
        return Plan.from_text(environ["GCTUNE_PLAN"])
    except (KeyError, ApplyError):  # the bootstrap has warned of it
        return None


def _step(setting: str, kind: str, value: str, status: str, reason: str, origin: str) -> Step:
    return Step(setting, _READ[kind](value), status, reason, origin)


def _unescaped(field: str) -> str:
    if "\\" not in field:  # hardly any has one, and the codec costs 64 KiB
        return field
    from _codecs import unicode_escape_decode

    return unicode_escape_decode(field)[0]
