"""The file in which one process keeps its numbers, readable at any instant.

It has two halves, written in turn, each with its checksum: whatever kills the
writer, one of them is whole. It is not mapped into memory: touching a page of
a mapped file that somebody cut short, or whose disk is full, kills the program.
Nor is it kept open: a program that closes every descriptor, as a daemon does,
would have its next file written to.
"""

from __future__ import annotations

import os
import stat
from struct import Struct
from zlib import crc32

from gctune.host.files import above_streams

_HALF = 1 << 20  # bytes; what is not written of them takes no room on the disk
_MAGIC = b"gctune\0\1"  # the last byte is the version of this layout
_SEAL = Struct("<8sI")  # magic, checksum of all that follows
_TURN = Struct("<QI")  # turn, length of the content that follows
_MOST = _HALF - _SEAL.size - _TURN.size
_TRIES = 10  # at reading both halves while nobody writes


class NumbersError(ValueError):
    """A file holds no numbers that can be used."""


def write(path: str, turn: int, content: bytes) -> None:
    """Write `content` to the half whose turn it is; the file is made if it is not there.

    Raises OSError, and NumbersError for more than a half holds. What failed is
    to be written again in the same turn, or the other half would be at risk.
    """
    if len(content) > _MOST:
        raise NumbersError(f"{len(content)} bytes of numbers are too many")
    body = _TURN.pack(turn, len(content)) + content
    frame = _SEAL.pack(_MAGIC, crc32(body)) + body
    descriptor = _open_to_write(path)
    try:
        if os.pwrite(descriptor, frame, turn % 2 * _HALF) < len(frame):
            raise NumbersError("the disk took a part of it")
    finally:
        os.close(descriptor)


def read(path: str) -> bytes:
    """Read what was written last. Raises OSError and NumbersError."""
    return last(path)[1]


def last(path: str) -> tuple[int, bytes]:
    """Read what was written last, and in which turn. Raises OSError and NumbersError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise NumbersError("not a file of this user")
        return _newest(descriptor)
    finally:
        os.close(descriptor)


def create(path: str) -> int:
    """Make a file that nobody else reads, and open it to be written. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return above_streams(os.open(path, flags, 0o600))


def _open_to_write(path: str) -> int:
    try:
        return above_streams(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
    except FileNotFoundError:
        return create(path)


def _newest(descriptor: int) -> tuple[int, bytes]:
    """The later half's turn, and what it says.

    A half that is not whole may be under a writer's hands, who may have been at
    the other since that was read; so they are read again until nothing changes.
    """
    before: list[tuple[int, bytes]] = []
    for _ in range(_TRIES):
        halves = [_half(descriptor, place) for place in (0, _HALF)]
        if halves == before or all(turn >= 0 for turn, _ in halves):
            break
        before = halves
    turn, content = max(halves)
    if turn < 0:
        raise NumbersError("neither half of it is whole")
    return turn, content


def _half(descriptor: int, place: int) -> tuple[int, bytes]:
    """One half's turn and content; a turn of -1 where it is not whole."""
    head = os.pread(descriptor, _SEAL.size + _TURN.size, place)
    if len(head) < _SEAL.size + _TURN.size:
        return -1, b""
    magic, checksum = _SEAL.unpack_from(head)
    turn, length = _TURN.unpack_from(head, _SEAL.size)
    content = os.pread(descriptor, min(length, _MOST), place + len(head))
    sound = magic == _MAGIC and crc32(head[_SEAL.size :] + content) == checksum
    return (turn, content) if sound else (-1, b"")
