"""One service below each server, tasks for celery, their settings, and a load on them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from servers import ENVIRON, ask, running

APPS = Path(__file__).parent / "apps"
TUNED = {
    "GCTUNE_ENVIRONMENT": "test",
    "GCTUNE_GC__THRESHOLD0": "543",
    "GCTUNE_GC__FREEZE": "fork",
    "GCTUNE_MONITOR__LEVEL": "basic",
    "GCTUNE_MEMORY__RECYCLE": "100GiB",  # which no worker of a test reaches by itself
}
_GUNICORN = (
    "gunicorn -c python:gctune.integrations.gunicorn --log-level error --preload"
    " -w {workers} --bind unix:{path}"
)
_UVICORN = "uvicorn --workers {workers} --log-level error --uds {path}"
SERVERS = {
    "gunicorn": f"{_GUNICORN} service:wsgi",
    "gthread": f"{_GUNICORN} -k gthread --threads 2 service:wsgi",
    "uvicorn": f"{_UVICORN} uvicorn_service:application",
    "uvicorn-lifespan-refused": f"{_UVICORN} uvicorn_service:without_lifespan",
    "uvicorn-lifespan-off": f"{_UVICORN} --lifespan off uvicorn_service:application",
    "uwsgi": "uwsgi --master --processes {workers} --enable-threads --die-on-term --disable-logging"
    " --logto {path}.log --forkbomb-delay 0 --need-app --http-socket {path} --module uwsgi_service",
}
FORKS = {"gunicorn", "gthread", "uwsgi"}
_CELERY = "celery -A tasks worker -c {workers} -l error --without-gossip --without-mingle"


def command_of(name: str, path: Path, workers: int = 2) -> list[str]:
    """What starts a server on a unix socket."""
    return SERVERS[name].format(path=path, workers=workers).split()


@contextlib.contextmanager
def working(folder: Path, workers: int = 2, **variables: str) -> Iterator[dict[str, str]]:
    """A worker of celery's under way; gives the environment that its clients need."""
    environ = {**ENVIRON, **TUNED, "TASKS": str(folder), "C_FORCE_ROOT": "1", **variables}
    command = _CELERY.format(workers=workers).split()
    with running(*command, directory=APPS, environ=environ) as worker:
        yield environ
        worker.terminate()
        assert worker.wait(60) == 0


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
    """Threads that ask, one request after the other; `ask` says which process has answered."""

    def __init__(self, ask: Callable[[], int], threads: int = 2) -> None:
        self.answered = 0
        self.workers: set[int] = set()  # those that answered, by process id
        self.lost: list[BaseException] = []
        self._ask = ask
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._go_on) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        while not self._ending.is_set():
            try:
                self.workers.add(self._ask())
                self.answered += 1
            except Exception as error:  # noqa: BLE001, PERF203 - a request that was lost
                self.lost.append(error)
