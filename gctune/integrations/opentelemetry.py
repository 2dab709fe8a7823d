"""gctune's metrics by OpenTelemetry's API: `instrument()` once in each process that exports.

Needs the extra: `pip install 'gctune[otel]'`, and an SDK of the program's own.
The collector's counts have the names of the semantic conventions
(`cpython.gc.*`); the others have those of Prometheus with dots, and their unit
apart. Each process tells of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from operator import mul, sub

from gctune import __version__
from gctune.errors import MissingExtraError
from gctune.metrics.catalogue import METRICS
from gctune.metrics.metric import Kind, Metric
from gctune.metrics.publishing import reading
from gctune.monitor.histogram import BOUNDS, EMPTY, Histogram

try:
    from opentelemetry import metrics
    from opentelemetry.metrics import (
        CallbackOptions,
        CallbackT,
        Meter,
        MeterProvider,
        Observation,
    )
except ImportError as error:
    raise MissingExtraError("otel", "opentelemetry.metrics") from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.metrics.metric import Key

_PAUSES = METRICS["gctune_gc_pause_seconds"]
_COLLECTIONS = "python_gc_collections_total"
_CONVENTIONS = {
    _COLLECTIONS: ("cpython.gc.collections", "{collection}"),
    "python_gc_objects_collected_total": ("cpython.gc.collected_objects", "{object}"),
    "python_gc_objects_uncollectable_total": ("cpython.gc.uncollectable_objects", "{object}"),
}
_UNITS = {"_bytes_per_second": "By/s", "_seconds": "s", "_bytes": "By"}
_GENERATION = "cpython.gc.generation"


def instrument(provider: MeterProvider | None = None) -> None:
    """Have the numbers of this process told whenever they are exported.

    By `provider`, or the global one. A forked child calls it again, with a
    provider of its own.
    """
    meter = metrics.get_meter("gctune", __version__, provider)
    with_collections = _Pauses(meter)
    for metric in METRICS.values():
        if metric.own or metric.name in _CONVENTIONS:
            callbacks: list[CallbackT] = [partial(_observe, metric)]
            if metric.name == _COLLECTIONS:
                callbacks.append(with_collections)
            _create(meter, metric, callbacks)


def _create(meter: Meter, metric: Metric, callbacks: list[CallbackT]) -> None:
    name, unit = _named(metric.name)
    if metric.kind == Kind.COUNTER:
        meter.create_observable_counter(name, callbacks, unit, metric.help)
    elif metric.kind == Kind.GAUGE:
        meter.create_observable_gauge(name, callbacks, unit, metric.help)


def _named(name: str) -> tuple[str, str]:
    """The name and unit that OpenTelemetry has for a metric."""
    if name in _CONVENTIONS:
        return _CONVENTIONS[name]
    name = name.removesuffix("_total")
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return name.removesuffix(ending).replace("_", ".", 2), unit
    return name.replace("_", ".", 2), "1"


def _observe(metric: Metric, _: CallbackOptions) -> Iterator[Observation]:
    for labels, value in metric.read(reading()):
        yield Observation(value / metric.per, _attributes(metric, labels))


def _attributes(metric: Metric, labels: Key) -> dict[str, str | int]:
    return dict(map(_attribute, metric.labels, labels))


def _attribute(name: str, value: str) -> tuple[str, str | int]:
    return (_GENERATION, int(value)) if name == "generation" else (name, value)


class _Pauses:
    """Records, at each export, the pauses that there were since the one before.

    Only their buckets and their sum are known by then, so a pause is recorded
    as a number within its bucket such that all of them have that sum.
    """

    def __init__(self, meter: Meter) -> None:
        name, unit = _named(_PAUSES.name)
        self._instrument = meter.create_histogram(
            name, unit, _PAUSES.help, explicit_bucket_boundaries_advisory=BOUNDS
        )
        self._recorded = [EMPTY] * 3

    def __call__(self, options: CallbackOptions) -> Iterable[Observation]:  # noqa: ARG002
        """Record; there is nothing to observe."""
        for generation, now in enumerate(reading().sample.pauses or ()):
            for seconds, count in _typical(self._recorded[generation], now):
                for _ in range(count):
                    self._instrument.record(seconds, {_GENERATION: generation})
            self._recorded[generation] = now
        return ()


def _typical(before: Histogram, now: Histogram) -> list[tuple[float, int]]:
    """What the pauses between two histograms may have been: so many seconds, so many times."""
    if now.number < before.number:  # of another monitor
        before = EMPTY
    counts = list(map(sub, now.counts, before.counts))
    middles = [bound * 0.75 for bound in (*BOUNDS, 2 * BOUNDS[-1])]  # buckets double
    assumed = sum(map(mul, middles, counts))
    share = (now.sum_ns - before.sum_ns) / 1e9 / assumed if assumed else 1.0
    return [(middle * share, count) for middle, count in zip(middles, counts)]
