"""Who serves an address, through forks, ends and undoing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from children import script

START = """
import os, sys, time
import gctune
from asking import ask, until
from gctune.server import serving
serving._STANDBY = 0.1
address = {address!r}

def serve():
    return gctune.apply(environment="production", monitor={{"http": address}})

def pid():
    import json
    return json.loads(ask(address, "/debug/gctune").body)["pid"]
"""


def outcome(code: str, address: str) -> str:
    return script(START.format(address=address) + code, PYTHONWARNINGS="error")


@pytest.fixture
def sock(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/sock"


def test_a_master_leaves_the_address_to_its_workers_and_one_takes_over_from_the_other(
    sock: str,
) -> None:
    code = """
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where they tell who serves
master = serve()
workers = []
for _ in range(2):
    worker = os.fork()
    if not worker:
        time.sleep(60)
        os._exit(0)
    workers.append(worker)
until(answers)
first = pid()
assert first in workers and gctune.served_at() is None
os.kill(first, 9)
os.waitpid(first, 0)
workers.remove(first)
until(answers)
print(pid() == workers[0])
os.kill(workers[0], 9)
"""
    answers = """
def answers():
    try:
        return ask(address).status in (200, 503)
    except OSError:
        return False
"""
    assert outcome(answers + code, sock) == "True"


def test_who_has_been_asked_serves_on_through_a_fork_and_leaves_its_child_nothing(
    sock: str,
) -> None:
    code = """
import stat

def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False

os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
applied = serve()
until(gctune.served_at)
ask(address)
child = os.fork()
if not child:
    kinds = [stat.S_IFMT(os.fstat(fd).st_mode) for fd in range(100) if is_open(fd)]
    os._exit(kinds.count(stat.S_IFSOCK))
print(os.waitpid(child, 0)[1], pid() == os.getpid())
"""
    assert outcome(code, sock) == "0 True"


def test_undoing_frees_the_address_and_applying_serves_again(sock: str) -> None:
    code = """
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
for _ in range(2):
    applied = serve()
    until(gctune.served_at)
    assert ask(address).status == 200
    applied.undo()
    assert gctune.served_at() is None and not os.path.exists(address[5:])
print("done")
"""
    assert outcome(code, sock) == "done"


def told(code: str, address: str) -> str:
    """What a program tells on standard error, which ends well."""
    code = f"""
read, write = os.pipe()
stderr = os.dup(2)
os.dup2(write, 2)
{code}
os.dup2(stderr, 2)
sys.stdout.buffer.write(os.read(read, 65536))
"""
    return outcome(code, address)


def test_an_address_that_is_taken_is_one_warning_and_the_program_goes_on() -> None:
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as taken:
    address = "127.0.0.1:%d" % taken.getsockname()[1]
    serve()
    time.sleep(2)
    assert gctune.served_at() is None
until(gctune.served_at)
"""
    (line,) = told(code, "").splitlines()
    assert "another process listens there; this one takes over when that ends" in line


def test_what_others_reach_is_not_served_without_a_token() -> None:
    code = """
from children import plan
from gctune.runtime.applied import apply_plan
from gctune.services import services
apply_plan(plan(monitor__http=address), services(lambda: None))
time.sleep(2)
assert gctune.served_at() is None
"""
    assert "other machines reach it, and no token is set" in told(code, "0.0.0.0:0")


def test_an_address_that_cannot_be_is_told() -> None:
    code = """
serve()
time.sleep(2)
assert gctune.served_at() is None
"""
    assert "no such file or directory; give another address" in told(code, "unix:/absent/sock")


def test_an_address_that_no_thread_was_to_be_had_for_is_let_go(sock: str) -> None:
    code = """
import _thread
duty = serving.Serving(address, None, lambda request: None)
_thread.stack_size(1 << 60)  # more than there is, so that no thread starts
try:
    duty(time.perf_counter_ns())
except RuntimeError:
    print(os.path.exists(address[5:]))
_thread.stack_size(0)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
duty(time.perf_counter_ns())
print(duty.server is not None)
duty.close()
"""
    assert outcome(code, sock).split() == ["False", "True"]


