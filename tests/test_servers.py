"""Real servers: their workers are tuned and monitored, and leave without losing a request."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from servers import PATH, ask, listening

APPS = Path(__file__).parent / "apps"
TUNED = {
    "GCTUNE_ENVIRONMENT": "test",
    "GCTUNE_GC__THRESHOLD0": "543",
    "GCTUNE_GC__FREEZE": "fork",
    "GCTUNE_MONITOR__LEVEL": "basic",
    "GCTUNE_MEMORY__RECYCLE": "100GiB",  # which no worker of a test reaches by itself
}
HOOKS = "python:gctune.integrations.gunicorn"

GUNICORN = f"gunicorn -c {HOOKS} --log-level error --preload -w 2 --bind unix:{{path}}"
SERVERS = {
    "gunicorn": f"{GUNICORN} service:wsgi",
    "gthread": f"{GUNICORN} -k gthread --threads 2 service:wsgi",
    "uvicorn": "uvicorn --workers 2 --log-level error --uds {path} uvicorn_service:application",
    "uwsgi": "uwsgi --master --processes 2 --enable-threads --die-on-term --disable-logging"
    " --forkbomb-delay 0 --need-app --http-socket {path} --module uwsgi_service",
}
FORKS = {"gunicorn", "gthread", "uwsgi"}


class Server(NamedTuple):
    path: Path
    forks: bool


linux = pytest.mark.skipif(sys.platform != "linux", reason="the servers are run on Linux")
pytestmark = linux


@pytest.fixture(params=SERVERS, scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server under way with two workers."""
    name: str = request.param
    path = tmp_path_factory.mktemp(name) / "socket"
    command = SERVERS[name].format(path=path).split()
    if shutil.which(command[0], path=PATH) is None:
        pytest.skip(f"there is no {command[0]} here")
    with listening(*command, directory=APPS, path=path, PYTHONPATH=str(APPS), **TUNED):
        yield Server(path, forks=name in FORKS)


def told(path: Path, target: str = "/") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ask(path, target))
    return answer


def until(path: Path, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not true(answer := told(path)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer


def await_workers(path: Path, but: set[int]) -> None:
    """Wait until two workers answer besides those."""
    new = set()
    while len(new) < 2:
        new.add(until(path, lambda answer: answer["pid"] not in but)["pid"])


class Load:
    """Threads that ask, one request after the other, each on a connection of its own."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self.answered = 0
        self.lost: list[BaseException] = []
        self._path = path
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ending.is_set():
            try:
                told(self._path)
                self.answered += 1
            except Exception as error:  # noqa: BLE001, PERF203 - a request that was lost
                self.lost.append(error)


def test_workers_are_tuned_and_monitored(server: Server) -> None:
    answer = until(server.path, lambda answer: answer["monitored"])
    assert answer["threshold0"] == 543
    assert answer["in_flight"] == 1
    assert (answer["frozen"] > 10_000) == server.forks


def test_no_request_is_lost_when_workers_leave(server: Server) -> None:
    gone = set()
    with Load(server.path) as load:
        for _ in range(4):
            gone.add(told(server.path, "/leave")["pid"])
            until(server.path, lambda answer: answer["pid"] not in gone)
        await_workers(server.path, but=gone)
    assert load.lost == []
    assert load.answered > 0
    assert len(gone) > 1
