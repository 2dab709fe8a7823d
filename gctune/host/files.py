"""Files that the kernel writes, read whole and named so that they can be printed.

A tuned process reads them while it runs, so nothing here, nor in what is built
on it, imports pathlib, re or typing: 40 ms on a bare interpreter. Paths are bytes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeVar

    T = TypeVar("T")
    StrPath: TypeAlias = str | os.PathLike[str]

LAST_STREAM = 2  # standard error's number
_CHUNK_BYTES = 64 << 10  # most of these files are far smaller
FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)  # of a file that is only read


class System:
    """The system's calls as Python makes them: other threads run meanwhile."""

    def open(self, path: bytes) -> int:
        """Open a file for reading. Raises OSError, and ValueError for an impossible path."""
        return os.open(path, FLAGS)

    def read(self, descriptor: int) -> bytes:
        """Read on; nothing is the end. Raises OSError."""
        return os.read(descriptor, _CHUNK_BYTES)

    def close(self, descriptor: int) -> None:
        """Close what was opened."""
        os.close(descriptor)


class _Way:
    """How this process reads files."""

    system = System()
    keeps_the_lock = False


def keep_the_lock() -> None:
    """Have `read` keep the interpreter's lock from now on, where ctypes can be had.

    Python gives the lock up for each system call, and beside a busy program a
    thread can wait 5 ms to get it back, for each of the forty calls that one
    reading of a container takes. Costs 5 ms the first time, for ctypes.
    """
    if _Way.keeps_the_lock:
        return
    _Way.keeps_the_lock = True
    try:
        from gctune.host.unyielding import Unyielding

        _Way.system = Unyielding(FLAGS, _CHUNK_BYTES)
    except (ImportError, OSError, TypeError):  # no ctypes; in a subinterpreter; on Windows
        pass


def read(path: bytes) -> bytes:
    """Read a file whole. Raises OSError, and ValueError for an impossible path."""
    system = _Way.system
    descriptor = system.open(path)
    chunks = []
    try:
        while chunk := system.read(descriptor):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        system.close(descriptor)


def identity(file: int | StrPath) -> tuple[int, int] | None:
    """Which file a path or a descriptor is of; None where there is none, or it is closed.

    It is the same under all names of a file, links too. A program may close all it
    has open, ours included: by the next use of ours its number may be that of a file
    of the program's own.
    """
    try:
        status = os.stat(file)  # noqa: PTH116 - a descriptor has no Path
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def close_own(descriptor: int, file: tuple[int, int] | None) -> None:
    """Close the descriptor of the file of that identity, unless its number is another's by now."""
    if file is not None and identity(descriptor) == file:
        os.close(descriptor)


def above_streams(descriptor: int) -> int:
    """Have a file by a number above those of the standard streams; its own is closed then.

    Where they are closed a new file gets their numbers, and what the program
    writes to standard error would be written to it. Raises OSError.
    """
    if descriptor > LAST_STREAM:
        return descriptor
    import fcntl

    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, LAST_STREAM + 1)
    finally:
        os.close(descriptor)


def within(folder: StrPath, name: str) -> bytes:
    """The path of a file below a folder."""
    return os.fsencode(folder) + b"/" + name.encode()


def read_as(parse: Callable[[bytes], T], path: bytes, notes: list[str]) -> T | None:
    """Read and parse a file; None where it does not exist or makes no sense.

    `parse` raises ValueError for what makes no sense; that, and a file that
    cannot be read, is added to `notes`. A missing file is no news.
    """
    try:
        return parse(read(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        notes.append(f"{shown(path)}: {reason(error)}")
        return None


def number(content: bytes) -> int:
    """Parse a whole number. Raises ValueError for anything else, and above 64 bits."""
    digits = content.strip()
    if not digits.isdigit() or len(digits) > len(str(1 << 64)):
        raise ValueError("not a number")
    return int(digits)


def word_behind(name: bytes, content: bytes) -> bytes:
    """Find the word behind `name` in lines of `name word ...`. Raises ValueError."""
    for line in content.split(b"\n"):
        words = line.split(None, 2)
        if len(words) > 1 and words[0] == name:
            return words[1]
    raise ValueError(f"has no {name.decode()}")


def number_behind(name: bytes, content: bytes) -> int:
    """Find the number behind `name` in lines of `name number ...`. Raises ValueError."""
    return number(word_behind(name, content))


def reason(error: OSError | ValueError) -> str:
    """Say what went wrong, without the path."""
    return getattr(error, "strerror", None) or str(error)


def shown(path: bytes) -> str:
    """Decode a path for a terminal: what cannot be printed is escaped."""
    return printable(os.fsdecode(path))


def printable(text: str) -> str:
    """Escape what of a text cannot be printed."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
