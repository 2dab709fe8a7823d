"""A dashboard for Grafana over the metrics that the endpoint tells."""

from __future__ import annotations

import json
from typing import Any

from gctune.record import Record

_CHOSEN = '{job=~"$job",instance=~"$instance"}'
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_HEATMAP = "heatmap"
_WIDTH, _HEIGHT = 12, 8  # of a panel, on a grid of 24 columns


class Query(Record):
    """An expression, and what a line of it is called; `{}` in it chooses what is looked at."""

    expression: str
    legend: str

    def chosen(self) -> str:
        """The expression for the jobs and instances that are looked at."""
        return self.expression.replace("{}", _CHOSEN).replace("{,", _CHOSEN[:-1] + ",")


class Panel(Record):
    """One picture: `kind` and `unit` are Grafana's words."""

    title: str
    kind: str
    unit: str
    queries: tuple[Query, ...]


def _lines(title: str, unit: str, *queries: Query) -> Panel:
    return Panel(title, "timeseries", unit, queries)


def _pause(quantile: str) -> Query:
    buckets = "sum by (le) (rate(gctune_gc_pause_seconds_bucket{}[$__rate_interval]))"
    return Query(f"histogram_quantile({quantile}, {buckets})", f"quantile {quantile}")


PANELS = (
    Panel(
        "Pauses",
        _HEATMAP,
        "s",
        (
            Query(
                "sum by (le) (increase(gctune_gc_pause_seconds_bucket{}[$__rate_interval]))",
                "{{le}}",
            ),
        ),
    ),
    _lines(
        "Pauses by quantile",
        "s",
        _pause("0.5"),
        _pause("0.99"),
        Query("max(gctune_gc_longest_pause_seconds{})", "longest in the last sample"),
    ),
    _lines(
        "Share of CPU time in collections",
        "percentunit",
        Query(
            "sum by (instance) (rate(gctune_gc_cpu_seconds_total{}[$__rate_interval]))"
            " / sum by (instance) (rate(process_cpu_seconds_total{}[$__rate_interval]))",
            "{{instance}}",
        ),
    ),
    _lines(
        "Collections",
        "ops",
        Query(
            "sum by (generation) (rate(python_gc_collections_total{}[$__rate_interval]))",
            "generation {{generation}}",
        ),
    ),
    _lines(
        "Memory",
        "bytes",
        Query("sum by (instance) (process_resident_memory_bytes{})", "rss of {{instance}}"),
        Query("gctune_memory_usage_bytes{}", "working set of {{instance}}"),
        Query("gctune_memory_limit_bytes{}", "limit of {{instance}}"),
        Query("min by (instance) (gctune_memory_headroom_bytes{})", "headroom of {{instance}}"),
    ),
    _lines(
        "Resident memory by process",
        "bytes",
        Query("process_resident_memory_bytes{}", "{{instance}} {{pid}}"),
    ),
    _lines(
        "Allocation and growth",
        "Bps",
        Query(
            "sum by (instance) (gctune_memory_allocation_bytes_per_second{})",
            "allocated by {{instance}}",
        ),
        Query(
            "sum by (instance) (gctune_memory_growth_bytes_per_second{})", "growth of {{instance}}"
        ),
    ),
    _lines(
        "Objects freed by collections",
        "ops",
        Query(
            "sum by (generation) (rate(python_gc_objects_collected_total{}[$__rate_interval]))",
            "generation {{generation}}",
        ),
    ),
    Panel(
        "Alerts", "state-timeline", "short", (Query("max by (rule) (gctune_alert{})", "{{rule}}"),)
    ),
    _lines(
        "Waiting for memory",
        "percentunit",
        Query(
            "rate(gctune_memory_pressure_seconds_total{}[$__rate_interval])",
            "{{tasks}} tasks of {{instance}}",
        ),
    ),
    _lines(
        "Pools",
        "short",
        Query("sum by (pool, state) (gctune_pool_objects{})", "{{pool}} {{state}}"),
    ),
    _lines(
        "Pool hits",
        "percentunit",
        Query(
            'sum by (pool) (rate(gctune_pool_acquires_total{,result="hits"}[$__rate_interval]))'
            " / sum by (pool) (rate(gctune_pool_acquires_total{}[$__rate_interval]))",
            "{{pool}}",
        ),
    ),
)


def dashboard() -> str:
    """Write the dashboard as JSON that Grafana imports."""
    content = {
        "uid": "gctune",
        "title": "gctune",
        "tags": ["gctune", "python"],
        "schemaVersion": 36,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_choice_of_source(), _choice("job"), _choice("instance")]},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(content, indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    place = {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {"calculate": False, "yAxis": {"unit": panel.unit}}
        if panel.kind == _HEATMAP
        else {},
        "targets": [
            _target(letter, query, panel.kind) for letter, query in zip("ABCD", panel.queries)
        ],
    }


def _target(letter: str, query: Query, kind: str) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": query.chosen(),
        "legendFormat": query.legend,
        "format": _HEATMAP if kind == _HEATMAP else "time_series",
    }


def _choice_of_source() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _choice(label: str) -> dict[str, Any]:
    query = f"label_values(gctune_config_info, {label})"
    return {
        "name": label,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": label},
        "definition": query,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }
