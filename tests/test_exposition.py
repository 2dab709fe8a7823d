"""What a scrape reads: the text that Prometheus takes, the JSON, and who gets which."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from readings import full_reading, reading

from gctune.metrics.catalogue import METRICS
from gctune.metrics.exposition import JSON, TEXT, as_json, as_text, respond
from gctune.metrics.snapshot import merge, of_process, take
from gctune.monitor.alerts import State

NOW = 1_700_000_000.0
READING = full_reading()
FULL = take(READING)
RSS_BYTES = READING.sample.rss_bytes


def _parsed(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The samples of a text, as client_python reads it: by name, then by labels."""
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            samples.setdefault(sample.name, {})[labels] = sample.value
    return samples


def test_every_metric_can_be_told() -> None:
    assert {key[0] for key in FULL} == set(METRICS)


def test_what_is_unknown_is_left_out() -> None:
    told = {key[0] for key in take(reading())}
    assert "gctune_gc_pause_seconds" not in told
    assert "process_resident_memory_bytes" in told


def test_the_text_says_what_was_read() -> None:
    samples = _parsed(as_text(FULL))
    sample = full_reading().sample
    assert samples["gctune_memory_limit_bytes"] == {(): 8_000_000}
    assert samples["gctune_gc_cpu_seconds_total"] == {(): 3.003}
    assert samples["gctune_gc_threshold"][("generation", "0"),] == sample.thresholds[0]
    assert samples["gctune_pool_objects"][("pool", "buffer"), ("state", "in_use")] == 1
    assert samples["gctune_alert"] == {(("rule", "heap"),): 1, (("rule", "gc_pause"),): 0}


def test_a_histogram_counts_all_that_is_below_each_bound() -> None:
    samples = _parsed(as_text(FULL))
    buckets = {
        float(dict(labels)["le"]): value
        for labels, value in samples["gctune_gc_pause_seconds_bucket"].items()
        if ("generation", "2") in labels
    }
    assert buckets[0.5] == 0
    assert buckets[2.0] == 1
    assert buckets[float("inf")] == 2
    assert list(buckets.values()) == sorted(buckets.values())
    assert samples["gctune_gc_pause_seconds_sum"][("generation", "2"),] == 3.0
    assert samples["gctune_gc_pause_seconds_count"][("generation", "2"),] == 2


def test_processes_keep_apart_what_is_their_own() -> None:
    merged = merge([of_process(FULL, 1), of_process(FULL, 2)])
    samples = _parsed(as_text(merged))
    assert set(samples["process_resident_memory_bytes"]) == {(("pid", "1"),), (("pid", "2"),)}
    assert samples["gctune_gc_pause_seconds_count"][("generation", "2"),] == 4
    assert samples["gctune_memory_limit_bytes"] == {(): 8_000_000}
    assert samples["gctune_pool_objects"][("pool", "buffer"), ("state", "idle")] == 6


BARE_READING = reading()


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text())
def test_any_label_comes_through(environment: str, rule: str) -> None:
    about = {**BARE_READING.about, "environment": environment}
    alerts = {rule: State(True, 1.0, None, None)}
    samples = _parsed(as_text(take(BARE_READING._replace(about=about, alerts=alerts))))
    (labels,) = samples["gctune_config_info"]
    assert dict(labels)["environment"] == environment
    assert samples["gctune_alert"] == {(("rule", rule),): 1}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here")
def test_prometheus_own_linter_finds_nothing() -> None:
    merged = merge([of_process(FULL, 1), of_process(FULL, 2)])
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=as_text(merged), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_json_has_the_metrics_and_the_alerts() -> None:
    content = json.loads(as_json(merge([of_process(FULL, 1), of_process(FULL, 2)]), NOW, 7))
    assert content["pid"] == 7
    assert content["timestamp"] == "2023-11-14T22:13:20Z"
    assert content["alerts"] == ["heap in process 1", "heap in process 2"]
    assert content["metrics"]["last_gc_pause_ms"] == 1.5
    assert content["metrics"]["gctune_memory_limit_bytes"] == 8_000_000
    assert content["metrics"]["gctune_pool_acquires_total"] == [
        {"pool": "buffer", "result": "hits", "value": 18},
        {"pool": "buffer", "result": "misses", "value": 8},
    ]
    assert content["metrics"]["heap_mb"] == pytest.approx(2 * RSS_BYTES / 1e6)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,"
            "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            TEXT,
        ),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json, text/plain;q=0.5", JSON),
        ("application/json;q=0.1, text/plain", TEXT),
        ("application/json;q=x, */*;q=0.1", TEXT),
        ("application/*, text/*;q=0.5", JSON),
        (";,;;q=,\0", TEXT),
    ],
)
def test_a_client_gets_what_it_prefers(accept: str, kind: str) -> None:
    content_type, content = respond(accept, FULL, NOW, 7)
    assert content_type == kind
    assert content == (as_json(FULL, NOW, 7) if kind == JSON else as_text(FULL))
