"""A heap profile for the terminal: its top functions, one function's lines, who calls whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gctune.host.files import printable
from gctune.profile.file import opened
from gctune.profile.ranking import Weight, by_function, by_line, neighbours, total_bytes
from gctune.profile.sites import Frame, Function, Heap
from gctune.report.layout import dim_table
from gctune.settings.quantities import about

_MOST_SOURCE_BYTES = 16 * 2**20
_CONTEXT = 2  # lines of source around those that weigh anything


def matching(heap: Heap, pattern: re.Pattern[str]) -> list[Weight[Function]]:
    """The functions whose name a pattern is found in, the largest flat first."""
    return [weight for weight in by_function(heap) if pattern.search(weight.key.name)]


def render_top(heap: Heap, rows: int) -> RenderableType:
    """Lay out the functions that allocated most themselves."""
    weights, total = by_function(heap), total_bytes(heap)
    table = _table("flat", "flat%", "sum%", "cum", "cum%", "blocks")
    table.add_column("function")
    running = 0
    for weight in weights[:rows]:
        running += weight.flat_bytes
        table.add_row(
            *_amount(weight.flat_bytes, total),
            _share(running, total),
            *_amount(weight.cumulative_bytes, total),
            str(weight.blocks),
            _function(weight.key),
        )
    return Group(_summary(heap, total, min(rows, len(weights)), len(weights)), table)


def render_peek(heap: Heap, weights: Iterable[Weight[Function]]) -> RenderableType:
    """Lay out functions, each between its callers and its callees."""
    total, near_all = total_bytes(heap), neighbours(heap)
    table = _table("flat", "flat%", "cum", "cum%")
    table.add_column("callers, function, callees")
    for weight in weights:
        near = near_all[weight.key]
        for caller, size in near.callers:
            table.add_row("", "", *_amount(size, weight.cumulative_bytes), _indented(caller))
        flat, cumulative = weight.flat_bytes, weight.cumulative_bytes
        table.add_row(*_amount(flat, total), *_amount(cumulative, total), _function(weight.key))
        for callee, size in near.callees:
            table.add_row("", "", *_amount(size, weight.cumulative_bytes), _indented(callee))
        table.add_section()
    return table


def render_list(heap: Heap, weights: Iterable[Weight[Function]]) -> RenderableType:
    """Lay out the source of functions, line by line, with what each line weighs."""
    total, lines = total_bytes(heap), by_line(heap)
    return Group(*(_listing(weight, lines[weight.key], total) for weight in weights))


def _listing(
    weight: Weight[Function], lines: Mapping[int, Weight[Frame]], total: int
) -> RenderableType:
    source = _source(weight.key.file)
    table = _table("flat", "cum", "line")
    table.add_column(Text("source" if source else "source cannot be read"))
    for number in _shown_lines(weight.key, lines, len(source)):
        text = source[number - 1] if 0 < number <= len(source) else ""
        table.add_row(*_line(lines.get(number)), str(number), Text(text))
    share = _share(weight.cumulative_bytes, total)
    sizes = f"flat {about(weight.flat_bytes)}, cum {about(weight.cumulative_bytes)} ({share})"
    return Group(Text.assemble(_function(weight.key), f": {sizes}"), table, Text())


def _shown_lines(function: Function, lines: Iterable[int], length: int) -> Iterable[int]:
    """The lines to show: from where the function begins, or just those that weigh anything."""
    numbers = sorted(lines)
    if not length:
        return numbers
    first = function.line or numbers[0] - _CONTEXT
    return range(max(1, min(first, numbers[0])), min(length, numbers[-1] + _CONTEXT) + 1)


def _line(weight: Weight[Frame] | None) -> tuple[str, str]:
    if weight is None:
        return ".", "."
    return about(weight.flat_bytes) if weight.flat_bytes else ".", about(weight.cumulative_bytes)


def _source(file: str) -> list[str]:
    """The lines of a source, fit to be printed; none where it cannot be read."""
    try:
        with opened(Path(file)) as stream:
            content = stream.read(_MOST_SOURCE_BYTES)
    except (OSError, ValueError):
        return []
    return list(map(printable, content.decode("utf-8", "replace").expandtabs().split("\n")))


def _table(*numbers: str) -> Table:
    table = dim_table()
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _summary(heap: Heap, total: int, rows: int, functions: int) -> Text:
    size, blocks = sum(site.bytes for site in heap.sites), sum(site.blocks for site in heap.sites)
    of = "" if abs(size) == total else f", shares of the {about(total)} that grew or shrank"
    return Text(f"{about(size)} in {blocks} blocks{of}; {rows} of {functions} functions\n")


def _amount(size: int, total: int) -> tuple[str, str]:
    return about(size), _share(size, total)


def _share(size: int, total: int) -> str:
    return f"{size / total:.1%}" if total else "-"


def _function(function: Function) -> Text:
    place = f"{function.file}:{function.line}" if function.line else function.file
    return Text.assemble((printable(function.name), "cyan"), f" {printable(place)}")


def _indented(function: Function) -> Text:
    return Text.assemble("  ", _function(function))
