"""An ASGI service whose full collections wait for a moment without requests.

GCTUNE_GC__WHEN=idle uvicorn --workers 2 app:app

Wrap an application of FastAPI's or Starlette's in the same way.
"""

from gctune.integrations.asgi import Middleware

CATALOGUE = {}


async def service(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()  # that the server starts up
        CATALOGUE.update({number: {"number": number, "tags": []} for number in range(50_000)})
        await send({"type": "lifespan.startup.complete"})
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"{len(CATALOGUE)} items".encode()})


app = Middleware(service)
