"""Who tells of a request that several integrations see: the outermost of them alone.

A request is marked in its WSGI environ or ASGI scope, which goes with it from
one thread or task to the next, and ends with it.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

_MARK = "gctune.told"


class _Hooks:
    """Whether the server's own hooks, which see no environ, tell of every request."""

    tell = False


def hooks_tell() -> None:
    """Say that the server's own hooks tell of every request in this process."""
    _Hooks.tell = True


def claim(request: MutableMapping[str, Any]) -> bool:
    """Whether the caller is to tell of a request, given its environ or scope; the first is."""
    if _Hooks.tell or _MARK in request:
        return False
    request[_MARK] = True
    return True
