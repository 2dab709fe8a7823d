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

from gctune.monitor.loop import are_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Socket = socket.socket  # or what that is made of: nothing that only that has is used


def new_socket(family: int, kind: int = socket.SOCK_STREAM) -> Socket:
    """A new socket. Raises OSError."""
    return _class()(family, kind)


def new_pair() -> tuple[Socket, Socket]:
    """Two sockets that are connected. Raises OSError."""
    make: Any = socket.socketpair
    if are_threads():
        make = getattr(_socket, "socketpair", make)  # Windows has none below
    one, other = make()
    return one, other


def accept(listener: Socket) -> Socket:
    """The next connection. Raises OSError, as BlockingIOError where there is none."""
    if isinstance(listener, socket.socket):
        return listener.accept()[0]
    descriptor, _ = listener._accept()
    return _class()(fileno=descriptor)


def resolve(host: str, port: int) -> list[Any]:
    """What a name stands for, as socket.getaddrinfo tells it of streams. Raises OSError."""
    module: Any = _socket if are_threads() else socket
    return list(module.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def new_selector() -> selectors.BaseSelector:
    """One without a descriptor, which the program could close, and use for one of its own."""
    poll = _poll() if are_threads() else getattr(select, "poll", None)
    if poll is None:
        return selectors.SelectSelector()
    kind: Any = type("_Poll", (selectors.PollSelector,), {"_selector_cls": poll})
    made: selectors.BaseSelector = kind()
    return made


def _class() -> type[Socket]:
    kind: Any = _socket if are_threads() else socket
    chosen: type[Socket] = kind.socket
    return chosen


def _poll() -> object:
    """The system's: gevent has put its own in its place in `select` and in PollSelector."""
    monkey = sys.modules.get("gevent.monkey")  # which another thread must not import first
    return monkey.get_original("select", "poll") if monkey else getattr(select, "poll", None)