CLOSES = """
import socket, stat
from gctune.server import server
server._LOOK = 0.05

def serve_and_close():
    applied = serve()
    until(gctune.served_at)
    assert ask(gctune.served_at()).status == 200
    until(lambda: not next(serving._serving())[1]._clients)  # else its thread is closing one, too
    for fd in range(3, 256):
        if is_socket(fd):
            os.close(fd)
    return applied

def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

def arrive(pairs):
    for pair in pairs:
        for here, there in (pair, pair[::-1]):
            here.send(b"its own")
            assert there.recv(64) == b"its own"
    return True
"""


@pytest.mark.parametrize("then", ["applied.undo()", "fork()", "fork(); applied.undo()"])
def test_what_a_program_opens_where_it_has_closed_the_sockets_is_its_own(then: str) -> None:
    code = f"""
import warnings
warnings.simplefilter("ignore")  # the thread may run for a moment yet while it forks

def fork():
    child = os.fork()
    if not child:
        os._exit(0 if arrive(pairs) else 1)
    assert os.waitpid(child, 0)[1] == 0

os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
applied = serve_and_close()
pairs = [socket.socketpair() for _ in range(4)]
{then}
print(arrive(pairs))
"""
    assert outcome(CLOSES + code, "127.0.0.1:0") == "True"


def test_where_a_program_has_closed_the_sockets_others_are_opened_and_that_is_told(
    sock: str,
) -> None:
    code = """
applied = serve_and_close()
pairs = [socket.socketpair() for _ in range(4)]
first = next(serving._serving())[1]
until(lambda: first.lost)
until(lambda: [found for _, found in serving._serving()] not in ([], [first]))
assert ask(address).status == 200
assert arrive(pairs)
for each in pairs:
    each[0].close()
    each[1].close()
"""
    (line,) = told(CLOSES + code, sock).splitlines()
    assert "the program has closed its sockets; others are opened" in line


def test_what_serves_has_no_number_of_a_stream_that_is_closed(sock: str) -> None:
    code = """
import stat

def serves(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

os.closerange(0, 3)
applied = serve()
until(lambda: gctune.served_at() and gctune.sample().level == "basic")
os._exit(sum(map(serves, range(3))))
"""
    outcome(code, sock)


SHOWN = """
from gctune.startup import monitor_token
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

def serve(**monitor):
    return gctune.apply(environment="production", monitor={"http": address, **monitor})

def statuses():
    until(gctune.served_at)
    return [ask(gctune.served_at(), "/metrics", authorization=f"Bearer {token}").status
            for token in ("one", "other")]
"""


def test_a_plan_that_differs_in_the_token_alone_is_another() -> None:
    code = """
first = serve(token="one")
print(serve(token="one") is first, statuses())
second = serve(token="other")
print(second is first, second.plan == first.plan, statuses())
second.undo()
print(statuses())
"""
    told = outcome(SHOWN + code, "127.0.0.1:0").splitlines()
    assert told == ["True [200, 401]", "False True [401, 200]", "[200, 401]"]


def test_undoing_gives_the_former_plan_its_token_back() -> None:
    code = """
serve(token="one")
without = gctune.apply(environment="production")
print(monitor_token())
without.undo()
print(monitor_token(), statuses())
"""
    told = outcome(SHOWN + code, "0.0.0.0:0").splitlines()
    assert told == ["None", "one [200, 401]"]


@pytest.mark.skipif(sys.platform != "linux", reason="resource limits of Linux")
def test_a_plan_that_cannot_be_put_in_force_leaves_the_token_of_the_former() -> None:
    code = """
serve(token="one")
try:
    gctune.apply(monitor={"http": address, "token": "other"}, memory={"hard_limit": "1MiB"})
except gctune.ApplyError:
    print(monitor_token(), statuses())
"""
    assert outcome(SHOWN + code, "127.0.0.1:0") == "one [200, 401]"


def test_it_answers_though_gevent_patches_the_program_once_gctune_is_there() -> None:
    """As where `gctune run` starts gunicorn with gevent's workers; a forked child, too."""
    pytest.importorskip("gevent")
    code = """
import gctune.monitor.loop
from gevent import monkey; monkey.patch_all()
import gctune, os, sys, time, urllib.request
from asking import until
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
gctune.apply("development", monitor={"http": "127.0.0.1:0"})
def status():
    until(gctune.served_at)
    return urllib.request.urlopen(f"http://{gctune.served_at()}/metrics", timeout=30).status
print(status(), flush=True)
child = os.fork()
if not child:
    print(status(), flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert script(code).split() == ["200", "200", "0"]
