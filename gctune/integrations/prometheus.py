"""gctune's metrics in a registry of prometheus-client: `REGISTRY.register(Collector())`.

Needs the extra: `pip install 'gctune[prometheus]'`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gctune.errors import MissingExtraError
from gctune.metrics.catalogue import METRICS
from gctune.metrics.exposition import families
from gctune.metrics.metric import Kind
from gctune.metrics.publishing import snapshot

try:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector as _Collector
except ImportError as error:
    raise MissingExtraError("prometheus", "prometheus_client") from error


class Collector(_Collector):
    """Tells what a scrape of gctune's own endpoint would tell, under the same names.

    `python_gc_*` and `process_*` are left to client_python, whose names they
    are. With a folder for workers (`monitor.workers`) it tells of all of them.
    """

    def describe(self) -> Iterator[Metric]:
        """The metrics there may be, so that registering reads nothing."""
        for metric in METRICS.values():
            if metric.own:
                yield _empty(metric.name, metric.help, metric.kind)

    def collect(self) -> Iterator[Metric]:
        """The metrics there are now."""
        for metric, points in families(snapshot()):
            if metric.own:
                told = _empty(metric.name, metric.help, metric.kind)
                for point in points:
                    told.add_sample(metric.name + point.suffix, point.labels, point.value)
                yield told


def _empty(name: str, told: str, kind: str) -> Metric:
    base = name.removesuffix("_total") if kind == Kind.COUNTER else name
    return Metric(base, told, kind)
