"""The rules and the dashboard that gctune writes: Prometheus reads them, and every name is ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from children import BARE, python

from gctune.metrics.catalogue import METRICS
from gctune.monitor.measures import MEASURES
from gctune.report.dashboard import PANELS

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here")


def _check(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules of an environment whose settings ask for every alert there is."""
    written = tmp_path_factory.mktemp("rules") / "gctune.rules.yaml"
    asked = {f"GCTUNE_ALERTS__{rule.upper()}__THRESHOLD": "1" for rule in MEASURES}
    ratios = dict.fromkeys(("NEAR_LIMIT", "THRASHING"), "50%")
    sizes = {"HEAP": "1GiB", "LEAK": "1MiB/h", "GROWTH_RATE": "1MB/s", "ALLOCATION_RATE": "50MB/s"}
    for rule, threshold in {**ratios, **sizes}.items():
        asked[f"GCTUNE_ALERTS__{rule}__THRESHOLD"] = threshold
    python(
        *["-m", "gctune", "alerts", "--environment", "staging", "--prometheus", "-o"],
        str(written),
        environ={**BARE, **asked},
        directory=written.parent,
    )
    return written


@promtool
def test_prometheus_takes_the_rules(rules: Path) -> None:
    _check("check", "rules", str(rules))


def test_there_is_a_rule_for_each_alert_that_is_asked_for(rules: Path) -> None:
    named = re.findall(r'gctune_alert\{rule="(\w+)"\}', rules.read_text())
    assert named == list(MEASURES)


TESTED = """
rule_files: [gctune.rules.yaml]
evaluation_interval: 5s
tests:
  - interval: 5s
    input_series:
      - series: 'gctune_alert{rule="heap", instance="app:80", pid="7"}'
        values: '0 0 1 1 0 0'
      - series: 'gctune_alert{rule="leak", instance="app:80", pid="7"}'
        values: '0x6'
      - series: 'gctune_sample_timestamp_seconds{instance="app:80", pid="7"}'
        values: '0 5 10 15 15x60'
    alert_rule_test:
      - {eval_time: 5s, alertname: GctuneHeap, exp_alerts: []}
      - eval_time: 10s
        alertname: GctuneHeap
        exp_alerts:
          - exp_labels:
              {severity: warning, environment: staging, rule: heap, instance: "app:80", pid: "7"}
            exp_annotations:
              summary: the rss is above 1GiB, held for 30s
              description: "app:80, process 7: the rss is above 1GiB, held for 30s"
      - {eval_time: 20s, alertname: GctuneHeap, exp_alerts: []}
      - {eval_time: 10s, alertname: GctuneLeak, exp_alerts: []}
      - {eval_time: 70s, alertname: GctuneSilent, exp_alerts: []}
      - eval_time: 80s
        alertname: GctuneSilent
        exp_alerts:
          - exp_labels: {severity: warning, environment: staging, instance: "app:80", pid: "7"}
            exp_annotations:
              summary: no sample has been taken for 1m
              description: "app:80, process 7: no sample has been taken for 1m"
"""


@promtool
def test_a_rule_fires_while_the_process_says_so(rules: Path) -> None:
    tests = rules.with_name("tests.yaml")
    tests.write_text(TESTED)
    _check("test", "rules", str(tests))


def test_the_alerts_are_shown_with_what_they_go_by(tmp_path: Path) -> None:
    environ = {**BARE, "ENVIRONMENT": "production", "GCTUNE_ALERTS__HEAP__THRESHOLD": "700MB"}
    shown = python("-m", "gctune", "alerts", environ=environ, directory=tmp_path).stdout
    assert re.search(r"^heap +700MB +30s +the rss", shown, re.MULTILINE)
    assert "leak" not in shown


def test_without_a_monitor_no_alert_is_promised(tmp_path: Path) -> None:
    environ = {**BARE, "ENVIRONMENT": "test"}
    done = python("-m", "gctune", "alerts", environ=environ, directory=tmp_path, status=1)
    assert done.stderr.startswith("monitor.level = 'off': nothing is watched")


@pytest.mark.parametrize("command", [["alerts", "--prometheus"], ["dashboard"]])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, command: list[str]) -> None:
    missing = str(tmp_path / "missing" / "file")
    done = python("-m", "gctune", *command, "-o", missing, directory=tmp_path, status=2)
    assert done.stderr == f"-o = {missing!r}: no such file or directory; give another file\n"


def test_the_dashboard_is_written_whole(tmp_path: Path) -> None:
    shown = python("-m", "gctune", "dashboard", directory=tmp_path).stdout
    python("-m", "gctune", "dashboard", "-o", "dashboard.json", directory=tmp_path)
    assert (tmp_path / "dashboard.json").read_text() == shown
    panels = json.loads(shown)["panels"]
    assert [panel["title"] for panel in panels] == [panel.title for panel in PANELS]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def _expressions() -> list[str]:
    return [query.chosen() for panel in PANELS for query in panel.queries]


def test_the_dashboard_asks_for_nothing_that_is_not_told() -> None:
    told = {name + end for name in METRICS for end in ("", "_bucket", "_sum", "_count")}
    asked = {
        name
        for each in _expressions()
        for name in re.findall(r"\b(?:gctune|python|process)_\w+", each)
    }
    assert asked
    assert asked <= told


@promtool
def test_prometheus_parses_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"dashboard:{number}", "expr": each.replace("$__rate_interval", "1m")}
        for number, each in enumerate(_expressions())
    ]
    file = tmp_path / "dashboard.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    _check("check", "rules", str(file))
