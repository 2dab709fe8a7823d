"""How every report is laid out: titled sections of rows, for 80 columns or more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gctune.host.files import printable


def section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    """A title, and what is below it."""
    yield Text(title, style="bold")
    yield Padding(body, (0, 0, 1, 2), expand=False)


def line(text: str, style: str = "") -> Text:
    """A line of text of whatever origin: what of it cannot be printed is escaped."""
    return Text(printable(text), style=style)


def dim_table(gap: int = 2) -> Table:
    """A table without lines, whose titles are dim and whose columns are so far apart."""
    return Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")


def rows(*columns: str, of: Iterable[Iterable[str]]) -> Table:
    """A table whose first column is never cut and whose last takes what room is left."""
    table = dim_table()
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    for row in of:
        table.add_row(*map(line, row))
    return table


def word(value: int | float | bool | str | None, unknown: str = "-") -> str:
    """A value as a report shows it."""
    if value is None:
        return unknown
    return str(value).lower() if isinstance(value, bool) else str(value)
