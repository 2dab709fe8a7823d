"""Sockets and a selector for the threads of gctune's, though gevent has patched the program.

gevent's own wait for other greenlets, of which a thread of gctune's has none, for
ever. Where gctune's threads are the system's, as they are unless gevent patched
first, they are given what lies below the standard library's, which nothing
patches; where they are greenlets, what the program would be given.
"""

from __future__ import annotations

import _socket
import select
import selectors
import socket
import sys

from gctune.host.files import LAST_STREAM, above_streams
from gctune.monitor.loop import are_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Socket = socket.socket  # or what that is made of: nothing that only that has is used


def new_socket(family: int, kind: int = socket.SOCK_STREAM) -> Socket:
    """A new socket. Raises OSError."""
    return _above_streams(_module().socket(family, kind))


def new_pair() -> tuple[Socket, Socket]:
    """Two sockets that are connected. Raises OSError."""
    one, other = getattr(_module(), "socketpair", socket.socketpair)()  # Windows has none below
    return _above_streams(one), _above_streams(other)


def accept(listener: Socket) -> Socket:
    """The next connection. Raises OSError, as BlockingIOError where there is none."""
    if isinstance(listener, socket.socket):
        return _above_streams(listener.accept()[0])
    descriptor, _ = listener._accept()
    return _above_streams(_module().socket(fileno=descriptor))


def _above_streams(made: Socket) -> Socket:
    """The same socket, where what the program writes to a closed stream does not reach it."""
    if made.fileno() > LAST_STREAM:
        return made
    moved: Socket = _module().socket(fileno=above_streams(made.detach()))
    return moved


def resolve(host: str, port: int) -> list[Any]:
    """What a name stands for, as socket.getaddrinfo tells it of streams. Raises OSError."""
    return list(_module().getaddrinfo(host, port, type=socket.SOCK_STREAM))


def new_selector() -> selectors.BaseSelector:
    """One without a descriptor, which the program could close, and use for one of its own."""
    poll = _poll() if are_threads() else getattr(select, "poll", None)
    if poll is None:
        return selectors.SelectSelector()
    kind: Any = type("_Poll", (selectors.PollSelector,), {"_selector_cls": poll})
    made: selectors.BaseSelector = kind()
    return made


def _module() -> Any:
    return _socket if are_threads() else socket


def _poll() -> object:
    """The system's: gevent has put its own in its place in `select` and in PollSelector."""
    monkey = sys.modules.get("gevent.monkey")  # which another thread must not import first
    return monkey.get_original("select", "poll") if monkey else getattr(select, "poll", None)
