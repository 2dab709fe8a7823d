"""The graceful end of a worker of uvicorn's; `asgi.Middleware` arranges for it."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from functools import partial

from uvicorn.server import Server

from gctune.memory.recycle import on_recycle

_READ_WITHIN = 0.5  # seconds until what has been accepted has sent its request


def leave_when_asked() -> None:
    """Have this worker end gracefully when it should be recycled.

    To be called in the server's loop. Where no supervisor would start another
    in its place, it stays.
    """
    server = _server()
    if server is None or multiprocessing.parent_process() is None:
        return
    loop = asyncio.get_running_loop()
    on_recycle(partial(loop.call_soon_threadsafe, _begin_to_leave, server))


def _server() -> Server | None:
    """The server of this process: it handles the signals."""
    handler = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    return server if isinstance(server, Server) else None


def _begin_to_leave(server: Server) -> None:
    """Accept nothing more; end once requests that are on their way have come.

    uvicorn alone closes what has been accepted and not read, which loses it.
    """
    loop = asyncio.get_running_loop()
    for listener in server.servers:
        _stop_accepting(listener, loop)
    loop.call_later(_READ_WITHIN, _leave, server)


def _stop_accepting(listener: asyncio.Server, loop: asyncio.AbstractEventLoop) -> None:
    if not isinstance(loop, asyncio.SelectorEventLoop):
        listener.close()
        return
    for socket in listener.sockets:  # closed now, an accept that is under way would fail
        loop.remove_reader(socket.fileno())


def _leave(server: Server) -> None:
    server.should_exit = True
