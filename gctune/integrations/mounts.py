"""The endpoints as an application to mount in one that has a web server of its own.

The rules are those of an address that other machines reach: all but /health
asks for monitor.token, and a request with an Origin is refused. Whether Host is
right, and who else may come as far as this, is for the outer application to
say: protect the mount as what is not for the public.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

from gctune.endpoints import find
from gctune.server.guard import Rules, check
from gctune.server.handlers import Pause
from gctune.server.http import Refusal, Request, Response, headers_of, parse_query, status_line
from gctune.startup import monitor_token

Environ: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]

_PREFIX = "HTTP_"
_SLICE = 0.2  # seconds between two looks whether the answer is still wanted


def wsgi_app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer as gctune's own endpoints do, for a WSGI application to mount.

    All but /health asks for monitor.token; protect the mount besides.
    """
    headers = {
        name.removeprefix(_PREFIX).replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith(_PREFIX)
    }
    headers["content-length"] = environ.get("CONTENT_LENGTH") or "0"
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    response = _answer(method, path, environ.get("QUERY_STRING", ""), headers, _wanted_after)
    start_response(status_line(response), headers_of(response))
    return _body(method, response)


async def asgi_app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer as gctune's own endpoints do, for an ASGI application to mount.

    All but /health asks for monitor.token; protect the mount besides. What
    takes time runs in a thread of asyncio's. Raises ValueError for what is not
    HTTP.
    """
    if scope["type"] != "http":
        raise ValueError(f"gctune answers HTTP only, not {scope['type']}")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    query = scope["query_string"].decode("latin-1")
    departure = asyncio.create_task(_departure(receive))
    wanted = partial(_wanted_for, departure)
    try:
        response = await asyncio.to_thread(_answer, scope["method"], path, query, headers, wanted)
        await _send(scope["method"], response, send)
    finally:
        departure.cancel()


async def _departure(receive: Callable[[], Awaitable[Message]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(
    method: str, response: Response, send: Callable[[Message], Awaitable[None]]
) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(response)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    parts = iter(_body(method, response))
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _answer(method: str, path: str, query: str, headers: dict[str, str], pause: Pause) -> Response:
    try:
        request = Request(method, path or "/", parse_query(query), headers)
        check(request, Rules(monitor_token(), local=False))
        return find(request).answer(request, pause)
    except Refusal as refusal:
        return refusal.response


def _body(method: str, response: Response) -> Iterable[bytes]:
    if method == "HEAD":
        return ()
    return [response.body] if isinstance(response.body, bytes) else response.body


def _wanted_after(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _wanted_for(departure: asyncio.Task[None], seconds: float) -> bool:
    """Wait for so many seconds, unless the client goes."""
    deadline = time.monotonic() + seconds
    while not departure.done():
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, _SLICE))
    return False
