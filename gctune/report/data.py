"""What is reported, as plain data: dicts, lists and scalars that JSON can carry."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any


def as_data(value: object) -> Any:
    """Turn records, dataclasses and tuples, one within another, into plain data."""
    if is_dataclass(value):
        return {item.name: as_data(getattr(value, item.name)) for item in fields(value)}
    if hasattr(value, "_asdict"):
        return {name: as_data(item) for name, item in value._asdict().items()}
    return [as_data(item) for item in value] if isinstance(value, tuple) else value
