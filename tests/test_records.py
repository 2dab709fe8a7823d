"""A record comes back as it went, and nothing else comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from profile_samples import batch, closing, header, reading, records

from gctune.profile.records import Batch, Record, from_plain, to_plain


@pytest.mark.parametrize("record", records(), ids=lambda record: type(record).__name__)
def test_a_record_survives_json(record: Record) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(record)))) == record


def test_a_batch_gives_its_collections() -> None:
    collections = list(batch(3).collections())
    assert [collection.start_ns for collection in collections] == [2_000, 3_000, 4_000]
    assert collections[0].wall_ns == 100
    assert collections[0].cpu_ns == 80
    assert len(batch(3)) == 3
    assert batch(3).by_generation() == (3, 0, 0)


def test_an_empty_batch_is_one() -> None:
    assert from_plain(to_plain(Batch(b""))) == Batch(b"")


WRONG: list[tuple[Record, str, Any]] = [
    (header(), "pid", -1),
    (header(), "pid", True),
    (header(), "pid", 2**63),
    (header(), "pid", "7"),
    (header(), "pid", 7.0),
    (header(), "version", [3, 13]),
    (header(), "version", [3, 13, 0, 0]),
    (header(), "version", 3),
    (header(), "thresholds", [2**63, 1, 1]),
    (header(), "command", "python"),
    (header(), "command", [1]),
    (header(), "enabled", 1),
    (header(), "started", float("inf")),
    (header(), "started", "now"),
    (header(), "collector", None),
    (header(), "collector", "x" * 1_000_000),
    (reading(), "collections", None),
    (closing(), "last", {}),
    (closing(), "last", []),
    (closing(), "last", None),
    (closing(), "missed", [1, 2, -1]),
    (batch(1), "packed", "AAAA"),
    (batch(1), "packed", "é"),
    (batch(1), "packed", 3),
]


@pytest.mark.parametrize(("record", "name", "value"), WRONG)
def test_a_value_of_another_type_or_out_of_range_is_refused(
    record: Record, name: str, value: object
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which one is told nowhere
        from_plain({**to_plain(record), name: value})


def test_a_field_too_many_or_too_few_is_refused() -> None:
    plain = to_plain(reading())
    with pytest.raises(ValueError, match="fields"):
        from_plain({**plain, "colour": 1})
    del plain["threads"]
    with pytest.raises(ValueError, match="fields"):
        from_plain(plain)


@pytest.mark.parametrize("plain", [None, 1, [], {}, {"kind": "thing"}, {"kind": []}])
def test_what_is_no_record_is_refused(plain: object) -> None:
    with pytest.raises(ValueError, match=r"record|object"):
        from_plain(plain)


@pytest.mark.parametrize("byte", [19, 27, 43, 51, 59, 60, 68, 76])
def test_a_collection_out_of_range_is_refused(byte: int) -> None:
    packed = bytearray(batch(1).packed)
    packed[byte] = 0xFF  # the highest byte of a number
    with pytest.raises(ValueError, match="collections"):
        from_plain(to_plain(Batch(bytes(packed))))


def test_thresholds_may_be_negative_as_cpythons_may() -> None:
    plain = json.loads(json.dumps({**to_plain(reading()), "thresholds": [-1, 10, 10]}))
    assert from_plain(plain).thresholds == (-1, 10, 10)  # type: ignore[union-attr]
