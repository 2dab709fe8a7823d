"""Real servers: their workers are tuned and monitored, and leave without losing a request."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from servers import PATH, listening
from services import APPS, FORKS, SERVERS, TUNED, Load, await_workers, command_of, told, until


class Server(NamedTuple):
    path: Path
    forks: bool


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the servers are run on Linux")


@pytest.fixture(params=SERVERS, scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server under way with two workers."""
    name: str = request.param
    path = tmp_path_factory.mktemp(name) / "socket"
    command = command_of(name, path)
    if shutil.which(command[0], path=PATH) is None:
        pytest.skip(f"there is no {command[0]} here")
    with listening(*command, directory=APPS, path=path, PYTHONPATH=str(APPS), **TUNED):
        yield Server(path, forks=name in FORKS)


def test_workers_are_tuned_and_monitored(server: Server) -> None:
    answer = until(server.path, lambda answer: answer["monitored"])
    assert answer["threshold0"] == 543
    assert answer["in_flight"] == 1
    assert (answer["frozen"] > 10_000) == server.forks


def test_no_request_is_lost_when_workers_leave(server: Server) -> None:
    gone = set()
    with Load(lambda: told(server.path)["pid"]) as load:
        for _ in range(4):
            gone.add(told(server.path, "/leave")["pid"])
            until(server.path, lambda answer: answer["pid"] not in gone)
        await_workers(server.path, but=gone)
    assert load.lost == []
    assert load.answered > 0
    assert len(gone) > 1
