"""Threads for requests that take time: a few at once, each with a client to itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gctune.monitor.loop import Loop
from gctune.server.own import Lost, OwnSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

Pause: TypeAlias = Callable[[float], bool]  # waits for seconds, and says: still wanted

MOST = 8
_SECONDS = 10.0  # that a client may take to read what was written at once, or to close at the end
_SLICE = 0.2  # seconds between two looks whether the answer is still wanted
_CHUNK = 65536


class Handlers:
    """The threads, and their clients."""

    def __init__(self) -> None:
        self._clients: dict[Loop, OwnSocket] = {}
        self._over = False

    @property
    def busy(self) -> bool:
        """Whether no further request can be taken."""
        return len(self._clients) >= MOST

    def take(self, client: OwnSocket, handle: Callable[[Pause], None]) -> None:
        """Have a thread handle a client's request, and close its connection.

        `handle` gets a function that waits for so many seconds and says
        whether the answer is still wanted. Where no thread is to be had the
        connection is closed at once.
        """
        handler = Loop(lambda: self._handle(handler, client, handle))
        self._clients[handler] = client
        try:
            handler.start()
        except (RuntimeError, MemoryError):
            self._end(handler, client)

    def stop(self) -> None:
        """Cut every client off, and wait a second at most for each thread."""
        self._over = True
        handlers = tuple(self._clients.copy().items())
        for _, client in handlers:
            with suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)
        for handler, _ in handlers:
            handler.stop()

    def abandon(self) -> None:
        """Close the descriptors, as a forked child must, which lacks the threads."""
        for client in self._clients.values():
            client.close()

    def _handle(self, handler: Loop, client: OwnSocket, handle: Callable[[Pause], None]) -> None:
        try:
            client.socket.settimeout(_SECONDS)
            handle(partial(self._pause, client))
            client.socket.shutdown(socket.SHUT_WR)
            self._pause(client, _SECONDS)
        except OSError:  # the client is gone
            pass
        finally:
            self._end(handler, client)

    def _end(self, handler: Loop, client: OwnSocket) -> None:
        self._clients.pop(handler, None)
        client.close()

    def _pause(self, client: OwnSocket, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        with suppress(Lost):
            while not self._over:
                left = deadline - time.monotonic()
                if left <= 0:
                    return True
                if _gone_within(client, min(left, _SLICE)):
                    return False
        return False


def _gone_within(client: OwnSocket, seconds: float) -> bool:
    """Whether a client closes its connection; what it sends is dropped."""
    client.socket.settimeout(seconds)
    try:
        return not client.socket.recv(_CHUNK)
    except TimeoutError:
        return False
    finally:
        client.socket.settimeout(_SECONDS)
