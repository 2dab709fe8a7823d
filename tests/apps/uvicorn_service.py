"""The service as uvicorn has it."""

from __future__ import annotations

from typing import Any

from service import asgi

from gctune.integrations.asgi import Middleware


async def _without_lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Answer HTTP alone, as Django's application does."""
    if scope["type"] != "http":
        raise ValueError(f"HTTP only, not {scope['type']}")
    await asgi(scope, receive, send)


application = Middleware(asgi)
without_lifespan = Middleware(_without_lifespan)
