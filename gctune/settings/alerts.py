"""The alerts of the settings: one model for all, and a table of what is each one's own.

A model each would cost a program that calls gctune.apply() a fiftieth of its
start. Annotations are evaluated here as they are written: see `model`.
"""

from typing import Annotated, Any

from pydantic import Field
from pydantic_core import CoreSchema, core_schema

from gctune.defaults import ALERT_CLEAR
from gctune.settings.fields import (
    COUNT,
    LENGTH,
    RATE,
    RATIO,
    SHARE,
    DurationField,
    RatioField,
    Reader,
    Section,
)
from gctune.settings.quantities import Duration, Rate, Ratio, Size, plain

_HOLD = "how long it must last before the alert is raised"
_CLEAR = "the share of the threshold below which the alert is over"


class Alert(Section):
    """When an alert is raised, and when it is over."""

    threshold: Any = Field(None, description="what it is raised above, or 'never'")
    hold: DurationField = Field(Duration(0), description=_HOLD)
    clear: RatioField = Field(Ratio(ALERT_CLEAR), description=_CLEAR)


class _Kind:
    """One alert: what it tells, what its threshold is, and what counts when nobody says.

    Tells pydantic how it is read, and what the JSON Schema says of it.
    """

    def __init__(
        self, tells: str, reader: Reader, above: str, threshold: Any = None, *, hold: float
    ) -> None:
        self.default = Alert.model_construct(threshold=threshold, hold=Duration(hold))
        unset = ", as where it is unset" if threshold is None else ""
        self._tells = tells
        self._fields = {
            "threshold": (reader.or_never(), f"{above}, or 'never'{unset}"),
            "hold": (LENGTH, _HOLD),
            "clear": (RATIO, _CLEAR),
        }

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        fields = {
            name: self._core_schema(name, reader) for name, (reader, _) in self._fields.items()
        }
        return core_schema.model_schema(
            Alert, core_schema.model_fields_schema(fields, extra_behavior="forbid")
        )

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return {
            "type": "object",
            "description": self._tells,
            "properties": {
                name: {**self._json_schema(name, reader), "description": description}
                for name, (reader, description) in self._fields.items()
            },
            "additionalProperties": False,
        }

    def _core_schema(self, name: str, reader: Reader) -> core_schema.ModelField:
        read = reader.core_schema()
        unset = core_schema.nullable_schema(read) if name == "threshold" else read
        default = getattr(self.default, name)
        return core_schema.model_field(core_schema.with_default_schema(unset, default=default))

    def _json_schema(self, name: str, reader: Reader) -> dict[str, Any]:
        default = plain(getattr(self.default, name))
        return reader.json_schema() | ({} if default is None else {"default": default})


_HEAP = _Kind(
    "Too much memory.",
    SHARE,
    "the rss above which it is raised",
    Size(500_000_000),
    hold=30,
)
_PAUSE = _Kind(
    "A collection stops the program for too long.",
    LENGTH,
    "the pause above which it is raised",
    Duration(0.1),
    hold=0,
)
_ALLOCATION = _Kind(
    "Memory is allocated too fast.",
    RATE,
    "the allocation rate above which it is raised",
    Rate(50_000_000),
    hold=30,
)
_GROWTH = _Kind(
    "Memory grows too fast.",
    RATE,
    "the growth of the rss above which it is raised",
    hold=300,
)
_FREQUENCY = _Kind(
    "Collections come too often.",
    COUNT,
    "the collections a second above which it is raised",
    hold=60,
)
_LEAK = _Kind(
    "What is left after full collections climbs without end.",
    RATE,
    "the climb above which it is raised, such as '1MiB/h'",
    hold=3600,
)
_LIMIT = _Kind(
    "The memory limit is near.",
    RATIO,
    "the share of the memory limit in use above which it is raised",
    Ratio(0.9),
    hold=10,
)
_THRASHING = _Kind(
    "The program does little but collect, or there is no keeping to its memory limit.",
    RATIO,
    "the share of CPU time in collections, all of it where memory.limit cannot be kept,"
    " above which it is raised",
    Ratio(0.5),
    hold=30,
)


class Alerts(Section):
    """What somebody should hear of."""

    heap: Annotated[Alert, _HEAP] = _HEAP.default
    gc_pause: Annotated[Alert, _PAUSE] = _PAUSE.default
    allocation_rate: Annotated[Alert, _ALLOCATION] = _ALLOCATION.default
    growth_rate: Annotated[Alert, _GROWTH] = _GROWTH.default
    gc_frequency: Annotated[Alert, _FREQUENCY] = _FREQUENCY.default
    leak: Annotated[Alert, _LEAK] = _LEAK.default
    near_limit: Annotated[Alert, _LIMIT] = _LIMIT.default
    thrashing: Annotated[Alert, _THRASHING] = _THRASHING.default
