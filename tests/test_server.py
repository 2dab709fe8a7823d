"""The server on real sockets: whom it answers, whom it drops, and what it holds on to."""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path

import pytest
from asking import PATIENCE, ask, connect, read, request, until
from children import script
from held import descriptors

from gctune.monitor import loop
from gctune.server import handlers, own, server
from gctune.server.address import listen, taken
from gctune.server.guard import Rules
from gctune.server.handlers import Pause
from gctune.server.http import BINARY, Refusal, Request, Response, text
from gctune.server.server import Route, Server

TOKEN = "s3cret"
BIG = b"x" * 20_000_000  # more than any socket takes at once


class Program:
    """What the server asks: answers of every kind."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.waiting = threading.Semaphore(0)  # one for each slow answer that has begun
        self.ended = threading.Semaphore(0)
        self.routes = {
            "/health": Route(lambda *_: text("fine\n"), takes_time=False),
            "/big": Route(lambda *_: Response(200, BINARY, BIG, ()), takes_time=False),
            "/fails": Route(self._fail, takes_time=False),
            "/fails/slowly": Route(self._fail, takes_time=True),
            "/breaks": Route(lambda *_: Response(200, BINARY, self._break(), ()), takes_time=True),
            "/slow": Route(self._wait, takes_time=True),
            "/metrics": Route(lambda *_: text("metrics\n"), takes_time=False),
            "/late": Route(self._oversleep, takes_time=False),
        }

    def find(self, request: Request) -> Route:
        if request.path not in self.routes:
            raise Refusal(404, "no such path")
        return self.routes[request.path]

    def _fail(self, *_: object) -> Response:
        raise MemoryError("no memory")

    def _break(self) -> Iterator[bytes]:
        yield b"part"
        raise ValueError("broken")

    def _oversleep(self, *_: object) -> Response:
        time.sleep(1.5 * server._SECONDS)
        return text("late\n")

    def _wait(self, request: Request, pause: Pause) -> Response:
        self.waiting.release()
        wanted = pause(float(request.query["seconds"]))
        self.ended.release()
        return text(f"{wanted}\n")


@contextmanager
def serving(
    address: str = "127.0.0.1:0", token: str | None = None, local: bool | None = None
) -> Iterator[tuple[str, Program, Server]]:
    bound, program = listen(address), Program()
    rules = Rules(token, bound.local if local is None else local)
    served = Server(bound, rules, program.find, program.told.append)
    served.start()
    try:
        yield bound.name, program, served
    finally:
        served.stop()


# Whom it answers


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_it_answers_over_tcp_and_a_socket_file(kind: str, tmp_path: Path) -> None:
    with serving("127.0.0.1:0" if kind == "tcp" else f"unix:{tmp_path}/sock") as (name, *_):
        assert ask(name) == (200, ask(name).headers, b"fine\n")
        assert ask(name, method="HEAD").body == b""
        assert ask(name, "/no/such").status == 404


def test_a_large_answer_comes_whole() -> None:
    with serving() as (name, *_):
        assert ask(name, "/big").body == BIG


def test_a_request_may_come_byte_by_byte() -> None:
    with serving() as (name, *_), connect(name) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request():
            client.sendall(bytes([byte]))
        assert read(client).body == b"fine\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request() * 500, 200),  # pipelined: the first is answered, the rest is not
        (request() + BIG, 200),
        (request(method="POST", content_length="20000000") + BIG, 405),
        (b"\x16\x03\x01" * 3000, 431),
        (b"GET /" + b"a" * 9000, 431),
        (b"\x00\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_sent_besides_does_not_cut_the_answer_off(sent: bytes, status: int) -> None:
    with serving() as (name, *_), connect(name) as client:
        sender = threading.Thread(target=_send_what_can_be_sent, args=(client, sent))
        sender.start()
        assert read(client).status == status
        client.close()
        sender.join(PATIENCE)


def _send_what_can_be_sent(client: socket.socket, sent: bytes) -> None:
    with suppress(OSError):
        client.sendall(sent)


RIGHT = {"authorization": f"Bearer {TOKEN}"}
SHOWN = ({}, {"authorization": "Bearer no"}, RIGHT)
HOSTS = ("localhost", "evil.example")
PAGES = ({}, {"origin": "http://localhost"}, {"sec_fetch_site": "cross-site"})
METHODS = ("GET", "HEAD", "POST")
PATHS = ("/health", "/metrics")


@pytest.mark.parametrize("address", ["unix:{}/sock", "127.0.0.1:0", "0.0.0.0:0"])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_what_the_rules_deny_is_denied_on_the_wire(
    address: str, token: str | None, tmp_path: Path
) -> None:
    with serving(address.format(tmp_path), token) as (name, *_):
        local = not name.startswith("0.0.0.0")
        for host, page, shown, method, path in product(HOSTS, PAGES, SHOWN, METHODS, PATHS):
            served = (
                method != "POST"
                and not page
                and (host == "localhost" or not local)
                and (path == "/health" or (shown is RIGHT if token else local))
            )
            answer = ask(name, path, method, host=host, **page, **shown)
            assert (answer.status == 200) == served
            assert TOKEN.encode() not in answer.body


# What goes wrong in answering


def test_a_failure_is_answered_counted_and_told_once() -> None:
    with serving() as (name, program, served):
        for _ in range(3):
            assert ask(name, "/fails").status == 500
        assert ask(name, "/fails/slowly").status == 500
        assert ask(name).status == 200
        assert served.failures == 4
    assert len(program.told) == 1
    assert "MemoryError: no memory" in program.told[0]


def test_an_answer_that_breaks_off_is_cut_off_and_counted() -> None:
    with serving() as (name, _, served):
        assert ask(name, "/breaks").body == b"part"
        assert served.failures == 1


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Have memory run out the next time that a method is called."""
    errors, method = iter([MemoryError()]), getattr(owner, name)

    def failing(*arguments: object) -> object:
        for error in errors:
            raise error
        return method(*arguments)

    monkeypatch.setattr(owner, name, failing)


