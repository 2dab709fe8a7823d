"""A snapshot for those who ask: in Prometheus's text format, or as JSON.

The text is version 0.0.4 of the format, which needs no package to write.
"""

from __future__ import annotations

import json
import time
from itertools import accumulate, groupby

from gctune.metrics.catalogue import BUCKETS, METRICS
from gctune.metrics.metric import ALERT, LE, PID, SUM, Across, Kind
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from gctune.metrics.metric import Key, Metric, Number, Snapshot

TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

_GLANCE: dict[str, tuple[str, Callable[[list[float]], float], float]] = {
    "heap_mb": ("process_resident_memory_bytes", sum, 1e6),
    "alloc_rate_mb_sec": ("gctune_memory_allocation_bytes_per_second", sum, 1e6),
    "gc_cycles": ("python_gc_collections_total", sum, 1),
    "gc_cpu_fraction": ("gctune_gc_cpu_ratio", max, 1),
    "last_gc_pause_ms": ("gctune_gc_last_pause_seconds", max, 1e-3),
}


class Point(Record):
    """One number as it is told: what is added to the metric's name, the labels, the value."""

    suffix: str
    labels: dict[str, str]
    value: float


class Family(Record):
    """A metric and its points."""

    metric: Metric
    points: list[Point]


def respond(accept: str, snapshot: Snapshot, now: float, pid: int) -> tuple[str, bytes]:
    """Answer a request whose Accept header is `accept`: the content's type, and the content.

    JSON for one that prefers it to plain text, else Prometheus's text. `now`
    is in seconds since 1970, `pid` the process that answers.
    """
    if _quality(accept, "application/json") > _quality(accept, "text/plain"):
        return JSON, as_json(snapshot, now, pid)
    return TEXT, as_text(snapshot)


def as_text(snapshot: Snapshot) -> bytes:
    """Write a snapshot as Prometheus reads it."""
    return "".join(map(_paragraph, families(snapshot))).encode("utf-8", "replace")


def as_json(snapshot: Snapshot, now: float, pid: int) -> bytes:
    """Write a snapshot as a JSON object.

    It has a `timestamp`, the `pid` of who answers, `metrics` by name, and the
    `alerts` raised. A metric with labels is a list of objects, each the labels
    and a `value`.
    The first few metrics are of all processes together, in units that people
    think in.
    """
    told = list(families(snapshot))
    numbers = {name: value for family in told for name, value in _plain(family).items()}
    content = {
        "timestamp": _date(now),
        "pid": pid,
        "metrics": {**dict(_at_a_glance(told)), **numbers},
        "alerts": list(_raised(told)),
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def families(snapshot: Snapshot) -> Iterator[Family]:
    """The metrics that a snapshot has, in the order of the table."""
    rows: dict[str, list[tuple[Key, Number]]] = {}
    for (name, *labels), value in snapshot.items():
        rows.setdefault(name, []).append((tuple(labels), value))
    for name, metric in METRICS.items():
        if name in rows:
            points = _buckets if metric.kind == Kind.HISTOGRAM else _points
            yield Family(metric, list(points(metric, sorted(rows[name]))))


def _points(metric: Metric, rows: list[tuple[Key, Number]]) -> Iterator[Point]:
    for labels, value in rows:
        yield Point("", _labelled(metric, labels), value / metric.per)


def _buckets(metric: Metric, rows: list[tuple[Key, Number]]) -> Iterator[Point]:
    """The points of a histogram, whose buckets hold all that lies below their bounds."""
    for labels, group in groupby(rows, lambda row: row[0][:-1]):
        known = {bound: value for (*_, bound), value in group}
        counts = [known.get(bound, 0) for bound in BUCKETS]
        named = _labelled(metric, labels)
        for bound, below in zip(BUCKETS, accumulate(counts)):
            yield Point("_bucket", {**named, LE: bound}, float(below))
        yield Point("_sum", named, known.get(SUM, 0) / metric.per)
        yield Point("_count", named, float(sum(counts)))


def _labelled(metric: Metric, labels: Key) -> dict[str, str]:
    names = (*metric.labels, PID) if metric.across == Across.EACH else metric.labels
    return dict(zip(names, labels))


def _paragraph(family: Family) -> str:
    metric = family.metric
    lines = [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
    lines += (
        f"{metric.name}{point.suffix}{_braced(point.labels)} {point.value!r}"
        for point in family.points
    )
    return "\n".join([*lines, ""])


def _braced(labels: dict[str, str]) -> str:
    pairs = (f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}" if labels else ""


def _plain(family: Family) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for point in family.points:
        name = family.metric.name + point.suffix
        if point.labels:
            numbers.setdefault(name, []).append({**point.labels, "value": point.value})
        else:
            numbers[name] = point.value
    return numbers


def _at_a_glance(told: Iterable[Family]) -> Iterator[tuple[str, float]]:
    values = {family.metric.name: [point.value for point in family.points] for family in told}
    for name, (metric, all_of, unit) in _GLANCE.items():
        if metric in values:
            yield name, all_of(values[metric]) / unit


def _raised(told: Iterable[Family]) -> Iterator[str]:
    for family in told:
        if family.metric.name == ALERT:
            yield from (_worded(point.labels) for point in family.points if point.value)


def _worded(labels: dict[str, str]) -> str:
    return f"{labels['rule']} in process {labels[PID]}" if PID in labels else labels["rule"]


def _quality(accept: str, kind: str) -> float:
    """How much a client wants content of that kind, 0 to 1; the closest name counts."""
    wishes = dict(_wish(part) for part in (accept or "*/*").split(","))
    names = (kind, kind.partition("/")[0] + "/*", "*/*")
    return next((wishes[name] for name in names if name in wishes), 0.0)


def _wish(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip().lower() for word in part.split(";"))
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _date(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
