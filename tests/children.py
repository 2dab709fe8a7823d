"""Plans by hand, and child processes to put them in force in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import started

from gctune.host.interpreter import this_interpreter
from gctune.runtime.launch import bootstrap_environment
from gctune.runtime.plan import Plan, Status, Step

NAMED = "variable GCTUNE_TEST"
BARE = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
TESTS = str(Path(__file__).parent)


def plan(
    *, origin: str = NAMED, interpreter: str = "", status: str = Status.APPLIED, **values: object
) -> Plan:
    """A plan of the given settings: `plan(gc__threshold0=5000)`."""
    steps = [
        Step(name.replace("__", "."), value, status, "for the test", origin)
        for name, value in values.items()
    ]
    return Plan("test", interpreter or this_interpreter().tag, tuple(steps), ())


def python(
    *arguments: str,
    environ: Mapping[str, str] = BARE,
    status: int = 0,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter to its end, and hold it to its exit status.

    A command of gctune is forked from one that has been started (see `started`).
    """
    if arguments[:2] == ("-m", "gctune") and started.suits(environ):
        done = started.run(arguments[2:], environ, directory)
    else:
        done = start(arguments, environ, directory)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def start(
    arguments: Sequence[str], environ: Mapping[str, str], directory: Path | None
) -> subprocess.CompletedProcess[str]:
    """Start this interpreter, and run it to its end, whatever its exit status."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=dict(environ),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=started.PATIENCE,
        check=False,
    )


def script(code: str, **variables: str) -> str:
    """What a child prints that runs `code`; it can import this module."""
    done = python("-c", code, environ={**BARE, "PYTHONPATH": TESTS, **variables})
    assert done.stderr == ""
    return done.stdout.strip()


def below(handed_down: Plan | str, **variables: str) -> dict[str, str]:
    """The environment that `gctune run` gives a program."""
    text = handed_down if isinstance(handed_down, str) else handed_down.to_text()
    return bootstrap_environment({**BARE, **variables}, GCTUNE_PLAN=text)