def test_memory_that_runs_out_between_two_steps_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_once(monkeypatch, loop._Life, "_ended_within")
    with serving() as (name, *_):
        assert ask(name).status == 200


@pytest.mark.parametrize("method", ["register", "modify"])
def test_a_client_for_whom_memory_runs_out_is_dropped_alone(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SECONDS", 0.3)
    with serving() as (name, _, served):
        before = descriptors()
        fail_once(monkeypatch, served._selector, method)
        with connect(name) as client, suppress(ConnectionError):
            client.sendall(request())
            assert client.recv(1) == b""
        assert ask(name).status == 200
        until(lambda: descriptors() <= before)


# Whom it drops


def threads() -> set[str]:
    return {each.name for each in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: ", request("/big")])
def test_a_client_that_takes_too_long_is_dropped(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SECONDS", 0.3)
    with serving() as (name, *_):
        before = descriptors()
        with connect(name) as client:
            client.sendall(sent)
            assert ask(name).status == 200
            until(lambda: len(descriptors() - before) == 1)  # the client's own
            with suppress(ConnectionError):
                assert len(b"".join(iter(lambda: client.recv(65536), b""))) < len(BIG)


def test_a_client_is_not_dropped_for_how_long_the_answer_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a machine with more work than it can do, even a short answer can take seconds."""
    monkeypatch.setattr(server, "_SECONDS", 0.2)
    with serving() as (name, *_):
        assert ask(name, "/late").body == b"late\n"


def test_a_client_that_closes_halfway_is_forgotten() -> None:
    with serving() as (name, *_):
        before = descriptors()
        for sent in (b"", b"GET /hea", request("/big")):
            connect(name).close()
            with connect(name) as client:
                client.sendall(sent)
        assert ask(name).status == 200
        until(lambda: descriptors() <= before)


def test_many_silent_clients_cost_no_thread_and_keep_nobody_out() -> None:
    with serving() as (name, *_):
        before, threads_before = descriptors(), threads()
        silent = [connect(name) for _ in range(3 * server.MOST_CLIENTS)]
        for client in silent[::2]:
            client.sendall(b"GET /health HTTP/1.1\r\n")
        assert [ask(name).status for _ in range(50)] == [200] * 50
        assert len(descriptors() - before) - len(silent) <= server.MOST_CLIENTS
        assert threads() <= threads_before
        assert silent[0].recv(1) == b""  # the oldest made way
        for client in silent:
            client.close()
        until(lambda: descriptors() <= before)


def test_one_that_has_just_come_does_not_make_way_for_those_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be waiting for a processor before it can send its request."""
    monkeypatch.setattr(server, "_GRACE", 60.0)  # all of them have just come, on any machine
    bound, program = listen(f"unix:{tmp_path}/sock"), Program()
    served = Server(bound, Rules(None, local=True), program.find, program.told.append)
    with ExitStack() as clients:
        first, *_ = [
            clients.enter_context(connect(bound.name)) for _ in range(3 * server.MOST_CLIENTS)
        ]
        served.start()
        clients.callback(served.stop)
        until(lambda: len(served._clients) == server.MOST_CLIENTS)
        first.sendall(request())
        assert read(first).status == 200


def test_a_burst_of_clients_waits_and_is_not_refused(tmp_path: Path) -> None:
    bound, program = listen(f"unix:{tmp_path}/sock"), Program()
    silent = [connect(bound.name) for _ in range(500)]  # nobody accepts them yet
    served = Server(bound, Rules(None, local=True), program.find, program.told.append)
    served.start()
    assert ask(bound.name).status == 200
    served.stop()
    for client in silent:
        client.close()


# What takes time


def test_what_takes_time_keeps_nobody_waiting() -> None:
    with serving() as (name, program, _), connect(name) as slow:
        slow.sendall(request("/slow?seconds=3600"))
        assert program.waiting.acquire(timeout=PATIENCE)
        assert ask(name).status == 200


def test_what_takes_time_is_answered_on_a_system_without_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(select, "poll")
    with serving() as (name, *_):
        assert ask(name, "/slow?seconds=0.01").body == b"True\n"


def test_only_so_many_are_handled_at_once() -> None:
    with serving() as (name, program, _):
        slow = [connect(name) for _ in range(handlers.MOST)]
        for client in slow:
            client.sendall(request("/slow?seconds=3600"))
            assert program.waiting.acquire(timeout=PATIENCE)
        refused = ask(name, "/slow?seconds=3600")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert ask(name).status == 200
        for client in slow:
            client.close()
        for _ in slow:
            assert program.ended.acquire(timeout=PATIENCE)
        until(lambda: ask(name, "/slow?seconds=0").status == 200)


def test_an_answer_that_nobody_waits_for_is_given_up() -> None:
    with serving() as (name, program, _):
        with connect(name) as slow:
            slow.sendall(request("/slow?seconds=3600") + b"more")
            assert program.waiting.acquire(timeout=PATIENCE)
        assert program.ended.acquire(timeout=PATIENCE)


def test_stopping_ends_every_thread_and_connection() -> None:
    descriptors_before, threads_before = descriptors(), threads()
    with serving() as (name, program, _):
        clients = [connect(name) for _ in range(3)]
        clients[0].sendall(request("/slow?seconds=3600"))
        clients[1].sendall(b"GET /hea")
        assert program.waiting.acquire(timeout=PATIENCE)
    for client in clients:
        with suppress(ConnectionError):
            assert client.recv(1) == b""
        client.close()
    assert program.ended.acquire(timeout=PATIENCE)
    until(lambda: descriptors() <= descriptors_before and threads() <= threads_before)
    with pytest.raises(ConnectionError):
        ask(name)


def test_clients_outlive_a_rest() -> None:
    before = threads()
    with serving() as (name, _, served), connect(name) as client:
        client.sendall(request()[:5])
        assert not threads() <= before
        served.rest()
        until(lambda: threads() <= before)
        client.sendall(request()[5:])
        served.start()
        assert read(client).body == b"fine\n"


# Programs that close what they have not opened


@contextmanager
def put_in_place_of(numbers: list[int]) -> Iterator[Callable[[], bool]]:
    """Have a socket of the program's own at each number; gives whether all is well with it."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    for number in numbers:
        os.dup2(there.fileno(), number)

    def is_well() -> bool:
        """Whether it is open there, and has had nothing written to it, and nothing read from it."""
        there_still = [socket.socket(fileno=os.dup(number)) for number in numbers]
        for each in there_still:
            with each, suppress(BlockingIOError):
                here.recv(1)
                return False
            here.send(b"x")
            assert there.recv(2) == b"x"
        return True

    try:
        yield is_well
    finally:
        for number in numbers:
            os.close(number)
        here.close()
        there.close()


@pytest.mark.parametrize("option", [57, -1], ids=["a cookie", "none"])
def test_what_the_program_has_where_its_sockets_were_is_left_alone(
    option: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_SO_COOKIE", option)
    monkeypatch.setattr(server, "_LOOK", 0.05)
    with serving() as (name, program, served), connect(name) as slow, connect(name) as silent:
        slow.sendall(request("/slow?seconds=3600"))
        assert program.waiting.acquire(timeout=PATIENCE)
        silent.sendall(request()[:5])
        until(lambda: len(served._clients) == 1)
        permanent = [served.bound.listener, served._woken, served._wake]
        clients = [*served._clients, *served._handlers._clients.values()]
        with put_in_place_of([each.fileno() for each in permanent + clients]) as is_well:
            assert program.ended.acquire(timeout=PATIENCE)
            until(lambda: served.lost)
            served.rest()
            served.start()
            served.stop()
            assert is_well()
    assert program.told == []


def test_a_client_that_the_program_has_closed_is_dropped_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "_SECONDS", 0.3)
    with serving() as (name, _, served), connect(name) as silent:
        silent.sendall(request()[:5])
        until(lambda: len(served._clients) == 1)
        with put_in_place_of([each.fileno() for each in served._clients]) as is_well:
            until(lambda: not served._clients)
            assert ask(name).status == 200
            assert is_well()


# Addresses


def test_a_socket_file_is_for_this_user_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with serving(f"unix:{tmp_path}/{{pid}}.sock") as (name, *_):
            path = Path(name.removeprefix("unix:"))
            assert path == tmp_path / f"{os.getpid()}.sock"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(umask)
    assert not path.exists()


def test_a_socket_file_that_was_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/sock")
    with serving(f"unix:{tmp_path}/sock") as (name, *_):
        assert ask(name).status == 200


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/etc")])
def test_a_file_that_is_no_socket_is_left_alone(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "sock")
    before = (tmp_path / "sock").lstat()
    with pytest.raises(OSError, match="not a socket of this user's") as caught:
        listen(f"unix:{tmp_path}/sock")
    assert not taken(caught.value)
    assert (tmp_path / "sock").lstat() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user's")
def test_a_socket_of_another_users_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/sock")
    os.chown(tmp_path / "sock", 65534, 65534)
    with pytest.raises(OSError, match="not a socket of this user's"):
        listen(f"unix:{tmp_path}/sock")
    assert (tmp_path / "sock").exists()


def test_an_address_that_is_in_use_is_said_to_be_taken(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/sock", "127.0.0.1:0"):
        with serving(address) as (name, *_):
            with pytest.raises(OSError) as caught:  # noqa: PT011 - taken says which
                listen(name)
            assert taken(caught.value)
            assert ask(name).status == 200


def test_workers_that_start_at_once_never_take_each_others_socket_away(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/sock")
    printed = script(
        "import os, sys\n"
        "from gctune.server.address import listen, taken\n"
        "go, held = os.pipe(), os.pipe()\n"
        "for _ in range(8):\n"
        "    if not os.fork():\n"
        "        os.close(go[1])\n"
        "        os.read(go[0], 1)\n"
        "        try:\n"
        f"            bound = listen('unix:{tmp_path}/sock')\n"
        "        except OSError as error:\n"
        "            os._exit(0 if taken(error) else 1)\n"
        "        os.read(held[0], 1)\n"
        "        os._exit(7)\n"
        "os.close(go[1])\n"
        "ends = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(7)]\n"
        "os.write(held[1], b'.')\n"
        "print(ends, os.waitstatus_to_exitcode(os.wait()[1]))"
    )
    assert printed == "[0, 0, 0, 0, 0, 0, 0] 7"


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:0", True),
        ("localhost:0", True),
        ("LOCALHOST:0", True),
        ("127.1.2.3:0", True),
        ("[::1]:0", True),
        ("[0:0:0:0:0:0:0:1]:0", True),
        ("0.0.0.0:0", False),
        ("[::]:0", False),
    ],
)
def test_what_others_reach_is_told_by_where_it_is_bound(address: str, local: bool) -> None:
    try:
        bound = listen(address)
    except OSError as error:  # a machine without IPv6
        pytest.skip(str(error))
    assert bound.local == local
    assert not bound.name.endswith(":0")
    bound.close()


@pytest.mark.parametrize(
    "address", ["unix:/no/such/folder/sock", "256.0.0.1:0", "unix:/" + "a" * 200]
)
def test_an_address_that_cannot_be_is_an_oserror(address: str) -> None:
    with pytest.raises((OSError, OverflowError, ValueError)) as caught:
        listen(address)
    assert not (isinstance(caught.value, OSError) and taken(caught.value))


def test_a_system_without_unix_sockets_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(OSError, match="this system has no unix sockets"):
        listen(f"unix:{tmp_path}/sock")
