"""gctune's numbers in the application's own registry and meter."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from children import python
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import gctune
from gctune.integrations.opentelemetry import instrument
from gctune.integrations.prometheus import Collector
from gctune.metrics.exposition import as_text
from gctune.metrics.publishing import reading, snapshot
from gctune.monitor.monitor import current


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        gc.collect()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def _monitor() -> Iterator[None]:
    """A monitor that sees each collection, and has seen some."""
    with gctune.apply(environment="test", monitor={"level": "detailed", "interval": 0.1}):
        _until(lambda: (monitor := current()) and monitor.sample and monitor.sample.last_pause_ns)
        yield


def test_a_collector_can_be_registered_beside_those_of_client_python() -> None:
    collector = Collector()
    REGISTRY.register(collector)
    try:
        text = generate_latest(REGISTRY).decode()
    finally:
        REGISTRY.unregister(collector)
    assert "\npython_gc_collections_total{" in text
    assert "\ngctune_gc_threshold{" in text
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))


@pytest.mark.usefixtures("_monitor")
def test_a_registry_says_what_our_own_endpoint_says() -> None:
    registry = CollectorRegistry()
    registry.register(Collector())
    _until(lambda: _own(generate_latest(registry)) == _own(as_text(snapshot())))
    assert "gctune_gc_pause_seconds_bucket" in generate_latest(registry).decode()


def _own(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The numbers of gctune's own metrics, as client_python reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name.startswith("gctune_")
    }


def _exported(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


@pytest.mark.usefixtures("_monitor")
def test_a_meter_tells_by_the_semantic_conventions() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    instrument(provider)
    try:
        exported = _exported(reader)
    finally:
        provider.shutdown()
    collections = exported["cpython.gc.collections"]
    assert collections.unit == "{collection}"
    assert {
        point.attributes["cpython.gc.generation"] for point in collections.data.data_points
    } == {0, 1, 2}
    assert exported["gctune.memory.peak"].unit == "By"
    assert not {name for name in exported if name.startswith(("python", "process"))}


@pytest.mark.usefixtures("_monitor")
def test_each_pause_is_exported_once_and_their_sum_is_right() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    instrument(provider)
    try:
        _until(lambda: _pauses_exported(reader) == _pauses_seen())
        before = _pauses_seen()
        gc.collect()
        _until(lambda: _pauses_exported(reader) == _pauses_seen() != before)
    finally:
        provider.shutdown()


def _pauses_exported(reader: InMemoryMetricReader) -> dict[int, tuple[list[int], float]]:
    return {
        point.attributes["cpython.gc.generation"]: (list(point.bucket_counts), round(point.sum, 9))
        for point in _exported(reader)["gctune.gc.pause"].data.data_points
    }


def _pauses_seen() -> dict[int, tuple[list[int], float]]:
    pauses = reading().sample.pauses or ()
    return {
        generation: (list(each.counts), round(each.sum_ns / 1e9, 9))
        for generation, each in enumerate(pauses)
        if each.number
    }


@pytest.mark.parametrize("extra", ["prometheus", "opentelemetry"])
def test_a_missing_extra_is_named(extra: str) -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = sys.modules['opentelemetry'] = None\n"
        f"try: import gctune.integrations.{extra}\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install 'gctune[" in python("-c", code).stdout
