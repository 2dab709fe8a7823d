"""`python -m gctune`, started once with its commands imported, and forked for each run of one.

A test that looks at what a command does then waits for a fork, instead of for half a second of
imports. Each run is a process of its own, and ends as any of Python's does. Run as a program
this is what gets forked; it takes runs one by one at its standard input, a socket.
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile

PATIENCE = 60  # seconds, after which the kernel ends a run

# What counts at the start of an interpreter, or is read from there (see host/process.py).
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "GLIBC_", "MALLOC_")


def suits(environ: Mapping[str, str]) -> bool:
    """Whether an environment changes nothing about how an interpreter starts."""
    return not any(name.startswith(AT_START) for name in environ)


def run(
    words: Sequence[str], environ: Mapping[str, str], directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run gctune with some words to its end."""
    place = str(directory or Path.cwd())
    with TemporaryFile("w+") as asked:
        json.dump({"words": list(words), "environ": dict(environ), "directory": place}, asked)
        asked.flush()
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        socket.send_fds(_server(), [b"run"], [asked.fileno(), its_out, its_err])
    os.close(its_out)
    os.close(its_err)
    with ThreadPoolExecutor(2) as readers:
        said = readers.map(_read, (out, err))
        status = int(_server().recv(16))
        return subprocess.CompletedProcess(words, status, *said)


def _read(pipe: int) -> str:
    with open(pipe) as stream:
        return stream.read()


@cache
def _server() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end, environ = its.fileno(), {"PATH": os.environ["PATH"]}
    with its:  # for all three, so that Python makes of a stream what it makes of a pipe
        process = subprocess.Popen(
            [sys.executable, __file__], stdin=end, stdout=end, stderr=end, env=environ
        )
    atexit.register(process.wait)
    atexit.register(ours.close)  # so that it ends; what is registered last comes first
    return ours


def _serve() -> None:
    """Fork a process for each run that is asked for; returns in those."""
    for _, name, _ in pkgutil.walk_packages(import_module("gctune.cli").__path__, "gctune.cli."):
        import_module(name)
    sock = socket.socket(fileno=os.dup(0))
    while True:
        word, files, *_ = socket.recv_fds(sock, 16, 3)
        if not word:
            sys.exit()
        child = os.fork()
        if not child:
            sock.close()
            return _become(*files)
        for file in files:
            os.close(file)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(BrokenPipeError):
            sock.send(str(status).encode())


def _become(asked: int, out: int, err: int) -> None:
    """Take on what a run has of its own: streams, directory, environment and arguments."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nowhere, out, err)):
        os.dup2(file, number)
        os.close(file)
    os.lseek(asked, 0, os.SEEK_SET)
    with open(asked) as request:
        run = json.load(request)
    os.chdir(run["directory"])
    sys.path[0] = run["directory"]
    coerced = {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update(run["environ"] | coerced)
    sys.argv[1:] = run["words"]
    signal.alarm(PATIENCE)


if __name__ == "__main__":
    _serve()
    runpy.run_module("gctune", run_name="__main__", alter_sys=True)
