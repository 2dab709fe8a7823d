"""The server of the endpoints: one thread for every client, and a few for what takes time.

The thread reads requests as they trickle in and answers what can be answered
at once. What takes seconds (a heap profile, a capture) is handed to a thread of
its own. Clients that are slow, silent or too many lose their connection; they
cost no thread, and at most 16 KiB each. What is imported here, and by what
answers, must not import `threading`: see `gctune.monitor.loop`.
"""

from __future__ import annotations

import time
from _socket import SHUT_WR
from contextlib import closing, suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE

from gctune.monitor.loop import Loop
from gctune.record import Record
from gctune.server.guard import check
from gctune.server.handlers import Handlers
from gctune.server.http import MOST_BYTES, Refusal, Request, Response, complete, parse, pieces
from gctune.server.own import Lost, OwnSocket
from gctune.server.sockets import accept, new_pair, new_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    from gctune.server.address import Bound
    from gctune.server.guard import Rules
    from gctune.server.handlers import Pause

    Conversation: TypeAlias = Generator[int, None, Callable[[], None] | None]

MOST_CLIENTS = 128  # at once; the oldest makes way for a new one
_MOST_NEW = 32  # in one step: whoever sends its request at once is answered within three
_GRACE = 0.1  # seconds in which it makes way for nobody: it may be waiting for a processor
_SECONDS = 10.0  # that a client may take to send its request, and again to read the response
_LOOK = 5.0  # seconds between two looks whether the program has closed what it waits for
_BREATH = 0.05  # seconds of rest after an error, so that one that stays burns no CPU
_CHUNK = 65536
_MOST_CHUNKS_UNREAD = 4  # of what a client sends behind its request


class Route(Record):
    """What answers a path.

    `answer` gets the request, and a function that waits for so many seconds
    and says whether the answer is still wanted; it may raise Refusal. One that
    `takes_time` is called in a thread of its own, and may call that function.
    """

    answer: Callable[[Request, Pause], Response]
    takes_time: bool


class _Client(Record):
    """A client that the thread talks to, and has waited for since `since`."""

    conversation: Conversation
    since: float


