"""What trying settings came to, as text for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gctune.recommender.bootstrap import Interval
from gctune.report.layout import dim_table, line, section
from gctune.settings.quantities import about
from gctune.verifier.verdict import Figure, Finding, Verdict

_STYLES = {
    Verdict.KEEP: "bold green",
    Verdict.REVERT: "bold red",
    Verdict.UNDECIDED: "bold yellow",
}
_HOW = (
    "CPU is compared by the collector's share of each run's other CPU time, which a"
    " busy machine disturbs least"
)
_RANGES = "; the ranges hold the truth 95 times in 100"


def render(finding: Finding, columns: tuple[str, str]) -> RenderableType:
    """Lay a finding out, for 80 columns or more; `columns` name the two sides."""
    style = _STYLES[finding.verdict]
    return Group(
        line(f"{finding.verdict}: {finding.reason}", style),
        Text(),
        *_measured(finding, columns),
    )


def _measured(finding: Finding, columns: tuple[str, str]) -> Iterator[RenderableType]:
    if finding.figures:
        how = _HOW + (_RANGES if any(map(_has_range, finding.figures)) else "")
        body = Group(_table(finding.figures, columns), Text(), Text(how, style="dim"))
        yield from section(f"measured: {finding.measured}", body)
    if finding.notes:
        yield from section("notes", Group(*map(line, finding.notes)))


def _table(figures: Iterable[Figure], columns: tuple[str, str]) -> Table:
    table = dim_table()
    table.add_column("")
    for title in (*columns, "ratio"):
        table.add_column(title, justify="right", no_wrap=True)
    for figure in figures:
        amounts = (_amount(figure, value) for value in (figure.before, figure.after))
        table.add_row(line(figure.name), *amounts, _ratio(figure.ratio))
    return table


def _has_range(figure: Figure) -> bool:
    return figure.ratio is not None and figure.ratio.low < figure.ratio.high


def _ratio(ratio: Interval | None) -> str:
    if ratio is None:
        return "-"
    value, low, high = ratio
    return f"{value:.3f} ({low:.3f} to {high:.3f})" if low < high else f"{value:.3f}"


def _amount(figure: Figure, value: float) -> str:
    if figure.unit == "B":
        return about(round(value))
    if figure.unit == "s":
        return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"
    return f"{value:.4g}"
