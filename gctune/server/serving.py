"""Having the endpoints served, as a duty of gctune's thread: once the address can be had.

Where another process has it this one stands by, and takes it over when that
one has ended. So of several workers with one address one serves at a time. A
process that forks before anybody has asked it anything is taken for the master
of such workers, and leaves the address to them.
"""

from __future__ import annotations

import os

from gctune.errors import problem
from gctune.monitor.telling import inform, warn
from gctune.monitor.thread import Duty, duties
from gctune.runtime import fork
from gctune.server.address import listen, taken
from gctune.server.guard import Rules
from gctune.server.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gctune.server.http import Request
    from gctune.server.server import Route

_STANDBY = 5.0  # seconds until an address that is taken is tried again
_TO_CHILDREN = 30.0  # seconds for which a process that has forked leaves it to its children
_FOR_EVER = 3600.0


def served_at() -> str | None:
    """Where the endpoints of this process are served: `127.0.0.1:6060`, or `unix:/run/app.sock`.

    Port 0 and `{pid}` are resolved. None while they are not served; they are
    from about a second after a plan is applied.
    """
    return next((server.bound.name for _, server in _serving()), None)


class Serving(Duty):
    """Serves what `find` finds at `address`, to those who show `token` if there is one."""

    def __init__(self, address: str, token: str | None, find: Callable[[Request], Route]) -> None:
        self.server: Server | None = None
        self._address, self._token, self._find = address, token, find
        self._pid = os.getpid()
        self._waits = False

    def __call__(self, now_ns: int) -> float:
        """Serve if it can be done; return the seconds until this is to be tried again."""
        if self.server is not None and self.server.lost:
            self._let_go()
        if self.server is not None:
            return _STANDBY
        first_ns = fork.first_ns()
        if first_ns and now_ns < first_ns + _TO_CHILDREN * 1e9:
            return _STANDBY
        try:
            self._serve()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and taken(error):
                self._stand_by()
                return _STANDBY
            self._warn(getattr(error, "strerror", None) or str(error), "give another address")
        return _STANDBY if self.server else _FOR_EVER

    def close(self) -> None:
        """Serve no more."""
        server, self.server = self.server, None
        if server is not None:
            (server.stop if os.getpid() == self._pid else server.abandon)()

    def _serve(self) -> None:
        bound = listen(self._address)
        if not (bound.local or self._token):
            bound.close()
            self._warn("other machines reach it, and no token is set", "set monitor.token")
            return
        server = Server(bound, Rules(self._token or None, bound.local), self._find, warn)
        try:
            server.start()
        except BaseException:
            server.stop()
            raise
        inform(f"the endpoints are served at {bound.name}")
        self.server = server

    def _let_go(self) -> None:
        """Be done with a server that the program has closed the sockets of."""
        self.close()
        self._warn("the program has closed its sockets", "others are opened")

    def _stand_by(self) -> None:
        if not self._waits:
            self._waits = True
            remedy = "this one takes over when that ends; give port 0, or {pid} in a path"
            self._warn("another process listens there", f"{remedy}, for each to have its own")

    def _warn(self, wrong: str, remedy: str) -> None:
        warn(problem("monitor.http", self._address, wrong.lower(), remedy))


def _serving() -> Iterator[tuple[Serving, Server]]:
    for duty in duties():
        if isinstance(duty, Serving) and duty.server is not None:
            yield duty, duty.server


def _before_fork() -> None:
    for _, server in _serving():
        server.rest()


def _after_fork_in_parent() -> None:
    for duty, server in _serving():
        if server.asked:
            server.start()
        else:
            duty.close()


fork.around(_before_fork, _after_fork_in_parent)
