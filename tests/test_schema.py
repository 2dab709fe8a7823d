"""The JSON Schema: shipped as generated, and of one mind with the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gctune.cli import gctune
from gctune.settings import schema
from gctune.settings.layers import shape


def _schema() -> dict[str, Any]:
    return schema.schema()


def test_the_shipped_schema_is_the_generated_one() -> None:
    shipped = Path(schema.__file__).with_name("schema.json").read_text(encoding="utf-8")
    assert shipped == schema.text()


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(gctune, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == _schema()


def test_it_knows_every_section_and_the_environments() -> None:
    made = _schema()
    assert set(made["properties"]) == {*shape(), "environments"}
    environment = made["properties"]["environments"]["additionalProperties"]
    assert set(environment["properties"]) == {*shape(), "extends"}
    assert made["additionalProperties"] is False


def test_every_setting_is_described() -> None:
    made = _schema()
    sections = {**made["$defs"], **made["$defs"]["Alerts"]["properties"]}
    bare = [
        f"{name}.{field}"
        for name, section in sections.items()
        for field, form in section["properties"].items()
        if "description" not in form and "$ref" not in form
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("section", "field", "good", "bad"),
    [
        ("memory", "limit", ["2GiB", "512Mi", "500MB", "80%", "1.5GiB"], ["512M", "lots", "1e9"]),
        ("monitor", "interval", ["10ms", "5s", "2m"], ["5 sec", "s"]),
        ("allocation_rate", "threshold", ["50MB/s", "1MiB/h"], ["50MB", "50M/s"]),
    ],
)
def test_its_patterns_take_what_is_read(
    section: str, field: str, good: list[str], bad: list[str]
) -> None:
    made = _schema()
    sections = {name.lower(): form for name, form in made["$defs"].items()}
    sections |= sections["alerts"]["properties"]
    forms = sections[section]["properties"][field]["anyOf"]
    patterns = [form["pattern"] for form in forms if "pattern" in form]
    assert all(any(re.search(pattern, text) for pattern in patterns) for text in good)
    assert not any(re.search(pattern, text) for pattern in patterns for text in bad)


def test_a_generated_file_starts_with_the_schema_line() -> None:
    assert schema.HEADER.startswith(f"#:schema ./{schema.FILE}\n")
    assert all(line.startswith("#") for line in schema.HEADER.splitlines())
