"""The Django project within our middleware: what it says of a request, and what is counted."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from wsgiref.util import setup_testing_defaults

import django_site
from django.core.asgi import get_asgi_application

from gctune.integrations import asgi, wsgi
from gctune.monitor import counting
from gctune.monitor.requests import in_flight


def by_wsgi() -> bytes:
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    body = wsgi.Middleware(django_site.application)(environ, lambda *_: None)
    content = b"".join(body)
    body.close()  # type: ignore[attr-defined] # Django's has one
    return content


def by_asgi() -> bytes:
    return asyncio.run(_by_asgi())


async def _by_asgi() -> bytes:
    incoming = iter([{"type": "http.request", "body": b""}])
    sent = []

    async def receive() -> Any:
        message = next(incoming, None)
        if message is None:  # the client waits for its answer
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    await asgi.Middleware(get_asgi_application())(scope, receive, send)
    return b"".join(sent)


counting.start()
within = json.loads({"wsgi": by_wsgi, "asgi": by_asgi}[sys.argv[1]]())["in_flight"]
print(within, in_flight(), counting.totals())
