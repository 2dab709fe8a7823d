"""HTTP/1.1 as the endpoints speak it: bytes to a Request, a Response to bytes.

A connection carries one request, without a body, and is closed behind its
response. Nothing here reads or writes anything.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

MOST_BYTES = 8192  # of a request
_MOST_FIELDS = 64  # headers, or names in a query
_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (/[!-~]*) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\t -~\x80-\xff]*)")
_SINGLE = ("host", "authorization", "origin")  # two of them, and readers differ on which counts
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_ALWAYS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))

PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"
BINARY = "application/octet-stream"


class Request(Record):
    """What a client asks for; the names of `headers` are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Response(Record):
    """What a client gets; a `body` in pieces ends where the connection does."""

    status: int
    content_type: str
    body: bytes | Iterator[bytes]
    headers: tuple[tuple[str, str], ...]


class Refusal(Exception):  # noqa: N818 - nothing has gone wrong here
    """A request that is not served, and why."""

    def __init__(self, status: int, why: str, *headers: tuple[str, str]) -> None:
        super().__init__(why)
        # go tool pprof shows the text of an error only where this header is.
        self.response = text(f"{why}\n", status, *headers, ("X-Go-Pprof", "1"))


def text(content: str, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Answer in plain text."""
    return Response(status, PLAIN, content.encode("utf-8", "backslashreplace"), headers)


def complete(received: bytes | bytearray) -> bool:
    """Whether all of a request is there. Raises Refusal where there is more than any needs."""
    if _END in received[:MOST_BYTES]:
        return True
    if len(received) >= MOST_BYTES:
        raise Refusal(431, f"a request here has at most {MOST_BYTES} bytes")
    return False


def parse(received: bytes | bytearray) -> Request:
    """Read the first request of what was received. Raises Refusal where it is none."""
    head, _, _ = received.partition(_END)
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise Refusal(400, "not a request of HTTP/1.1")
    method, target = match.groups()
    path, _, query = target.partition("?")
    return Request(method, path, parse_query(query), _headers(lines))


def _headers(lines: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None or len(headers) >= _MOST_FIELDS:
            raise Refusal(400, "not a header, or one too many")
        name, value = match[1].lower(), match[2].strip(" \t")
        if name in headers:
            if name in _SINGLE:
                raise Refusal(400, f"more than one {name}")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def parse_query(query: str) -> dict[str, str]:
    """Read the part of a target behind `?`. Raises Refusal where it has too many names."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise Refusal(400, "too long a query") from error


def headers_of(response: Response) -> list[tuple[str, str]]:
    """Every header of a response but those of the connection."""
    headers = [("Content-Type", response.content_type), *response.headers, *_ALWAYS]
    if isinstance(response.body, bytes):
        headers.append(("Content-Length", str(len(response.body))))
    return headers


def status_line(response: Response) -> str:
    """The status with its phrase, as in `404 Not Found`."""
    return f"{response.status} {_PHRASES[response.status]}"


def pieces(response: Response, method: str) -> Generator[bytes, None, None]:
    """Encode the response to a request of that method: in one piece, unless its body is in more."""
    lines = [f"HTTP/1.1 {status_line(response)}", "Connection: close"]
    lines += (f"{name}: {value}" for name, value in headers_of(response))
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if method == "HEAD":
        yield head
    elif isinstance(response.body, bytes):
        yield head + response.body
    else:
        yield head
        yield from response.body
