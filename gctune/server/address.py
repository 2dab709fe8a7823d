"""Where the endpoints listen: `127.0.0.1:6060`, `[::1]:0` or `unix:/run/app.{pid}.sock`.

One process listens at an address. A socket file that a process left when it
was killed is replaced; a file of another kind, or of another user, never is.
"""

# pathlib does not say which socket file is which.
# ruff: noqa: PTH101, PTH108, PTH120

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from contextlib import closing, contextmanager, suppress

from gctune.host.loopback import is_loopback
from gctune.record import Record
from gctune.server.own import OwnSocket
from gctune.server.sockets import new_socket, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from gctune.server.sockets import Socket

UNIX = "unix:"
MOST_PATH = 107  # bytes of a socket's path; Linux has 108 with the one that ends it
_BACKLOG = 1024  # connections of a burst that wait rather than be refused
_PATIENCE = 1.0  # seconds for another process to be done with the same folder


class Bound(Record):
    """A listening socket and where it listens, port 0 resolved.

    `local` is whether nobody but this machine can reach it. `inode` tells a
    socket file from one that was put in its place since; 0 with TCP.
    """

    listener: OwnSocket
    name: str
    local: bool
    inode: int

    def close(self) -> None:
        """Listen no more, and take the socket file away if it is still this one."""
        self.listener.close()
        if self.inode:
            path = self.name.removeprefix(UNIX)
            with suppress(OSError):
                if os.lstat(path).st_ino == self.inode:
                    os.unlink(path)


def listen(address: str) -> Bound:
    """Listen at an address, `{pid}` in it replaced. Raises OSError; see `taken`."""
    if address.startswith(UNIX):
        return _listen_unix(address.removeprefix(UNIX).replace("{pid}", str(os.getpid())))
    host, _, port = address.rpartition(":")
    return _listen_tcp(host.strip("[]"), int(port))


def taken(error: OSError) -> bool:
    """Whether another process listens there, and may not for ever."""
    return error.errno == errno.EADDRINUSE


def unix_family() -> int:
    """That of unix sockets. Raises OSError where the system has none."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "this system has no unix sockets")
    return socket.AF_UNIX


def _listen_tcp(host: str, port: int) -> Bound:
    host = "127.0.0.1" if host.lower() == "localhost" else host
    family, kind, _, _, at = resolve(host, port)[0]
    with _closed_on_failure(new_socket(family, kind)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(at)
        listener.listen(_BACKLOG)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    return Bound(OwnSocket(listener), f"{shown}:{port}", is_loopback(shown), 0)


def _listen_unix(path: str) -> Bound:
    with (
        _closed_on_failure(new_socket(unix_family())) as listener,
        _alone_in(os.path.dirname(path)),
    ):
        _remove_stale(path)
        listener.bind(path)
        os.chmod(path, 0o600)  # nobody gets in before listen
        listener.listen(_BACKLOG)
        return Bound(OwnSocket(listener), UNIX + path, True, os.lstat(path).st_ino)


def _remove_stale(path: str) -> None:
    """Remove a socket file of this user's that nobody listens at. Raises OSError for any other."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        raise OSError(errno.EEXIST, "the file there is not a socket of this user's")
    with closing(new_socket(unix_family())) as client:
        client.settimeout(_PATIENCE)
        refused = client.connect_ex(path)
    if refused != errno.ECONNREFUSED:
        raise OSError(errno.EADDRINUSE, "another process listens there")
    os.unlink(path)


@contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Keep other processes of ours from binding in a folder meanwhile.

    Between bind and listen a new socket file looks like one that was left.
    """
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    deadline = time.monotonic() + _PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise OSError(errno.EADDRINUSE, "its folder is locked") from error
            time.sleep(0.01)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked meanwhile would keep it
        os.close(descriptor)


@contextmanager
def _closed_on_failure(opened: Socket) -> Iterator[Socket]:
    try:
        yield opened
    except BaseException:
        opened.close()
        raise
