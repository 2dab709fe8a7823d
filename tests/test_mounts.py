"""The endpoints within an application's own web server keep the rules, by WSGI and by ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from asking import Answer, ask, connect, request, until
from servers import listening

from gctune.errors import ConfigError
from gctune.integrations.mounts import asgi_app, wsgi_app

TOKEN = "s3cret"
SHOWN = {"authorization": f"Bearer {TOKEN}"}

Ask = Callable[..., Answer]


def by_wsgi(target: str, method: str = "GET", **headers: str) -> Answer:
    """What a WSGI server that holds the application to the standard is told."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    setup_testing_defaults(environ)
    status, given = "", []

    def start_response(*started: Any) -> Callable[[bytes], object]:
        nonlocal status, given
        status, given = started
        return print

    body = validator(wsgi_app)(environ, start_response)
    content = b"".join(body)
    body.close()  # type: ignore[attr-defined] # the validator's has one
    told = {name.lower(): value.lower() for name, value in given}
    return Answer(int(status[:3]), told, content)


async def called(scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What the application sends, whose client waits."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    usual = {"type": "http", "method": "GET", "query_string": b"", "headers": []}
    await asgi_app({**usual, **scope}, receive, send)
    return sent


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where uvicorn serves the application."""
    folder = tmp_path_factory.mktemp("uvicorn")
    path = folder / "socket"
    command = ["uvicorn", "--uds", str(path), "--log-level", "warning", "gctune:asgi_app"]
    with listening(*command, directory=folder, path=path, GCTUNE_MONITOR__TOKEN=TOKEN):
        yield f"unix:{path}"


@pytest.fixture(params=["wsgi", "asgi"])
def mounted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """What asks an application that is mounted, whose token is TOKEN."""
    if request.param == "wsgi":
        monkeypatch.setenv("GCTUNE_MONITOR__TOKEN", TOKEN)
        return by_wsgi
    name = request.getfixturevalue("uvicorn")
    return lambda *arguments, **headers: ask(name, *arguments, connection="close", **headers)


def test_health_needs_no_token_and_any_host_will_do(mounted: Ask) -> None:
    answer = mounted("/health", host="shop.example")
    assert (answer.status, json.loads(answer.body)["status"]) == (200, "ok")
    assert answer.headers["cache-control"] == "no-store"


def test_metrics_ask_for_the_token(mounted: Ask) -> None:
    for wrong in ({}, {"authorization": "Bearer no"}):
        refused = mounted("/metrics", **wrong)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "bearer")
        assert TOKEN.encode() not in refused.body
    assert b"gctune_" in mounted("/metrics", **SHOWN).body


def test_metrics_are_json_where_accept_says_so(mounted: Ask) -> None:
    answer = mounted("/metrics", accept="application/json", **SHOWN)
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)


def test_what_is_not_there_is_404(mounted: Ask) -> None:
    assert mounted("/no/such", **SHOWN).status == 404


def test_head_tells_the_length_and_no_body(mounted: Ask) -> None:
    answer = mounted("/health", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_web_pages_and_other_methods_are_refused(mounted: Ask) -> None:
    assert mounted("/health", origin="http://shop.example").status == 403
    assert mounted("/health", "POST").status == 405


def test_what_takes_time_is_answered_in_pieces(mounted: Ask) -> None:
    answer = mounted("/debug/gctune/profile?seconds=0.1", **SHOWN)
    assert answer.status == 200
    assert answer.body


def test_an_answer_that_nobody_waits_for_is_given_up(uvicorn: str) -> None:
    """One profile is taken at a time: a second is answered once the first is given up."""
    target = "/debug/gctune/profile?seconds={}".format
    with connect(uvicorn) as client:
        client.sendall(request(target(3600), **SHOWN))
        assert client.recv(12) == b"HTTP/1.1 200"
        assert ask(uvicorn, target(0.01), connection="close", **SHOWN).status == 503
    until(lambda: ask(uvicorn, target(0.01), connection="close", **SHOWN).status == 200)


def test_a_query_that_makes_no_sense_is_400(mounted: Ask) -> None:
    assert mounted("/debug/gctune/profile?seconds=soon", **SHOWN).status == 400


def test_below_a_path_asgi_answers_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers and frameworks differ in whether `path` begins with `root_path`."""
    for path in ("/gctune/health", "/health"):
        sent = asyncio.run(called({"path": path, "root_path": "/gctune"}))
        assert sent[0]["status"] == 200


def test_a_token_that_no_client_could_show_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCTUNE_MONITOR__TOKEN", "schl\u00fcssel")
    with pytest.raises(ConfigError, match=r"GCTUNE_MONITOR__TOKEN = .*: not printable ASCII"):
        by_wsgi("/metrics")


def test_asgi_refuses_what_is_not_http() -> None:
    with pytest.raises(ValueError, match="HTTP only, not lifespan"):
        asyncio.run(called({"type": "lifespan"}))
