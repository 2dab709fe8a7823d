"""The JSON Schema: shipped as generated, and of one mind with the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from gctune.cli import gctune
from gctune.settings import schema
from gctune.settings.layers import shape
from gctune.settings.model import Settings


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


WRITTEN = [
    "512mib", "512 MiB", "512Mi", "1.5GIB", "500mB", "512M", "5000000", "5000000 ", "5000000B",
    "0MiB", "0%", "0.0%", "50%", "5.5 %", "100%", "100.0%", "101%", "100.1%", "0.5", "1.0", "1.5",
    "1", "0", "30", "10ms", "5 s", "1h", "5 sec", "50MB/s", "50mb/h", "5000000/m", "50M/s",
    "0B/s", "yes", "ON", "False", "maybe", "never", "auto", "lots", "", "-1", "1e9", "nan",
    True, 5_000_000, 0.5, 1.5, -1,
]  # fmt: skip

OUT_OF_RANGE = {  # which no pattern tells of what has a unit
    "mmap": ["512mib", "512 MiB", "512Mi", "1.5GIB", "500mB"],
    "interval": ["10ms"],
}


def _fits(value: object, form: dict[str, Any]) -> bool:
    """Whether JSON Schema takes a value, as far as the forms of settings go."""
    if "anyOf" in form:
        return any(_fits(value, each) for each in form["anyOf"])
    if "const" in form:
        return bool(value == form["const"])
    if form["type"] in ("integer", "number"):
        numbers = int if form["type"] == "integer" else (int, float)
        return (
            isinstance(value, numbers)
            and not isinstance(value, bool)
            and form.get("minimum", value) <= value <= form.get("maximum", value)
            and form.get("exclusiveMinimum", -10) < value
        )
    if form["type"] == "boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and re.search(form["pattern"], value) is not None


def _is_read(section: str, field: str, value: object) -> bool:
    *above, inner = section.split(".")
    tree: dict[str, Any] = {inner: {field: value}}
    try:
        Settings.model_validate({above[0]: tree} if above else tree)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ("gc", "threshold0"), ("gc", "threshold1"), ("gc", "enabled"), ("gc", "pause_target"),
        ("memory", "limit"), ("memory", "recycle"), ("memory", "trim"), ("memory", "mmap"),
        ("monitor", "interval"), ("alerts.heap", "threshold"), ("alerts.gc_pause", "threshold"),
        ("alerts.leak", "threshold"), ("alerts.gc_frequency", "threshold"),
        ("alerts.near_limit", "threshold"), ("alerts.near_limit", "clear"),
    ],
)  # fmt: skip
def test_it_takes_what_is_read_and_nothing_else(section: str, field: str) -> None:
    made = _schema()["$defs"]
    forms = {name.lower(): form for name, form in made.items()}
    forms |= {f"alerts.{name}": form for name, form in made["Alerts"]["properties"].items()}
    form = forms[section]["properties"][field]
    values = [value for value in WRITTEN if value not in OUT_OF_RANGE.get(field, ())]
    taken = [value for value in values if _fits(value, form)]
    assert taken == [value for value in values if _is_read(section, field, value)]


def test_a_generated_file_starts_with_the_schema_line() -> None:
    assert schema.HEADER.startswith(f"#:schema ./{schema.FILE}\n")
    assert all(line.startswith("#") for line in schema.HEADER.splitlines())
