"""Tunes an ASGI application and tells of its requests: `app = Middleware(app)`.

At its startup, by the server's lifespan messages, the settings are put in force
unless they are; once it has started up, what it holds is what it will keep. A
worker of uvicorn's leaves gracefully when it should be recycled.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from gctune.integrations.outermost import claim
from gctune.integrations.service import begin as put_in_force
from gctune.monitor.requests import begin, end
from gctune.runtime.applied import warmup_done

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_STARTED = "lifespan.startup.complete"


class Middleware:
    """An ASGI application whose HTTP requests are told of; other protocols pass through."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http" and claim(scope):
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        begin()
        try:
            await self._app(scope, receive, send)
        finally:
            end()

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            put_in_force()
        except SystemExit as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await self._app(scope, receive, _at_startup(send))


def _at_startup(send: Send) -> Send:
    async def told(message: Message) -> None:
        """Send a message on; before the one that start-up is done, act on it."""
        if message["type"] == _STARTED:
            _started()
        await send(message)

    return told


def _started() -> None:
    warmup_done()
    if "uvicorn.server" in sys.modules:
        from gctune.integrations.uvicorn import leave_when_asked

        leave_when_asked()
