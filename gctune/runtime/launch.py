"""Starting a program so that every Python below it loads the bootstrap."""

# pathlib raises where a folder of PATH cannot be read; os.path says no.
# ruff: noqa: PTH110, PTH113, PTH118, PTH120

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from gctune.errors import GctuneError, problem

BOOTSTRAP = str(Path(__file__).resolve().parent / "bootstrap")

_RUNNABLE = "name a program that can be run, such as python"
_LONGEST_FIRST_LINE = 256  # bytes, of which the kernel reads no more
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # the exit statuses of a shell


class LaunchError(GctuneError):
    """A program could not be started; `exit_status` is what a shell would exit with."""

    def __init__(self, message: str, exit_status: int) -> None:
        self.exit_status = exit_status
        super().__init__(message)


def bootstrap_environment(
    environ: Mapping[str, str] = os.environ, /, **variables: str
) -> dict[str, str]:
    """Return `environ` with `variables` set and the bootstrap first on PYTHONPATH.

    The bootstrap is there once, however often `gctune run` is nested.
    """
    path = environ.get("PYTHONPATH")
    others = [entry for entry in path.split(os.pathsep) if entry != BOOTSTRAP] if path else []
    return {**environ, **variables, "PYTHONPATH": os.pathsep.join([BOOTSTRAP, *others])}


def execute(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the program `command`: same process id, its own signals and exit status.

    Raises LaunchError where the program is not on the PATH of `environ` or
    cannot be executed.
    """
    program = find(command[0], environ)
    _restore_signals()
    try:
        os.execve(program, list(command), dict(environ))  # noqa: S606
    except OSError as error:
        raise refused(command[0], program, error) from error


def refused(name: str, program: str, error: OSError) -> LaunchError:
    """Say why the system does not run the file `program`, which was asked for by `name`.

    Of a script it is said in the same words whether its own file is wrong or its interpreter's.
    """
    interpreter = _interpreter(program)
    if error.errno == errno.ENOEXEC and interpreter is None:
        wrong, remedy = "no program of this machine", "if it is a script, begin it with #!"
    elif error.errno == errno.ENOENT and interpreter:
        wrong, remedy = f"its interpreter {interpreter!a} is missing", "correct its first line"
    else:
        wrong, remedy = (error.strerror or str(error)).lower(), _RUNNABLE
    return LaunchError(problem("command", name, wrong, remedy), NOT_EXECUTABLE)


def _interpreter(program: str) -> str | None:
    """What the first line of a script names to run it; None where the file has no such line."""
    try:
        with open(program, "rb") as file:  # noqa: PTH123 - see above
            first = file.readline(_LONGEST_FIRST_LINE)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = first[2:].replace(b"\t", b" ").strip(b" \n").split(b" ")  # a carriage return is no end
    return os.fsdecode(words[0])


def find(program: str, environ: Mapping[str, str]) -> str:
    """Find the file of a program as a shell does, on the PATH of `environ`.

    Raises LaunchError.
    """
    found = _candidates(program, environ)
    for path in found:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    if found:
        raise _not_executable(program, f"{found[0]} is not an executable file")
    wrong = "no such program" if os.path.dirname(program) else "no such program on PATH"
    raise LaunchError(problem("command", program, wrong, "check its spelling"), NOT_FOUND)


def _candidates(program: str, environ: Mapping[str, str]) -> list[str]:
    if os.path.dirname(program):
        return [program] if os.path.exists(program) else []
    paths = (os.path.join(folder, program) for folder in os.get_exec_path(environ))
    return [path for path in paths if os.path.isfile(path)]


def _not_executable(program: str, wrong: str) -> LaunchError:
    return LaunchError(problem("command", program, wrong, _RUNNABLE), NOT_EXECUTABLE)


def _restore_signals() -> None:
    """Give back what Python ignores for itself: an ignored signal stays so across exec."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
