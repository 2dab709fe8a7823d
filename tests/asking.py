"""Asking a server byte by byte, at `127.0.0.1:6060` or `unix:/run/app.sock`."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import NamedTuple

PATIENCE = 30.0  # seconds


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def connect(name: str) -> socket.socket:
    """A connection to where a server listens."""
    unix = name.startswith("unix:")
    client = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    client.settimeout(PATIENCE)
    host, _, port = name.rpartition(":")
    try:
        client.connect(port if unix else (host, int(port)))
    except OSError:
        client.close()
        raise
    return client


def request(target: str = "/health", method: str = "GET", **headers: str) -> bytes:
    """A request as a well-behaved client sends it; `sec_fetch_site` is Sec-Fetch-Site."""
    named = {
        "host": "localhost",
        **{key.replace("_", "-"): value for key, value in headers.items()},
    }
    lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {value}" for key, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ask(name: str, target: str = "/health", method: str = "GET", **headers: str) -> Answer:
    """Send one request, and read the answer to its end."""
    return exchange(name, request(target, method, **headers))


def exchange(name: str, sent: bytes) -> Answer:
    """Send bytes, and read the answer to its end."""
    with connect(name) as client:
        client.sendall(sent)
        return read(client)


def read(client: socket.socket) -> Answer:
    """Read an answer to its end."""
    received = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come to be."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
