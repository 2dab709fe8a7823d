"""The README names every command and every setting, and its lines are the ones that CI runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gctune
from gctune.cli import COMMANDS
from gctune.metrics.catalogue import METRICS
from gctune.metrics.metric import PID, Across
from gctune.settings.schema import schema
from gctune.settings.sources import load

ROOT = Path(__file__).parent.parent
SCHEMA = schema()
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _rows(section: dict[str, Any], above: str = "") -> Iterator[str]:
    """A row of the README's table for each setting: its name and its one help text."""
    for name, form in section["properties"].items():
        path = f"{above}{name}"
        pool = form.get("additionalProperties")
        if pool:
            yield from _rows(_inner(pool), f"{path}.NAME.")
        elif "properties" in _inner(form):
            yield from _rows(_inner(form), f"{path}.")
        else:
            yield f"| `{path}` | {form['description']} |"


def _setting_rows() -> list[str]:
    return [row for row in _rows(SCHEMA) if "`environments." not in row]


def _inner(form: dict[str, Any]) -> dict[str, Any]:
    """What a form refers to, or itself."""
    return SCHEMA["$defs"][form["$ref"].split("/")[-1]] if "$ref" in form else form


def test_the_settings_table_is_the_fields_own_help() -> None:
    table = [line for line in README.splitlines() if re.match(r"\| `[a-z_]+\.", line)]
    assert table == _setting_rows()


def _metric_rows() -> Iterator[str]:
    """A row of the README's other table for each metric."""
    for metric in METRICS.values():
        own = (*metric.labels, PID) if metric.across == Across.EACH else metric.labels
        labels = ", ".join(f"`{label}`" for label in own)
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def test_the_metrics_table_is_the_metrics_own_help() -> None:
    table = [line for line in README.splitlines() if re.match(r"\| `[a-z]+_[a-z_]+` \|", line)]
    assert table == list(_metric_rows())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`gctune {command}" in README


@pytest.mark.parametrize("name", gctune.__all__)
def test_every_public_name_is_in_the_readme(name: str) -> None:
    assert name in README


def test_the_version_is_a_public_name() -> None:
    assert "__version__" in gctune.__all__


def test_every_shipped_profile_is_told_of() -> None:
    told = (ROOT / "profiles" / "README.md").read_text(encoding="utf-8")
    kept = [path.name for path in (ROOT / "profiles").glob("*.profile*")]
    assert len(kept) >= 3
    assert [name for name in kept if name.split("-")[0] not in told] == []


def test_the_readme_has_its_two_lines() -> None:
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert len(lines) == 2
    named = re.search(r"profiles/\S+", lines[0])
    assert named is not None
    assert (ROOT / named[0]).exists()


def test_the_configuration_in_the_readme_loads(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (tmp_path / "gctune.toml").write_text(found[1], encoding="utf-8")
    loaded = load(environ={"ENVIRONMENT": "production"}, directory=tmp_path)
    assert loaded.origins["gc.threshold0"].startswith("gctune.toml")


if __name__ == "__main__":
    print(*_setting_rows(), *_metric_rows(), sep="\n")
