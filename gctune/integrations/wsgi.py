"""Tells of the requests of a WSGI application: `app = Middleware(app)`.

For servers that gctune has no integration for that sees requests itself, as it
has for gunicorn. Where several see a request the outermost tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from gctune.integrations.outermost import claim
from gctune.monitor.requests import begin, end

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Middleware:
    """A WSGI application whose requests are in flight until their bodies are closed."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does."""
        if not claim(environ):
            return self._app(environ, start_response)
        begin()
        try:
            body = self._app(environ, start_response)
        except BaseException:
            end()
            raise
        if _is_file(body, environ):
            end()
            return body
        return _Body(body)


class _Body:
    """A body that tells of its end."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close the body: the server calls this once the response is sent, or given up."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            end()


def _is_file(body: Iterable[bytes], environ: Environ) -> bool:
    """Whether the server sends it by the system's own means, for which it must know its type."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)
