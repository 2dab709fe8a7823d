"""What is a request, and which requests are served: decided on bytes, with no socket."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gctune.server.guard import Rules, check
from gctune.server.http import (
    MOST_BYTES,
    Refusal,
    Request,
    Response,
    complete,
    parse,
    pieces,
    text,
)

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def refused(received: bytes) -> int:
    with pytest.raises(Refusal) as caught:
        parse(received)
    return caught.value.response.status


# Requests


def test_a_request_has_method_path_query_and_headers() -> None:
    head = b"HEAD /a/b?seconds=1.5&x=%20 HTTP/1.0\r\nAccept: a\r\nACCEPT:\t b \r\nHost: h:1\r\n\r\n"
    headers = {"accept": "a, b", "host": "h:1"}
    assert parse(head) == Request("HEAD", "/a/b", {"seconds": "1.5", "x": " "}, headers)


def test_what_follows_the_first_request_is_not_of_it() -> None:
    assert parse(GET + b"POST /other HTTP/1.1\r\n\r\n") == parse(GET)


@pytest.mark.parametrize(
    "received",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1 \r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET /\xe9 HTTP/1.1\r\n\r\n",
        b"G(T / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(65)) + b"\r\n",
        b"GET /?" + b"&".join(b"a%d=1" % n for n in range(65)) + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(received: bytes) -> None:
    assert refused(received) == 400


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: GET[:-2] + tail))
def test_any_bytes_are_a_request_or_refused(received: bytes) -> None:
    outcome: Request | Response
    try:
        outcome = parse(received)
    except Refusal as refusal:
        outcome = refusal.response
    assert isinstance(outcome, Request) or outcome.status == 400


def test_a_request_is_complete_with_its_empty_line() -> None:
    assert [complete(GET[:length]) for length in (0, 1, len(GET) - 1, len(GET))] == [
        False,
        False,
        False,
        True,
    ]


def test_a_request_is_bounded() -> None:
    assert not complete(b"a" * (MOST_BYTES - 1))
    with pytest.raises(Refusal) as caught:
        complete(b"a" * MOST_BYTES + b"\r\n\r\n")
    assert caught.value.response.status == 431


# Responses


def encoded(response: Response, method: str = "GET") -> bytes:
    return b"".join(pieces(response, method))


def test_a_response_says_how_long_it_is_and_that_the_connection_ends() -> None:
    head, _, body = encoded(text("fine\n")).partition(b"\r\n\r\n")
    assert body == b"fine\n"
    first, *lines = head.decode().split("\r\n")
    assert first == "HTTP/1.1 200 OK"
    assert {"Content-Length: 5", "Connection: close", "Cache-Control: no-store"} <= set(lines)


def test_head_gets_the_same_headers_and_no_body() -> None:
    assert encoded(text("fine\n"), "HEAD") == encoded(text("fine\n"))[: -len("fine\n")]


def test_a_body_in_parts_comes_as_it_is_made() -> None:
    parts = pieces(Response(200, "a/b", iter([b"1", b"2"]), ()), "GET")
    assert b"Content-Length" not in next(parts)
    assert list(parts) == [b"1", b"2"]


# Who may ask what

PATHS = ("/health", "/", "/metrics", "/debug/gctune", "/debug/pprof/heap", "/no/such")
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "BREW")
OWN_HOSTS = (
    "localhost",
    "LocalHost:6060",
    "127.0.0.1",
    "127.0.0.1:6060",
    "127.9.9.9",
    "[::1]:6060",
    "[0:0:0:0:0:0:0:1]",
)
OTHER_HOSTS = (
    None,
    "",
    "evil.example",
    "evil.example:6060",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil@localhost",
    "localhost:6060@evil",
    "localhost.",
    "localhost:",
    "192.168.1.1:6060",
    "[::2]",
    "::1",
    "[127.0.0.1]",
    "127.300.0.1",
    "localhost\u0661",
)
FROM_PAGES = (
    {"origin": "http://evil.example"},
    {"origin": "http://localhost:6060"},
    {"origin": "null"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "Anything"},
)
NOT_FROM_PAGES = ({}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"})
TOKEN = "s3cret-\u00e9"
RIGHT = {"authorization": "Bearer " + TOKEN.encode().decode("latin-1")}
WRONG = (
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer s3cret"},
    {"authorization": "Bearer S3CRET-\u00e9"},
    {"authorization": "Basic " + RIGHT["authorization"].split()[1]},
    {"authorization": RIGHT["authorization"].split()[1]},
    {"authorization": RIGHT["authorization"] + " " + RIGHT["authorization"]},
    {"x-token": TOKEN},
)


def admitted(rules: Rules, method: str, path: str, headers: dict[str, str]) -> bool:
    try:
        check(Request(method, path, {}, headers), rules)
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_every_cell_of_the_matrix_is_decided_right(local: bool, token: str | None) -> None:
    rules = Rules(token, local)
    cells = 0
    for method, path, host, page, shown in product(
        METHODS, PATHS, OWN_HOSTS + OTHER_HOSTS, FROM_PAGES + NOT_FROM_PAGES, (RIGHT, *WRONG)
    ):
        headers = {**page, **shown} if host is None else {"host": host, **page, **shown}
        expected = (
            method in ("GET", "HEAD")
            and page in NOT_FROM_PAGES
            and (host in OWN_HOSTS or not local)
            and (path == "/health" or (local if token is None else shown is RIGHT))
        )
        assert admitted(rules, method, path, headers) == expected, (method, path, headers)
        cells += 1
    assert cells == 10 * 6 * 23 * 10 * 11


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"content-length": "1"}, 400), ({"transfer-encoding": "chunked"}, 400), ({}, 200)],
)
def test_a_request_with_a_body_is_refused(headers: dict[str, str], status: int) -> None:
    given_headers = {"host": "localhost", **headers}
    assert admitted(Rules(None, local=True), "GET", "/", given_headers) == (status == 200)


def test_a_refusal_says_what_to_do() -> None:
    for rules, method, headers, words in (
        (Rules(None, local=True), "POST", {"host": "localhost"}, "only GET and HEAD"),
        (Rules(None, local=True), "GET", {"host": "a.b"}, "ask for localhost"),
        (Rules(None, local=False), "GET", {}, "set monitor.token"),
        (Rules("a", local=False), "GET", {}, "Authorization: Bearer"),
    ):
        with pytest.raises(Refusal, match=words):
            check(Request(method, "/metrics", {}, headers), rules)
