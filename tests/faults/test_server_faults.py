"""No memory, a fork or the end of the program in the middle of requests; a disk that fills."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask, connect, request
from children import BARE, TESTS
from served import Program, served

CALM = {"ENVIRONMENT": "development", "GCTUNE_ALERTS__GC_PAUSE__THRESHOLD": "1m"}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with served(tmp_path, **CALM, GCTUNE_MONITOR__HTTP=f"unix:{tmp_path}/sock") as program:
        yield program


def test_a_program_that_ends_in_the_middle_of_requests_ends_well(program: Program) -> None:
    targets = ("/debug/pprof/heap?seconds=3600", "/debug/gctune/profile?seconds=3600")
    clients = [connect(program.name) for _ in range(4)]
    for client, target in zip(clients, targets):
        client.sendall(request(target))
    clients[2].sendall(b"GET /hea")
    program.run("while not tracemalloc.is_tracing(): time.sleep(0.001)")
    assert "Traceback" not in program.end()
    for client in clients:
        client.close()


def test_forks_in_the_middle_of_requests_harm_neither(program: Program) -> None:
    statuses: list[int] = []
    over = threading.Event()

    def hammer() -> None:
        while not over.is_set():
            statuses.append(ask(program.name).status)

    ask(program.name)  # so that it serves on while it forks
    threads = [threading.Thread(target=hammer) for _ in range(2)]
    for thread in threads:
        thread.start()
    program.run("import os")
    ends = [program.run("_ = os.fork() or os._exit(0)") for _ in range(50)]
    waited = [program.run(f"_ = os.waitpid({pid}, 0)[1]") for pid in ends]
    over.set()
    for thread in threads:
        thread.join()
    assert waited == [0] * 50
    assert len(statuses) > 50
    assert set(statuses) == {200}


def test_a_disk_that_fills_ends_the_capture_and_not_the_program(
    program: Program, tmp_path: Path
) -> None:
    code = (  # which writes no bytecode: a file that may not grow would be half of it
        "import resource, sys; sys.dont_write_bytecode = True; from gctune.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)); main()"
    )
    words = ("capture", "-o", tmp_path / "a", "--seconds", "60", "--url", program.url)
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**BARE, "PYTHONPATH": TESTS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "file too large; write to a disk with more room" in done.stderr
    assert "Traceback" not in done.stderr
    assert ask(program.name).status == 200
