"""The system's calls on files, made without giving up the interpreter's lock."""

from __future__ import annotations

import ctypes
import os

from gctune.host.files import System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Unyielding(System):
    """Calls the C library as if it were a part of Python.

    For files that the kernel makes up in microseconds; whatever else waited
    here would have the whole program wait.
    """

    def __init__(self, flags: int, chunk_bytes: int) -> None:
        self._library = ctypes.PyDLL(None, use_errno=True)
        self._flags = flags
        self._chunk_bytes = chunk_bytes

    def open(self, path: bytes) -> int:
        """Open a file for reading. Raises OSError, and ValueError for an impossible path."""
        if b"\0" in path:
            raise ValueError("embedded null byte")
        return self._call(self._library.open, path, self._flags)

    def read(self, descriptor: int) -> bytes:
        """Read on, as many bytes as a chunk has at most; nothing is the end. Raises OSError."""
        buffer = ctypes.create_string_buffer(self._chunk_bytes)
        size = self._call(self._library.read, descriptor, buffer, self._chunk_bytes)
        return ctypes.string_at(buffer, size)

    def close(self, descriptor: int) -> None:
        """Close what was opened; whether that went well is not told."""
        self._library.close(descriptor)

    def _call(self, function: Callable[..., int], *arguments: object) -> int:
        try:
            result = function(*arguments)
        except ctypes.ArgumentError as error:  # there was no memory to pass them
            raise MemoryError from error
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
