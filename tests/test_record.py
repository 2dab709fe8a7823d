"""A Record behaves as a named tuple."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from gctune.host.container import Limit
from gctune.settings.document import Document

LIMIT = Limit(4096, "memory.max")


def test_fields_are_given_by_place_or_by_name() -> None:
    assert Limit(4096, source="memory.max") == Limit(source="memory.max", bytes=4096) == LIMIT
    assert (LIMIT.bytes, LIMIT.source) == LIMIT == (4096, "memory.max")


@pytest.mark.parametrize(
    ("values", "named"),
    [((1,), {}), ((1, "a", 2), {}), ((1, "a"), {"bytes": 2}), ((1, "a"), {"more": 2})],
)
def test_anything_but_its_fields_is_refused(values: Any, named: Any) -> None:
    with pytest.raises(TypeError, match="Limit takes bytes, source"):
        Limit(*values, **named)


def test_a_field_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        LIMIT.bytes = 1  # type: ignore[misc]


def test_a_record_prints_as_it_is_made() -> None:
    assert eval(repr(LIMIT)) == LIMIT


def test_a_copy_with_changes_keeps_the_rest() -> None:
    assert LIMIT._replace(bytes=1) == Limit(1, "memory.max")
    assert LIMIT._asdict() == {"bytes": 4096, "source": "memory.max"}
    with pytest.raises(TypeError, match="Limit has no size"):
        LIMIT._replace(bytes=1, size=2)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_record_travels(protocol: int) -> None:
    back = pickle.loads(pickle.dumps(LIMIT, protocol))
    assert (type(back), back) == (Limit, LIMIT)
    assert copy.deepcopy(LIMIT) == LIMIT


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert Document() == Document(name="gctune.toml") == Document("gctune.toml", {})
    assert Document("other.toml", home=("tool",)).home == ("tool",)
