"""A program is asked where a URL says, and what cannot be one is refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from children import python

from gctune.cli.remote import Remote
from gctune.errors import ProfileError, UsageError


class Echo(BaseHTTPRequestHandler):
    """Answers with the path that it was asked for."""

    def do_GET(self) -> None:
        """Answer a request."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode("latin-1"))

    def log_message(self, *_: object) -> None:
        """Keep it to itself."""


@pytest.fixture
def echo() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", ""),
        ("/", ""),
        ("/debug/", "/debug"),
        ("/é", "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a%20b;c=d,e@f:g~", "/a%20b;c=d,e@f:g~"),
        ("/\udce9", "/%E9"),  # as an argument that is no UTF-8 arrives
    ],
)
def test_a_path_is_asked_for_as_a_browser_does(path: str, sent: str, echo: str) -> None:
    assert Remote(echo + path).read("/metrics", 100).decode() == f"{sent}/metrics"


@pytest.mark.parametrize(
    "host", ["a..b", ".", "a" * 64, "a b", "a\x7fb", "\udce9", "a\u3000b"], ids=ascii
)
def test_what_cannot_be_a_host_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="not where a program can be asked; give one like"):
        Remote(f"http://{host}:6060")


@pytest.mark.parametrize("host", ["localhost", "localhost.", "[::1]", "[fe80::1%25eth0]", "bücher"])
def test_a_host_by_any_kind_of_name_is_taken(host: str) -> None:
    Remote(f"http://{host}:6060")


def test_a_system_without_unix_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(ProfileError, match="this system has no unix sockets"):
        Remote("unix:/run/app.sock").read("/metrics", 100)


@pytest.mark.parametrize("url", ["{}@127.0.0.1:1", "{}@a..b", "{}/w@127.0.0.1:1/x"])
def test_an_error_repeats_no_password(url: str) -> None:
    with pytest.raises((ProfileError, UsageError)) as caught:
        Remote(url.format("http://me:s3cret")).read("/metrics", 100)
    assert str(caught.value).startswith("--url = 'http://***@")
    assert "s3cret" not in str(caught.value)


def test_what_is_no_gctune_is_told_without_the_password_too(echo: str) -> None:
    url = echo.replace("http://", "http://me:s3cret@")
    done = python("-m", "gctune", "top", "--url", url, "--count", "1", status=1)
    assert done.stderr.startswith("--url = 'http://***@127.0.0.1:")
