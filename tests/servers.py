"""Programs under way, and gunicorn on a unix socket, which needs no port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path

from children import BARE

RUN = [sys.executable, "-m", "gctune", "run"]
PATH = os.pathsep.join([str(Path(sys.executable).parent), BARE["PATH"]])
ENVIRON = {**BARE, "PATH": PATH}


@contextlib.contextmanager
def running(
    *command: str, directory: Path, environ: dict[str, str] = ENVIRON
) -> Iterator[subprocess.Popen[str]]:
    """A program under way, killed at the end if it still is."""
    with subprocess.Popen(
        command, env=environ, cwd=directory, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


@contextlib.contextmanager
def serving(
    prefix: Sequence[str], *arguments: str, directory: Path, at: Path, **variables: str
) -> Iterator[Callable[[], str]]:
    """`prefix gunicorn arguments`, listening; gives what asks it once. It must end well."""
    path = at / "socket"
    command = [*prefix, "gunicorn", "--bind", f"unix:{path}", "--log-level", "error", *arguments]
    with listening(*command, directory=directory, path=path, **variables):
        yield lambda: ask(path)


@contextlib.contextmanager
def listening(
    *command: str, directory: Path, path: Path, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """A server that listens on a unix socket. It must end well."""
    with running(*command, directory=directory, environ={**ENVIRON, **variables}) as master:
        _await(path, master)
        yield master
        master.terminate()
        assert master.wait(30) in (0, -signal.SIGTERM)  # which uvicorn raises again


def _await(path: Path, master: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert master.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        with contextlib.closing(_Unix(path)) as connection:
            try:
                return connection.connect()
            except (FileNotFoundError, ConnectionError):
                time.sleep(0.01)


def ask(path: Path, target: str = "/") -> str:
    """What a server on a unix socket answers to one request, on a connection of its own."""
    connection = _Unix(path)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()


class _Unix(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
