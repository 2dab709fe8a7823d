"""The standard streams of a command, which may be closed, or full."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def say(message: str) -> None:
    """Write a line to standard error, if that can be done.

    Not through sys.stderr: what it cannot write it tries again at exit, and
    changes the exit status.
    """
    if sys.stderr is not None:
        with suppress(OSError):
            line = f"{message}\n".encode(sys.stderr.encoding, "backslashreplace")
            os.write(sys.stderr.fileno(), line)


def discard_output() -> None:
    """Let what standard output could not take go, or the interpreter tries again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
