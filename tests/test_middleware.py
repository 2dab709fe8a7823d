"""Requests are in flight exactly as long as a WSGI or ASGI application is at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from children import script

from gctune.integrations import asgi, wsgi
from gctune.monitor.requests import in_flight


class Body:
    """A body that says whether it has been closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        assert in_flight() == 1
        yield b"some"
        yield b"thing"

    def close(self) -> None:
        assert in_flight() == 1
        self.closed = True


def called(app: Callable[..., Any], **environ: object) -> Any:
    return wsgi.Middleware(app)(dict(environ), lambda *_: None)


def test_a_request_is_in_flight_until_its_body_is_closed() -> None:
    body = Body()
    answer = called(lambda *_: body)
    assert b"".join(answer) == b"something"
    assert in_flight() == 1
    answer.close()
    assert body.closed
    assert in_flight() == 0


def test_a_body_that_nobody_reads_ends_as_well() -> None:
    called(lambda *_: Body()).close()
    assert in_flight() == 0


def test_a_body_without_close_and_one_whose_close_fails_end_as_well() -> None:
    class Fails(Body):
        def close(self) -> None:
            raise OSError("gone")

    called(lambda *_: [b"x"]).close()
    with pytest.raises(OSError, match="gone"):
        called(lambda *_: Fails()).close()
    assert in_flight() == 0


def test_an_application_that_fails_ends_its_request() -> None:
    def app(*_: object) -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        called(app)
    assert in_flight() == 0


def test_the_servers_own_file_stays_what_it_is() -> None:
    file = FileWrapper(open(__file__, "rb"))  # noqa: PTH123, SIM115 - the server closes it
    assert called(lambda *_: file, **{"wsgi.file_wrapper": FileWrapper}) is file
    file.close()  # type: ignore[attr-defined]
    assert in_flight() == 0


def test_the_middleware_keeps_to_wsgi() -> None:
    from wsgiref.util import setup_testing_defaults

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x"]

    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    answer = validator(wsgi.Middleware(validator(app)))(environ, lambda *_: None)
    assert b"".join(answer) == b"x"
    answer.close()  # type: ignore[attr-defined]


@pytest.fixture
def _tunes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the first request of an application from putting settings in force here."""
    monkeypatch.setenv("GCTUNE_DISABLE", "1")


def _run(app: asgi.Application, kind: str) -> None:
    async def nothing(*_: object) -> Any:
        return None

    asyncio.run(asgi.Middleware(app)({"type": kind}, nothing, nothing))


@pytest.mark.usefixtures("_tunes_nothing")
@pytest.mark.parametrize(("kind", "number"), [("http", 1), ("websocket", 0)])
def test_http_requests_are_in_flight_and_connections_that_stay_are_not(
    kind: str, number: int
) -> None:
    seen = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append(in_flight())
        raise KeyError("no")

    with pytest.raises(KeyError):
        _run(app, kind)
    assert (seen, in_flight()) == ([number], 0)


@pytest.mark.usefixtures("_tunes_nothing")
def test_of_middleware_within_middleware_the_outermost_tells() -> None:
    answer = called(wsgi.Middleware(lambda *_: Body()))
    assert b"".join(answer) == b"something"
    answer.close()
    assert in_flight() == 0

    seen = []

    async def app(scope: object, receive: object, send: object) -> None:
        seen.append(in_flight())

    _run(asgi.Middleware(app), "http")
    assert (seen, in_flight()) == ([1], 0)


def test_within_the_hooks_of_gunicorn_no_middleware_tells() -> None:
    printed = script(
        "from gctune.integrations import gunicorn, wsgi\n"
        "from gctune.monitor import counting, requests\n"
        "counting.start()\n"
        "def app(environ, start_response): print(requests.in_flight()); return []\n"
        "for _ in range(2):\n"
        "    gunicorn.pre_request(None, None)\n"
        "    wsgi.Middleware(app)({}, None)\n"
        "    gunicorn.post_request(None, None, {}, None)\n"
        "print(requests.in_flight(), counting.totals())"
    )
    assert printed.splitlines() == ["1", "1", "0 {'operations': 2}"]


def test_two_requests_at_once_are_told_of_each() -> None:
    first, second = called(lambda *_: [b"1"]), called(lambda *_: [b"2"])
    assert in_flight() == 2
    first.close()
    second.close()
    assert in_flight() == 0


_LIFESPAN = """
import asyncio
import gc
from gctune.integrations.asgi import Middleware
async def app(scope, receive, send):
    await receive()
    print(gc.get_threshold()[0], gc.get_freeze_count() > 5_000)
    app.kept = [[] for _ in range(5_000)]
    await send({"type": "lifespan.startup.complete"})
    print(gc.get_freeze_count() > 5_000)
async def receive(): return {"type": "lifespan.startup"}
async def send(message): print(message["type"], message.get("message", ""))
asyncio.run(Middleware(app)({"type": "lifespan"}, receive, send))
"""


def test_an_application_starts_under_its_settings_and_is_frozen_once_it_has() -> None:
    tuned = {"GCTUNE_ENVIRONMENT": "test", "GCTUNE_GC__THRESHOLD0": "543"}
    printed = script(_LIFESPAN, **tuned, GCTUNE_GC__FREEZE="startup")
    assert printed.splitlines() == ["543 False", "lifespan.startup.complete ", "True"]


def test_bad_settings_fail_the_startup_and_say_why() -> None:
    printed = script(_LIFESPAN, GCTUNE_GC__THRESHOLD0="lots")
    assert printed.startswith("lifespan.startup.failed GCTUNE_GC__THRESHOLD0 = 'lots': ")


_WITHOUT_LIFESPAN = """
import asyncio
import gc
from gctune.integrations.asgi import Middleware
HEAP = [[] for _ in range(5_000)]
async def app(scope, receive, send):
    if scope["type"] != "http":
        {refuses}
    print(gc.get_threshold()[0], gc.get_freeze_count() > 5_000)
async def nothing(*_): pass
async def serve():
    served = Middleware(app)
    for kind in {kinds}:
        try:
            await served({{"type": kind}}, nothing, nothing)
        except ValueError as error:
            print(error)
        print(gc.get_freeze_count() > 5_000)
asyncio.run(serve())
"""
_STARTUP = {
    "GCTUNE_ENVIRONMENT": "test",
    "GCTUNE_GC__THRESHOLD0": "543",
    "GCTUNE_GC__FREEZE": "startup",
}


@pytest.mark.parametrize(
    ("refuses", "said"), [("raise ValueError('HTTP only')", ["HTTP only"]), ("return", [])]
)
def test_an_application_that_refuses_lifespan_has_started_all_the_same(
    refuses: str, said: list[str]
) -> None:
    code = _WITHOUT_LIFESPAN.format(refuses=refuses, kinds=["lifespan"])
    assert script(code, **_STARTUP).splitlines() == [*said, "True"]


def test_where_lifespan_never_comes_the_first_request_finds_it_started() -> None:
    code = _WITHOUT_LIFESPAN.format(refuses="return", kinds=["http", "http"])
    assert script(code, **_STARTUP).splitlines() == ["543 True", "True"] * 2


def test_bad_settings_fail_no_request_and_are_told_once() -> None:
    code = "import os; os.dup2(1, 2)\n" + _WITHOUT_LIFESPAN.format(
        refuses="return", kinds=["http", "http"]
    )
    first, *lines = script(code, **{**_STARTUP, "GCTUNE_GC__THRESHOLD0": "lots"}).splitlines()
    assert first.startswith("gctune: GCTUNE_GC__THRESHOLD0 = 'lots': ")
    assert len(lines) == 4
