"""A diagnosis as text for a person."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gctune.host.container import Container
from gctune.host.files import shown
from gctune.report.diagnosis import Diagnosis, KnobFacts
from gctune.report.layout import dim_table, section, word
from gctune.settings.quantities import about

Row = tuple[str, str]


def render(diagnosis: Diagnosis) -> RenderableType:
    """Lay a diagnosis out in sections, for 80 columns or more."""
    host = diagnosis.host
    return Group(
        *section("interpreter", _rows(_interpreter(diagnosis))),
        *section("knobs", _knobs(diagnosis.knobs)),
        *section("container", _rows(_container(host.container))),
        *section("host and process", _rows(_machine(diagnosis))),
        *section("allocator", _rows(_allocator(diagnosis))),
        *section("variables", _rows(_variables(diagnosis))),
        *section("warnings", _warnings(diagnosis.warnings)),
    )


def _rows(rows: Iterable[Row]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, style="cyan"), Text(value))
    return table


def _interpreter(diagnosis: Diagnosis) -> Iterator[Row]:
    interpreter = diagnosis.host.interpreter
    yield "version", f"{interpreter.implementation} {'.'.join(map(str, interpreter.version))}"
    yield "collector", interpreter.collector
    yield "frozen", f"{diagnosis.process.frozen} objects"
    yield "subinterpreters", "not supported: what gctune depends on refuses to be imported there"


def _knobs(knobs: Iterable[KnobFacts]) -> Table:
    table = dim_table()
    table.add_column("setting", no_wrap=True, style="cyan")
    table.add_column("default", justify="right", no_wrap=True)
    table.add_column("present", justify="right", no_wrap=True)
    table.add_column("meaning here")
    for knob in knobs:
        meaning = Text(knob.meaning)
        if knob.objection:
            meaning = Text(f"nothing: {knob.objection}", style="yellow")
        table.add_row(knob.setting, word(knob.default, "?"), word(knob.present, "?"), meaning)
    return table


def _container(container: Container) -> Iterator[Row]:
    limit, pressure = container.limit, container.pressure
    yield "cgroups", container.version
    yield "memory limit", f"{about(limit.bytes)} ({limit.source})" if limit else "none known"
    yield "working set", _bytes(container.working_set_bytes)
    if pressure:
        yield (
            "pressure",
            f"some tasks waited for memory {pressure.some:.1%} of the last 10 s,"
            f" all of them {pressure.full:.1%} ({pressure.source})",
        )
    for note in container.notes:
        yield "note", note


def _machine(diagnosis: Diagnosis) -> Iterator[Row]:
    host, process = diagnosis.host, diagnosis.process
    yield "host memory", _bytes(host.memory_bytes)
    yield "processors", f"{host.cpus} that this process may use"
    yield "rss", f"{about(process.rss_bytes)}, at most {about(process.peak_rss_bytes)} so far"
    yield "threads", str(process.threads)


def _bytes(size: int | None) -> str:
    return "unknown" if size is None else about(size)


def _allocator(diagnosis: Diagnosis) -> Iterator[Row]:
    allocator = diagnosis.allocator
    yield "Python objects", allocator.python
    yield "all else", allocator.malloc or "unknown"
    yield "malloc_trim", _available(allocator.trim)
    yield "mallopt", _available(allocator.mallopt)


def _available(available: bool) -> str:
    return "available" if available else "not available"


def _variables(diagnosis: Diagnosis) -> Iterator[Row]:
    for variable in diagnosis.variables:
        yield shown(os.fsencode(variable.name)), f"{_short(variable.value)}: {variable.bearing}"
    if not diagnosis.variables:
        yield "none", "no variable of this environment bears on tuning"


def _short(value: str, most: int = 100) -> str:
    text = ascii(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _warnings(warnings: Iterable[str]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for warning in warnings:
        table.add_row(Text("!", style="bold yellow"), Text(warning))
    if not table.row_count:
        table.add_row("none")
    return table
