"""Small files that the kernel writes, read in one go and named so that they can be printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

_MOST_BYTES = 64 << 10  # the largest of these files, memory.stat, has 4 KiB

T = TypeVar("T")


def read(path: bytes) -> bytes:
    """Read a small file with three system calls. Raises OSError, and ValueError for a bad path."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


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


def field(name: bytes, content: bytes) -> int:
    """Find the number behind `name` in lines of `name number`. Raises ValueError."""
    for line in content.split(b"\n"):
        words = line.split(None, 2)
        if len(words) > 1 and words[0] == name:
            return number(words[1])
    raise ValueError(f"has no {name.decode()}")


def reason(error: OSError | ValueError) -> str:
    """Say what went wrong, without the path."""
    return getattr(error, "strerror", None) or str(error)


def shown(path: bytes) -> str:
    """Decode a path for a terminal: what cannot be printed is escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in os.fsdecode(path))
