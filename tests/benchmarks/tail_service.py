"""An ASGI service with a heap of two million objects: a catalogue that stays, sessions that go.

    python tests/benchmarks/tail_service.py SOCKET stock|folk|gctune

Each request makes a session of some 200 objects that know each other; it is
kept until 500 later ones have come, so it dies old.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from gctune.integrations.asgi import Middleware

RECORDS, PARTS, KEPT = 500_000, 100, 500  # each record is four objects, each part two

CATALOGUE: list[dict[str, object]] = []
SESSIONS: OrderedDict[int, Session] = OrderedDict()


class Session:
    """What the service knows of a visitor."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.parts = [{"of": self, "record": [number, part]} for part in range(PARTS)]


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        load()
        await send({"type": "lifespan.startup.complete"})
        return
    number = int(scope["path"][1:])
    SESSIONS[number] = session = Session(number)
    if len(SESSIONS) > KEPT:
        SESSIONS.popitem(last=False)
    body = f"{session.number} {CATALOGUE[number % RECORDS]['number']}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def load() -> None:
    CATALOGUE.extend(
        {"number": n, "tags": [n % 9], "like": [n + 1, n + 2], "sold": [0, 0, n]}
        for n in range(RECORDS)
    )


def as_folk_have_it() -> None:
    """What is most often copied: freeze what was loaded, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def folk(scope: dict[str, Any], receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    await app(scope, receive, send)
    if scope["type"] == "lifespan":
        as_folk_have_it()


if __name__ == "__main__":
    path, kind = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # uvicorn raises it again at its end
    service = {"stock": app, "folk": folk, "gctune": Middleware(app)}[kind]
    uvicorn.run(service, uds=path, log_level="error", loop="asyncio", http="h11")
