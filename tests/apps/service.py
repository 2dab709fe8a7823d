"""A service, as WSGI and as ASGI: says what has been done to its worker, which can be had leave."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from gctune.memory.recycle import Recycler
from gctune.monitor.monitor import current
from gctune.monitor.requests import in_flight

HEAP = [[] for _ in range(10_000)]


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    answer = answered(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


async def asgi(
    scope: dict[str, Any], receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        return
    answer = answered(scope["path"])
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def answered(path: str) -> bytes:
    if path == "/leave":
        have_leave()
    told = {
        "pid": os.getpid(),
        "threshold0": gc.get_threshold()[0],
        "frozen": gc.get_freeze_count(),
        "monitored": current() is not None,
        "in_flight": in_flight(),
    }
    return json.dumps(told).encode()


def have_leave() -> None:
    """Let half a minute pass above the ceiling, as the recycler sees it."""
    recycler = Recycler(1)
    recycler(0)
    recycler(30_000_000_000)
