"""Quantities as pydantic fields: how each is read, and its form in the JSON Schema.

And what sections of such fields have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import CoreSchema, core_schema

from gctune.runtime.knob import INT_MAX, LEAST_MEMORY
from gctune.runtime.knobs import NEVER
from gctune.settings.quantities import (
    DURATION,
    MOST,
    NUMBER,
    PERCENT,
    YEAR,
    Duration,
    Ratio,
    Size,
    at_most,
    duration,
    flag,
    limit,
    number,
    rate,
    ratio,
    share,
    size,
    small_size,
    whole,
)


class Reader:
    """Tells pydantic to read a field by a function, and what the JSON Schema says of it.

    It does what PlainValidator and WithJsonSchema do together, at a third of
    the cost: they look at signatures and build a schema that is never used.
    """

    def __init__(self, read: Callable[[object], Any], *forms: Mapping[str, Any]) -> None:
        self._read = read
        self._forms = forms

    def core_schema(self) -> CoreSchema:
        """What pydantic's core reads the field by."""
        return core_schema.no_info_plain_validator_function(self._read)

    def json_schema(self) -> dict[str, Any]:
        """What may stand in the field."""
        return dict(self._forms[0]) if len(self._forms) == 1 else {"anyOf": list(self._forms)}

    def or_never(self) -> Reader:
        """Reads the same, and the word for None that TOML and a variable have not."""
        read = self._read
        return Reader(
            lambda value: None if value == NEVER else read(value), {"const": NEVER}, *self._forms
        )

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return self.core_schema()

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return self.json_schema()


_A_SIZE = (
    {"type": "integer", "minimum": 1, "maximum": MOST},
    {"type": "string", "pattern": rf"^{NUMBER} ?([kKMGT]i?B|[KMGT]i|B)$"},
)
_A_RATIO = (
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "string", "pattern": rf"^{PERCENT}$"},
)
_A_SHARE = (
    {"type": "integer", "minimum": LEAST_MEMORY, "maximum": MOST},
    _A_SIZE[1],
    *_A_RATIO,
)
_A_RATE = (
    {"type": "integer", "minimum": 1, "maximum": MOST},
    {"type": "string", "pattern": rf"^{NUMBER} ?([kKMGT]i?B|[KMGT]i|B)/(s|m|h)$"},
)


def whole_from(least: int, otherwise: str = "") -> Reader:
    """Read a whole number, at least `least`; `otherwise` adds to what to do about a wrong one."""
    schema = {"type": "integer", "minimum": least, "maximum": INT_MAX}
    return Reader(partial(whole, least=least, otherwise=otherwise), schema)


def duration_from(least: float) -> Reader:
    """Read a duration, at least `least` seconds."""
    return Reader(
        partial(duration, least=least),
        {"type": "number", "minimum": least, "maximum": YEAR},
        {"type": "string", "pattern": rf"^{DURATION}$"},
    )


def size_to(most: int) -> Reader:
    """Read a size of at most so many bytes."""
    whole_bytes = {"type": "integer", "minimum": 1, "maximum": most}
    return Reader(lambda value: at_most(most, size(value)), whole_bytes, _A_SIZE[1])


SHARE = Reader(share, *_A_SHARE)
LENGTH = duration_from(0)
RATIO = Reader(ratio, *_A_RATIO)
RATE = Reader(rate, *_A_RATE)
COUNT = Reader(number, {"type": "number", "exclusiveMinimum": 0})

SmallSizeField = Annotated[Size, Reader(small_size, *_A_SIZE)]
ShareField = Annotated[Size | Ratio, SHARE]
LimitField = Annotated[Size | Ratio | Literal["auto"], Reader(limit, {"const": "auto"}, *_A_SHARE)]
DurationField = Annotated[Duration, LENGTH]
RatioField = Annotated[Ratio, RATIO]
FlagField = Annotated[bool, Reader(flag, {"type": "boolean"})]


class Section(BaseModel):
    """A part of the settings: closed, frozen, and made ready when it is first needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
