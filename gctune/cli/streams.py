"""The standard streams of a command, which may be closed, or full."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

from gctune.host.files import printable

if TYPE_CHECKING:
    from typing_extensions import Buffer


def say(message: str) -> None:
    """Write a line, or several, to standard error, if that can be done.

    What cannot be printed is escaped: it may come from a profile or a program.
    Not through sys.stderr: what it cannot write it tries again at exit, and
    changes the exit status.
    """
    if sys.stderr is not None:
        with suppress(OSError):
            lines = "\n".join(map(printable, message.split("\n")))
            os.write(
                sys.stderr.fileno(), f"{lines}\n".encode(sys.stderr.encoding, "backslashreplace")
            )


def escape_output() -> None:
    """Have standard output escape what its encoding lacks, as standard error does."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def mind_closed_output() -> None:
    """Have what is written to a standard output that is closed fail, as where there is no room.

    Python has none then, and print and click write to it in silence. What this opens
    takes no writing, and a program that is started finds standard output closed as it was.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")


def forgive_errors() -> None:
    """Have standard error let go of what it cannot write, and be silent where it is closed.

    What is told there is never what a command is run for: the exit status stays.
    """
    closed = sys.stderr is None
    number = os.open(os.devnull, os.O_WRONLY) if closed else sys.stderr.fileno()
    raw = io.BufferedWriter(_Forgiving(number, "wb", closefd=False))
    encoding = "utf-8" if closed else sys.stderr.encoding
    sys.stderr = TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)


class _Forgiving(io.FileIO):
    def write(self, content: Buffer) -> int:
        """Write what there is room for, and say that it was all."""
        with suppress(OSError):
            super().write(content)
        return memoryview(content).nbytes


def discard_output() -> None:
    """Let what standard output could not take go, or the interpreter tries again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
