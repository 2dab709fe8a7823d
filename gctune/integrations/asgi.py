"""Tunes an ASGI application and tells of its requests: `app = Middleware(app)`.

At its startup, by the server's lifespan messages, the settings are put in force
unless they are; once it has started up, what it holds is what it will keep. An
application that does not know these messages has started up when it has been
asked, and where the server sends none the first request begins with both. A
worker of uvicorn's leaves gracefully when it should be recycled.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from gctune.integrations.outermost import claim
from gctune.integrations.service import begin as put_in_force
from gctune.monitor.requests import begin, end
from gctune.monitor.telling import warn
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
        self._has_started = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if not self._has_started:
            self._start_late()
        if scope["type"] == "http" and claim(scope):
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
        try:
            await self._app(scope, receive, self._at_startup(send))
        finally:  # the server goes on without lifespan where the application refuses it
            self._started()

    def _at_startup(self, send: Send) -> Send:
        async def told(message: Message) -> None:
            """Send a message on; before the one that start-up is done, act on it."""
            if message["type"] == _STARTED:
                self._started()
            await send(message)

        return told

    def _start_late(self) -> None:
        """Start up where no lifespan has come; what is wrong with the settings fails no request."""
        try:
            put_in_force()
        except SystemExit as error:
            warn(str(error))
        self._started()

    def _started(self) -> None:
        """Act, the first time, on that the application has started up."""
        if self._has_started:
            return
        self._has_started = True
        warmup_done()
        if "uvicorn.server" in sys.modules:
            from gctune.integrations.uvicorn import leave_when_asked

            leave_when_asked()
