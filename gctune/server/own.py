"""Sockets that the program may close under gctune, as one does that becomes a daemon.

By the next use of one its number may be that of a socket of the program's own.
"""

from __future__ import annotations

import errno
import socket

from gctune.host.files import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.server.sockets import Socket

_SO_COOKIE = 57  # Linux's, which the socket module does not name
_COOKIE_BYTES = 8


class Lost(OSError):  # noqa: N818 - the program may do that
    """The program has closed a socket of gctune's."""

    def __init__(self) -> None:
        super().__init__(errno.EBADF, "the program has closed it")


class OwnSocket:
    """A socket, for as long as its number is of no other."""

    def __init__(self, opened: Socket) -> None:
        self._socket = opened
        self._mark = _mark(opened)

    @property
    def socket(self) -> Socket:
        """The socket, for the next call alone. Raises Lost."""
        self.check()
        return self._socket

    def check(self) -> None:
        """Raise Lost where its number is closed, or another's."""
        if _mark(self._socket) != self._mark:
            raise Lost

    def fileno(self) -> int:
        """Its number, or what was its number: a selector knows it by that."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it, unless its number is another's by now; the second call does nothing."""
        try:
            self.socket.close()
        except Lost:
            self.let_be()

    def let_be(self) -> None:
        """Use it no more, whoever its number is of."""
        self._socket.detach()


def _mark(opened: Socket) -> object:
    """What tells a socket from whatever has its number later.

    It is asked before each use: a cookie is had without giving the interpreter's lock away.
    """
    try:
        return opened.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, _COOKIE_BYTES)
    except OSError:  # not on Linux, or not a socket any more
        return identity(opened.fileno())
