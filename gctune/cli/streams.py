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


def mind_closed_output() -> None:
    """Have what is written to a standard output that is closed fail, as where there is no room.

    Python has none then, and print and click write to it in silence. What this opens
    takes no writing, and a program that is started finds standard output closed as it was.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")


def discard_output() -> None:
    """Let what standard output could not take go, or the interpreter tries again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
