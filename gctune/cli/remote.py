"""Asking the endpoints of a program under way."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, quote, urlsplit

from gctune.errors import ProfileError, UsageError, cut, problem
from gctune.host.files import printable, reason
from gctune.secret import masked
from gctune.server.address import UNIX, unix_family
from gctune.startup import monitor_token

_OK, _UNAUTHORIZED = 200, 401
PATIENCE = 30.0
_CHUNK = 65536
_NOWHERE = "not where a program can be asked"
_SHOWN = 300  # characters of why a program refuses
_HOST = re.compile(rb"[!-~]+")
_AS_THEY_ARE = "/%:@!$&'()*+,;="  # in a path, besides letters and digits: RFC 3986, 3.3


class Remote:
    """The endpoints of one program.

    `url` is `http://127.0.0.1:6060`, with a path where they are mounted, or
    `unix:/run/app.sock`. Raises UsageError for anything else. `patience` is
    the seconds for an answer, besides those that were asked for.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self._url, self._patience = url, patience
        self._parts = None if url.startswith(UNIX) else _split(url)

    def parts(self, target: str, seconds: float = 0.0) -> Iterator[bytes]:
        """What the program answers within so many seconds, as it comes. Raises ProfileError."""
        connection = self._connection(self._patience + seconds)
        try:
            connection.request("GET", self._path + target, headers=_authorization())
            response = connection.getresponse()
            self._check(response)
            while chunk := response.read1(_CHUNK):
                yield chunk
            if response.length:
                raise self._problem("its answer is cut off", "ask again")
        except OSError as error:
            raise self._problem(reason(error).lower(), "is the program under way?") from error
        except HTTPException as error:
            raise self._problem("answers something else than HTTP", "give gctune's") from error
        finally:
            connection.close()

    def read(self, target: str, most: int, seconds: float = 0.0) -> bytes:
        """All that the program answers, if it is no more than `most` bytes. Raises ProfileError."""
        content = bytearray()
        for part in self.parts(target, seconds):
            content += part
            if len(content) > most:
                raise self._problem(f"answers more than {most} bytes", "give gctune's")
        return bytes(content)

    @property
    def _path(self) -> str:
        path = self._parts.path.rstrip("/") if self._parts else ""
        return quote(path, _AS_THEY_ARE, errors="surrogateescape")

    def _connection(self, timeout: float) -> HTTPConnection:
        if self._parts is None:
            return _UnixConnection(self._url.removeprefix(UNIX), timeout)
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        return kind(str(self._parts.hostname), self._parts.port, timeout=timeout)

    def _check(self, response: HTTPResponse) -> None:
        if response.status == _OK:
            return
        why = printable(response.read(_SHOWN).decode("utf-8", "replace").strip())
        if response.status == _UNAUTHORIZED:
            raise self._problem("asks for its token", "set GCTUNE_MONITOR__TOKEN")
        raise self._problem(f"answers {response.status}", cut(why, _SHOWN) or "give gctune's")

    def _problem(self, wrong: str, remedy: str) -> ProfileError:
        return ProfileError(problem("--url", masked(self._url), wrong, remedy))


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket. Raises OSError."""
        self.sock = socket.socket(unix_family())
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _split(url: str) -> SplitResult:
    remedy = "give one like http://127.0.0.1:6060 or unix:/run/app.sock"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and _is_host(parts.hostname) and not parts.query
        if not usable or parts.port == 0:
            raise ValueError(_NOWHERE)
    except ValueError as error:
        wrong = _NOWHERE if "@" in url else str(error).lower()  # which may repeat a password
        raise UsageError(problem("--url", masked(url), wrong, remedy)) from error
    return parts


def _is_host(name: str | None) -> bool:
    """Whether the system can be asked for a host of that name."""
    try:
        return _HOST.fullmatch((name or "").encode("idna")) is not None
    except UnicodeError:  # a part of it is empty, too long or of no alphabet
        return False


def _authorization() -> dict[str, str]:
    token = monitor_token()
    return {"Authorization": f"Bearer {token}"} if token else {}
