"""The service as uvicorn has it."""

from service import asgi

from gctune.integrations.asgi import Middleware

application = Middleware(asgi)
