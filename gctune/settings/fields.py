"""Quantities as pydantic fields: how each is read, and its form in the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic_core import CoreSchema, core_schema

from gctune.settings.quantities import (
    C_INT,
    DURATION,
    MOST,
    NUMBER,
    PERCENT,
    YEAR,
    Duration,
    Rate,
    Ratio,
    Size,
    duration,
    flag,
    limit,
    number,
    rate,
    ratio,
    size_or_ratio,
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
        self._json_schema = dict(forms[0]) if len(forms) == 1 else {"anyOf": list(forms)}

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return dict(self._json_schema)


_A_SIZE = (
    {"type": "integer", "minimum": 1, "maximum": MOST},
    {"type": "string", "pattern": rf"^{NUMBER} ?([kKMGT]i?B|[KMGT]i|B)$"},
)
_A_RATIO = (
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    {"type": "string", "pattern": rf"^{PERCENT}$"},
)
_A_RATE = (
    {"type": "integer", "minimum": 1, "maximum": MOST},
    {"type": "string", "pattern": rf"^{NUMBER} ?([kKMGT]i?B|[KMGT]i|B)/(s|m|h)$"},
)


def whole_from(least: int, otherwise: str = "") -> Reader:
    """Read a whole number, at least `least`; `otherwise` adds to what to do about a wrong one."""
    schema = {"type": "integer", "minimum": least, "maximum": C_INT}
    return Reader(partial(whole, least=least, otherwise=otherwise), schema)


def duration_from(least: float) -> Reader:
    """Read a duration, at least `least` seconds."""
    return Reader(
        partial(duration, least=least),
        {"type": "number", "minimum": least, "maximum": YEAR},
        {"type": "string", "pattern": rf"^{DURATION}$"},
    )


SmallSizeField = Annotated[Size, Reader(small_size, *_A_SIZE)]
ShareField = Annotated[Size | Ratio, Reader(size_or_ratio, *_A_SIZE, *_A_RATIO)]
LimitField = Annotated[
    Size | Ratio | Literal["auto"], Reader(limit, {"const": "auto"}, *_A_SIZE, *_A_RATIO)
]
DurationField = Annotated[Duration, duration_from(0)]
RatioField = Annotated[Ratio, Reader(ratio, *_A_RATIO)]
RateField = Annotated[Rate, Reader(rate, *_A_RATE)]
NumberField = Annotated[float, Reader(number, {"type": "number", "exclusiveMinimum": 0})]
FlagField = Annotated[bool, Reader(flag, {"type": "boolean"})]