class Server:
    """Serves what `find` finds for a request that keeps the rules, until `stop`.

    `find` returns a Route or raises Refusal. `asked` is whether there has been
    a client. `failures` counts what went wrong in answering; `tell` gets a
    line of the first. `lost` is whether the thread has ended because the
    program has closed the sockets.
    """

    def __init__(
        self,
        bound: Bound,
        rules: Rules,
        find: Callable[[Request], Route],
        tell: Callable[[str], object],
    ) -> None:
        self.asked = self.lost = False
        self.failures = 0
        self.bound = bound
        self._rules, self._find, self._tell = rules, find, tell
        self._resting = False
        self._clients: dict[OwnSocket, _Client] = {}  # who is waited for the longest first
        self._open = False  # whether new ones are let in
        self._handlers = Handlers()
        self._loop = Loop(self._step)
        self._selector = new_selector()
        self._woken, self._wake = map(OwnSocket, new_pair())
        self._selector.register(self._woken, EVENT_READ, self._take_note)
        bound.listener.socket.setblocking(False)
        self._listen(opens=True)

    def start(self) -> None:
        """Serve, in a new thread. Raises RuntimeError where none is to be had."""
        self._resting = False
        self._loop.start()

    def rest(self) -> None:
        """End the thread and keep its clients; `start` goes on with them."""
        self._resting = True
        with suppress(Lost):  # then the thread sees it, within `_LOOK`
            self._wake.socket.send(b"\0")
        self._loop.stop()

    def stop(self) -> None:
        """Listen no more and close every connection; waits a second at most for each thread."""
        self.rest()
        self._handlers.stop()
        self.bound.close()
        self.abandon()

    def abandon(self) -> None:
        """Close every descriptor, as a forked child must; its parent serves on with its own.

        Where the program has closed one it may be about to close the others.
        """
        self._handlers.abandon()
        for each in (self.bound.listener, self._woken, self._wake, *self._clients):
            if self.lost:
                each.let_be()
            else:
                each.close()
        self._selector.close()

    def _step(self) -> float | None:
        """Wait for something to do, and do it."""
        try:
            self._check()
            self._listen(opens=self._has_room())
            for key, _ in self._selector.select(self._until_the_oldest_is_due()):
                key.data()
            self._drop_late()
        except Lost:
            self.lost = True
            return None
        except Exception as error:  # noqa: BLE001 - no memory, no descriptors: serve on
            self._count(error)
            return _BREATH
        return None if self._resting else 0.0

    def _check(self) -> None:
        """Raise Lost where the program has closed what is open all the time."""
        for each in (self.bound.listener, self._woken, self._wake):
            each.check()

    def _take_note(self) -> None:
        """Read what `rest` has sent."""
        self._woken.socket.recv(_CHUNK)

    def _until_the_oldest_is_due(self) -> float:
        """Until it is late, or may make way for those who wait to be let in; `_LOOK` at most."""
        if not self._clients:
            return _LOOK
        due = (_SECONDS if self._open else _GRACE) - self._age_of_the_oldest()
        return min(max(0.0, due), _LOOK)

    def _age_of_the_oldest(self) -> float:
        return time.monotonic() - next(iter(self._clients.values())).since

    def _drop_late(self) -> None:
        before = time.monotonic() - _SECONDS
        for client in [each for each, known in self._clients.items() if known.since <= before]:
            self._drop(client)

    def _count(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            what = f"{type(error).__name__}: {error}"
            self._tell(f"monitor.http: {what}; further failures are only counted")

    # Clients

    def _has_room(self) -> bool:
        """Whether one more can be let in, if need be for the oldest."""
        return len(self._clients) < MOST_CLIENTS or self._age_of_the_oldest() >= _GRACE

    def _listen(self, *, opens: bool) -> None:
        """Let new ones in, or have them wait in the system's queue."""
        if opens and not self._open:
            self._selector.register(self.bound.listener, EVENT_READ, self._accept)
        elif self._open and not opens:
            self._selector.unregister(self.bound.listener)
        self._open = opens

    def _accept(self) -> None:
        for _ in range(_MOST_NEW):
            if not self._has_room():
                return
            try:
                client = accept(self.bound.listener.socket)
            except (BlockingIOError, ConnectionAbortedError):  # no more, or it has gone already
                return
            self._welcome(OwnSocket(client))

    def _welcome(self, client: OwnSocket) -> None:
        self.asked = True
        client.socket.setblocking(False)
        if len(self._clients) >= MOST_CLIENTS:
            self._drop(next(iter(self._clients)))
        conversation = self._converse(client)
        # First here: should memory run out in between, the client is dropped when it is late.
        self._clients[client] = _Client(conversation, time.monotonic())
        self._selector.register(client, next(conversation), partial(self._advance, client))

    def _advance(self, client: OwnSocket) -> None:
        """Go on with a conversation until it has to wait again."""
        if client not in self._clients:  # dropped in this very step
            return
        try:
            self._wait_for(client, next(self._clients[client].conversation))
        except StopIteration as end:
            self._drop(client, end.value)
        except Exception:  # noqa: BLE001 - the client is gone, or there is no memory for it
            self._drop(client)

    def _wait_for(self, client: OwnSocket, events: int) -> None:
        key = self._selector.get_key(client)
        if key.events != events:  # what has gone on meanwhile is not the client's time
            self._clients[client] = self._clients.pop(client)._replace(since=time.monotonic())
            self._selector.modify(client, events, key.data)

    def _drop(self, client: OwnSocket, then: Callable[[], None] | None = None) -> None:
        """Talk to a client no more; `then` takes its connection over."""
        with suppress(KeyError):  # the selector forgets it, where memory ran out within
            self._selector.unregister(client)
        self._clients.pop(client, None)
        (then or client.close)()

    def _converse(self, client: OwnSocket) -> Conversation:
        """Talk to a client; yield what to wait for, and return what goes on elsewhere."""
        received = bytearray()
        method = "GET"
        try:
            while not complete(received):
                yield EVENT_READ
                data = client.socket.recv(MOST_BYTES)
                if not data:
                    return None
                received += data
            request = parse(received)
            method = request.method
            check(request, self._rules)
            route = self._find(request)
            if route.takes_time:
                return self._handover(client, request, route)
            response = self._answer(request, route, _wait_for_nothing)
        except Refusal as refusal:
            response = refusal.response
        for piece in pieces(response, method):
            yield from _send(client, piece)
        # To close with input unread would cut the response off.
        client.socket.shutdown(SHUT_WR)
        for _ in range(_MOST_CHUNKS_UNREAD):
            yield EVENT_READ
            if not client.socket.recv(_CHUNK):
                break
        return None

    def _handover(self, client: OwnSocket, request: Request, route: Route) -> Callable[[], None]:
        if self._handlers.busy:
            raise Refusal(503, "too many requests that take time", ("Retry-After", "5"))
        return lambda: self._handlers.take(client, partial(self._handle, client, request, route))

    def _handle(self, client: OwnSocket, request: Request, route: Route, pause: Pause) -> None:
        response = self._answer(request, route, pause)
        try:
            with closing(pieces(response, request.method)) as content:
                for piece in content:
                    client.socket.sendall(piece)
        except OSError:
            raise  # the client is gone
        except Exception as error:  # noqa: BLE001 - it sees that its answer is cut off
            self._count(error)

    def _answer(self, request: Request, route: Route, pause: Pause) -> Response:
        try:
            return route.answer(request, pause)
        except Refusal as refusal:
            return refusal.response
        except Exception as error:  # noqa: BLE001 - the client is told, the server goes on
            self._count(error)
            return Refusal(500, f"{type(error).__name__} in gctune").response


def _send(client: OwnSocket, content: bytes) -> Iterator[int]:
    rest = memoryview(content)
    while rest:
        yield EVENT_WRITE
        rest = rest[client.socket.send(rest) :]


def _wait_for_nothing(_: float) -> bool:
    return True
