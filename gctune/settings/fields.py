"""Quantities as pydantic fields: how each is read, and its form in the JSON Schema.

And what sections of such fields have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import CoreSchema, core_schema

from gctune.runtime.knob import INT_MAX
from gctune.runtime.knobs import NEVER
from gctune.settings import forms
from gctune.settings.quantities import (
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

    def __init__(self, read: Callable[[object], Any], *taken: Mapping[str, Any]) -> None:
        self._read = read
        self._forms = taken

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


def whole_from(least: int, otherwise: str = "") -> Reader:
    """Read a whole number, at least `least`; `otherwise` adds to what to do about a wrong one."""
    return Reader(partial(whole, least=least, otherwise=otherwise), *forms.whole(least))


def duration_from(least: float) -> Reader:
    """Read a duration, at least `least` seconds."""
    return Reader(partial(duration, least=least), *forms.duration(least))


def size_to(most: int) -> Reader:
    """Read a size of at most so many bytes."""
    return Reader(lambda value: at_most(most, size(value)), *forms.size(most))


SHARE = Reader(share, *forms.SHARE)
LENGTH = duration_from(0)
RATIO = Reader(ratio, *forms.RATIO)
RATE = Reader(rate, *forms.RATE)
COUNT = Reader(number, *forms.NUMBER_ABOVE_ZERO)

SmallSizeField = Annotated[Size, Reader(small_size, *forms.size(INT_MAX))]
ShareField = Annotated[Size | Ratio, SHARE]
LimitField = Annotated[
    Size | Ratio | Literal["auto"], Reader(limit, {"const": "auto"}, *forms.SHARE)
]
DurationField = Annotated[Duration, LENGTH]
RatioField = Annotated[Ratio, RATIO]
FlagField = Annotated[bool, Reader(flag, *forms.FLAG)]


class Section(BaseModel):
    """A part of the settings: closed, frozen, and made ready when it is first needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
