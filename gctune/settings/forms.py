"""What may stand in a settings file, as JSON Schema says it: each form is what a reader takes.

A pattern says nothing of how large a number with a unit is: that is for the readers.
"""

from __future__ import annotations

from typing import Any

from gctune.runtime.knob import INT_MAX, LEAST_MEMORY
from gctune.settings.quantities import FLAGS, MOST, NUMBER, YEAR

Form = dict[str, Any]

_ABOVE_ZERO = "(?=[0.]*[1-9])"
_UNIT = "(?:[kKmMgGtT][iI]?[bB]|[kKmMgGtT][iI]|[bB])"
_BYTES = rf"(?:{NUMBER} ?{_UNIT}|[0-9]{{1,20}} ?)"
_BYTES_OF_MEMORY = rf"(?:{NUMBER} ?{_UNIT}|[0-9]{{7,20}} ?)"  # a MiB has seven digits
_PERCENT = r"0{0,17}(?:100(?:\.0{1,9})?|[0-9]{1,2}(?:\.[0-9]{1,9})?) ?%"
_FRACTION = r"0{0,19}(?:0\.[0-9]{1,9}|1\.0{1,9})"


def text(pattern: str) -> Form:
    """Text that is of a pattern, from its start to its end."""
    return {"type": "string", "pattern": f"^{pattern}$"}


def whole(least: int) -> tuple[Form, ...]:
    """A whole number, which variables have as text."""
    digits = "0{0,19}[1-9][0-9]{0,9}" if least else "[0-9]{1,20}"
    return {"type": "integer", "minimum": least, "maximum": INT_MAX}, text(digits)


def duration(least: float) -> tuple[Form, ...]:
    """Seconds, or a number with a unit of time."""
    seconds = {"type": "number", "minimum": least, "maximum": YEAR}
    return seconds, text(rf"{_ABOVE_ZERO if least else ''}{NUMBER}(?: ?(?:us|ms|s|m|h|d))?")


def size(most: int = MOST) -> tuple[Form, ...]:
    """Bytes, or a number with their unit."""
    return {"type": "integer", "minimum": 1, "maximum": most}, text(_ABOVE_ZERO + _BYTES)


RATIO: tuple[Form, ...] = (
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    text(f"{_ABOVE_ZERO}(?:{_PERCENT}|{_FRACTION}|0{{0,19}}1)"),
)
SHARE: tuple[Form, ...] = (
    {"type": "integer", "minimum": LEAST_MEMORY, "maximum": MOST},
    RATIO[0],
    text(f"{_ABOVE_ZERO}(?:{_BYTES_OF_MEMORY}|{_PERCENT}|{_FRACTION})"),
)
RATE: tuple[Form, ...] = (
    {"type": "integer", "minimum": 1, "maximum": MOST},
    text(f"{_ABOVE_ZERO}(?:{_BYTES}/[smh]|[0-9]{{1,20}})"),
)
NUMBER_ABOVE_ZERO: tuple[Form, ...] = (
    {"type": "number", "exclusiveMinimum": 0},
    text(_ABOVE_ZERO + NUMBER),
)


def _any_case(word: str) -> str:
    return "".join(f"[{sign}{sign.upper()}]" if sign.isalpha() else sign for sign in word)


FLAG: tuple[Form, ...] = (
    {"type": "boolean"},
    text(f"(?:{'|'.join(map(_any_case, FLAGS))})"),
)
