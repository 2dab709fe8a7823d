"""Settings with their origins, the plan they lead to, and what is in force now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gctune.report.diagnosis import held
from gctune.report.layout import rows, section, word
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import Plan, Status, Step
from gctune.settings.layers import dotted, leaves
from gctune.settings.quantities import Ratio, Size, about, plain
from gctune.settings.sources import Loaded

_TITLES = {
    Status.APPLIED: "the plan on this host: applied",
    Status.UNSUPPORTED: "unsupported here",
    Status.LEFT_ALONE: "left alone",
}


def as_data(loaded: Loaded, plan: Plan) -> dict[str, Any]:
    """The same as `render` shows, as dicts, lists and scalars that JSON can carry."""
    settings = {
        name: {"value": plain(value), "origin": loaded.origins[name]}
        for name, value in _named(loaded)
    }
    return {
        "environment": loaded.environment,
        "notes": list(loaded.notes),
        "settings": settings,
        "plan": {
            "interpreter": plan.interpreter,
            "steps": [step._asdict() for step in plan.steps],
            "warnings": list(plan.warnings),
        },
        "in_force": {name: held(knob.read()) for name, knob in KNOBS.items()},
    }


def render(loaded: Loaded, plan: Plan) -> RenderableType:
    """Lay settings, plan and what is in force out in sections."""
    in_force = ((name, word(held(knob.read()))) for name, knob in KNOBS.items())
    return Group(
        *section(
            f"settings of {loaded.environment}",
            rows("setting", "value", "origin", of=_settings(loaded)),
        ),
        *_plan(loaded, plan),
        *section("in force now, in this interpreter", rows("setting", "value", of=in_force)),
        *_notes(plan, loaded),
    )


def _settings(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    for name, value in _named(loaded):
        yield name, word(value if isinstance(value, bool) else _short(value)), loaded.origins[name]


def _short(value: Any) -> str | None:
    return None if value is None else str(value)


def _named(loaded: Loaded) -> Iterator[tuple[str, Any]]:
    for path, value in leaves(loaded.settings):
        yield dotted(path), value


def _plan(loaded: Loaded, plan: Plan) -> Iterator[RenderableType]:
    wishes = dict(_named(loaded))
    for status, title in _TITLES.items():
        steps = [step for step in plan.steps if step.status == status]
        lines = [(step.setting, _exact(step, wishes[step.setting]), step.reason) for step in steps]
        if lines:
            yield from section(title, rows("setting", "value", "because", of=lines))


def _exact(step: Step, wish: Any) -> str:
    """The step's value; bytes as a person says them."""
    in_bytes = isinstance(wish, Size | Ratio) or wish == "auto"
    return about(step.value) if in_bytes and isinstance(step.value, int) else word(step.value)


def _notes(plan: Plan, loaded: Loaded) -> Iterator[RenderableType]:
    for title, lines in (("warnings", plan.warnings), ("notes", loaded.notes)):
        if lines:
            yield from section(title, Group(*map(Text, lines)))
