"""Processes as they run, a row each: what their endpoints tell, and what the system does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import compress
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from gctune.host.files import printable
from gctune.report.layout import dim_table
from gctune.settings.quantities import about

_UNKNOWN = "-"


class Row(NamedTuple):
    """One process at one instant; None is unknown. Rates are a second, shares 0 to 1."""

    pid: str
    rss_bytes: float | None = None
    growth: float | None = None
    headroom_bytes: float | None = None
    cpu_share: float | None = None
    gc_share: float | None = None
    collections: float | None = None
    longest_pause: float | None = None
    allocated: float | None = None
    alerts: str | None = None

    def with_more(self, other: Row) -> Row:
        """The same, with what only `other` knows."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        return other._replace(**known)


def rows_of(answer: Mapping[str, Any]) -> list[Row]:
    """The rows of the processes that an answer of `/metrics.json` tells of, by process id.

    Raises ValueError for what is no such answer.
    """
    try:
        told = answer["metrics"].items()
        metrics = {name: _points(value, str(answer["pid"])) for name, value in told}
        pids = {str(point["pid"]) for point in metrics[_METRICS["rss_bytes"]]}
        return [_row(metrics, pid) for pid in sorted(pids, key=int)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("tells of no process") from error


def table(rows: Iterable[Row]) -> Table:
    """Lay rows out in 80 columns, without what is known of none of them."""
    shown = [_cells(row) for row in rows]
    known = [any(cell != _UNKNOWN for cell in cells) for cells in zip(*shown)]
    laid_out = dim_table(gap=1)
    for title, _ in compress(_COLUMNS.values(), known):
        laid_out.add_column(title, justify="right")
    for cells in shown:
        laid_out.add_row(*map(Text, compress(cells, known)))
    return laid_out


def line(row: Row) -> str:
    """A row as one line, for what is no terminal: names and what is known."""
    pairs = zip(_COLUMNS.values(), _cells(row))
    return "  ".join(f"{title} {cell}" for (title, _), cell in pairs if cell not in ("", _UNKNOWN))


def _points(value: Any, pid: str) -> list[Mapping[str, Any]]:
    """The points of a metric, each with a pid: that of who answers where it tells of no other."""
    points = value if isinstance(value, list) else [{"value": value}]
    return [{"pid": pid, **point} for point in points]


def _row(metrics: Mapping[str, Any], pid: str) -> Row:
    known = {field: _value(metrics.get(name, ()), pid) for field, name in _METRICS.items()}
    raised = [point["rule"] for point in metrics.get("gctune_alert", ()) if _is_raised(point, pid)]
    return Row(pid=pid, alerts=", ".join(raised), **known)


def _value(points: Iterable[Mapping[str, Any]], pid: str) -> float | None:
    return next((float(point["value"]) for point in points if point["pid"] == pid), None)


def _is_raised(point: Mapping[str, Any], pid: str) -> bool:
    return bool(point["pid"] == pid and point["value"])


def _cells(row: Row) -> list[str]:
    pairs = zip(row, _COLUMNS.values())
    return [_UNKNOWN if value is None else printable(show(value)) for value, (_, show) in pairs]


def _bytes(value: float) -> str:
    return about(int(value))


def _a_second(value: float) -> str:
    return f"{_bytes(value)}/s"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _times(value: float) -> str:
    return f"{value:.3g}/s"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.3g}ms"


# By field of Row: the gauge that tells it, where one does.
_METRICS = {
    "rss_bytes": "process_resident_memory_bytes",
    "growth": "gctune_memory_growth_bytes_per_second",
    "headroom_bytes": "gctune_memory_headroom_bytes",
    "gc_share": "gctune_gc_cpu_ratio",
    "collections": "gctune_gc_collections_per_second",
    "longest_pause": "gctune_gc_longest_pause_seconds",
    "allocated": "gctune_memory_allocation_bytes_per_second",
}

# By field of Row: its title, and how a value is shown.
_COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "pid": ("pid", str),
    "rss_bytes": ("rss", _bytes),
    "growth": ("growth", _a_second),
    "headroom_bytes": ("headroom", _bytes),
    "cpu_share": ("cpu", _share),
    "gc_share": ("gc", _share),
    "collections": ("gcs", _times),
    "longest_pause": ("longest", _milliseconds),
    "allocated": ("allocated", _a_second),
    "alerts": ("alerts", str),
}
