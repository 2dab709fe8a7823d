"""A real Prometheus scrapes a real gunicorn of two workers, and tells what gctune told it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from children import python
from servers import ENVIRON, RUN, running, serving

from gctune.metrics.folder import private_folder
from gctune.report.dashboard import PANELS

APPLICATION = """
import os
def app(environ, start_response):
    for _ in range(2000):
        ring = []
        ring.append(ring)
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""
CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [gctune.rules.yaml]
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["{target}"]}}]
"""
SETTINGS = {
    "GCTUNE_ENVIRONMENT": "staging",
    "GCTUNE_MONITOR__INTERVAL": "500ms",
    "GCTUNE_ALERTS__HEAP__THRESHOLD": "1MiB",
    "GCTUNE_ALERTS__HEAP__HOLD": "0s",
    "GCTUNE_ALERTS__GC_PAUSE__THRESHOLD": "60s",
}

Ask = Callable[[], str]
Query = Callable[[str], list[dict[str, Any]]]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _until(true: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + 40
    while not true():
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ask, str]]:
    """What asks the application once, and the address of its metrics."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "app.py").write_text(APPLICATION)
    address = f"127.0.0.1:{_free_port()}"
    variables = {**SETTINGS, "GCTUNE_MONITOR__HTTP": address}
    arguments = ["--workers", "2", "app:app"]
    with serving([*RUN, "--"], *arguments, directory=folder, at=folder, **variables) as ask:
        yield ask, address
    assert not Path(private_folder(address)).exists()  # it ended well


@pytest.fixture(scope="module")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, service: tuple[Ask, str]
) -> Iterator[Query]:
    """Prometheus, scraping the service; gives what has it answer an expression."""
    if shutil.which("prometheus") is None:
        pytest.skip("there is no Prometheus here")
    folder = tmp_path_factory.mktemp("prometheus")
    write = ["-m", "gctune", "alerts", "--prometheus", "-o", "gctune.rules.yaml"]
    python(*write, environ={**ENVIRON, **SETTINGS}, directory=folder)
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=service[1]))
    at = f"127.0.0.1:{_free_port()}"
    with running(
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={at}",
        "--log.level=error",
        directory=folder,
    ):
        query = _querying(at)
        _until(lambda: _answers(query), service[0])
        yield query


def _querying(at: str) -> Query:
    def query(expression: str) -> list[dict[str, Any]]:
        asked = urlencode({"query": expression})
        with urlopen(f"http://{at}/api/v1/query?{asked}", timeout=10) as response:
            result: list[dict[str, Any]] = json.load(response)["data"]["result"]
            return result

    return query


def _answers(query: Query) -> bool:
    """Whether it is there, and has scraped each process at least twice."""
    with contextlib.suppress(URLError, ConnectionError):
        return len(query("count_over_time(process_resident_memory_bytes[1m]) > 1")) >= 3
    return False


def _pids(ask: Ask) -> set[str]:
    pids: set[str] = set()
    _until(lambda: len(pids) == 2, lambda: pids.add(ask()))
    return pids


def _scraped(address: str) -> bytes:
    """What the service tells; nothing while it does not serve."""
    with contextlib.suppress(URLError), urlopen(f"http://{address}/metrics", timeout=10) as answer:
        content: bytes = answer.read()
        return content
    return b""


def test_one_scrape_tells_of_every_worker(service: tuple[Ask, str]) -> None:
    ask, address = service
    own = [f'process_resident_memory_bytes{{pid="{pid}"}}'.encode() for pid in _pids(ask)]
    _until(lambda: all(each in _scraped(address) for each in own))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool here")
def test_prometheus_own_linter_finds_nothing(service: tuple[Ask, str]) -> None:
    _until(lambda: _scraped(service[1]))
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=_scraped(service[1]),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_pauses_of_all_workers_are_one_histogram(
    prometheus: Query, service: tuple[Ask, str]
) -> None:
    _until(lambda: prometheus("sum(gctune_gc_pause_seconds_count) > 10"), service[0])
    (quantile,) = prometheus(
        "histogram_quantile(0.9, sum by (le) (gctune_gc_pause_seconds_bucket))"
    )
    assert 0 < float(quantile["value"][1]) < 60
    assert len(prometheus("gctune_gc_pause_seconds_count")) == 3


def test_each_worker_has_its_rss(prometheus: Query, service: tuple[Ask, str]) -> None:
    assert _pids(service[0]) <= _told_of(prometheus)
    assert not prometheus("process_resident_memory_bytes < 1e6")


def test_an_alert_that_is_raised_fires(prometheus: Query, service: tuple[Ask, str]) -> None:
    _until(lambda: prometheus('ALERTS{alertname="GctuneHeap",alertstate="firing"}'))
    firing = prometheus('ALERTS{alertstate="firing"}')
    assert {each["metric"]["alertname"] for each in firing} == {"GctuneHeap"}
    assert _pids(service[0]) <= {each["metric"]["pid"] for each in firing}
    assert prometheus('gctune_alert{rule="gc_pause"} == 0')


def test_every_expression_of_the_dashboard_is_answered(prometheus: Query) -> None:
    answers = {
        query.expression: prometheus(
            query.chosen()
            .replace("$__rate_interval", "1m")
            .replace("$job", "app")
            .replace("$instance", ".*")
        )
        for panel in PANELS
        for query in panel.queries
    }
    empty = {expression for expression, answer in answers.items() if not answer}
    assert not [each for each in empty if "pool" not in each and "memory" not in each]


def test_a_killed_worker_takes_nothing_from_the_totals(
    prometheus: Query, service: tuple[Ask, str]
) -> None:
    ask, _ = service
    killed, seen = _pids(ask), set[str]()
    for pid in killed:
        os.kill(int(pid), signal.SIGKILL)
    _until(lambda: len(seen - killed) == 2, lambda: seen.add(ask()))
    _until(lambda: seen - killed <= _told_of(prometheus), ask)
    assert not killed & _told_of(prometheus)
    resets = prometheus("resets(gctune_gc_pause_seconds_count[5m])")
    assert {each["value"][1] for each in resets} == {"0"}


def _told_of(query: Query) -> set[str]:
    return {each["metric"]["pid"] for each in query("process_resident_memory_bytes")}
