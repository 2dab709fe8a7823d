"""The presets carry the figures they are known for, and leave the collector alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from gctune.settings import environments
from gctune.settings.model import Gc
from gctune.settings.sources import Loaded, load


def _preset(name: str) -> Loaded:
    return load(environment=name, environ={}, directory=Path(__file__).parent)


@pytest.mark.parametrize(
    ("name", "limit", "buffer", "request_", "level"),
    [
        ("production", "2GiB", 1000, 500, "basic"),
        ("staging", "1GiB", 500, 250, "detailed"),
        ("development", "512MiB", 100, 50, "debug"),
        ("test", "512MiB", 10, 5, "off"),
    ],
)
def test_its_figures(name: str, limit: str, buffer: int, request_: int, level: str) -> None:
    settings = _preset(name).settings
    assert str(settings.memory.limit) == limit
    assert settings.pools["buffer"].max_size == buffer
    assert settings.pools["request"].max_size == request_
    assert settings.monitor.level == level


@pytest.mark.parametrize("name", environments.PRESETS)
def test_the_collector_stays_cpython_s_own(name: str) -> None:
    loaded = _preset(name)
    assert loaded.settings.gc == Gc()
    assert {loaded.origins[f"gc.{field}"] for field in Gc.model_fields} == {"default"}


@pytest.mark.parametrize("name", environments.PRESETS)
def test_nothing_dear_starts_by_itself(name: str) -> None:
    monitor = _preset(name).settings.monitor
    assert not monitor.trace
    assert monitor.http is None


def test_alerts_are_the_usual_ones() -> None:
    alerts = _preset("production").settings.alerts
    figures = (alerts.heap, alerts.gc_pause, alerts.allocation_rate)
    assert [str(alert.threshold) for alert in figures] == ["500MB", "100ms", "50MB/s"]
