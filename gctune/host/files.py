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

_CHUNK_BYTES = 64 << 10  # most of these files are far smaller


def read(path: bytes) -> bytes:
    """Read a file whole. Raises OSError, and ValueError for an impossible path."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(descriptor, _CHUNK_BYTES), b""))
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
