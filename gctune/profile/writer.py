"""Writing a profile: each record a line with its checksum, to a file or to who reads it live."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gctune.errors import ProfileError, problem
from gctune.host.files import above_streams, close_own, identity, reason
from gctune.profile.records import Record, to_plain

MOST_BYTES = 256 * 2**20  # of a profile, unpacked
MOST_LINES = 1_000_000
_LAST_BYTES, _LAST_LINES = 2**20, 100  # a capture stops so long before
_ROOM = "capture to a disk with more room"


class Lines:
    """Records as the lines of a profile, kept until they are taken."""

    def __init__(self) -> None:
        self._bytes = self._lines = 0
        self._kept: list[bytes] = []

    def append(self, record: Record) -> None:
        """Add one record."""
        text = json.dumps(to_plain(record), separators=(",", ":")).encode()
        line = framed(text)
        self._put(line)
        self._bytes += len(line)
        self._lines += 1

    @property
    def full(self) -> bool:
        """Whether the profile is as long as a reader will take, but for its end."""
        return self._bytes > MOST_BYTES - _LAST_BYTES or self._lines > MOST_LINES - _LAST_LINES

    def take(self) -> bytes:
        """Take out the lines that were added since the last time."""
        kept, self._kept = self._kept, []
        return b"".join(kept)

    def close(self) -> None:
        """Add no more; what was added can still be taken."""

    def _put(self, line: bytes) -> None:
        self._kept.append(line)


class Writer(Lines):
    """Appends records to a new file that only this user may read.

    Raises ProfileError where the file exists or cannot be made. A link that
    stands in its place is not followed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = OwnFile(path)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    def is_now(self, path: Path) -> None:
        """Go on in the file under the name that it has been given."""
        self._file.path = path

    def close(self) -> None:
        """Give the descriptor back; the second call does nothing."""
        self._file.close()

    def _put(self, line: bytes) -> None:
        """Write one line. Raises ProfileError where not all of it could be written."""
        try:
            written = os.write(self._file.descriptor(), line)
        except OSError as error:
            raise file_problem(self._file.path, reason(error).lower(), _ROOM) from error
        if written < len(line):
            raise file_problem(self._file.path, "no room for all of a record", _ROOM)


class OwnFile:
    """A new file that only this user may read, open to be appended to while the program runs.

    Where the program has closed the descriptor, whose number may be of a file of
    the program's by then, the file is opened again. Raises ProfileError where it
    exists or cannot be made. A link that stands in its place is not followed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = create(path)
        self._identity = identity(self._descriptor)

    def descriptor(self) -> int:
        """Its descriptor, for the next write. Raises ProfileError where it cannot be had again."""
        if identity(self._descriptor) != self._identity:
            self._descriptor = self._opened_again()
        return self._descriptor

    def close(self) -> None:
        """Give the descriptor back, unless its number is another's by now."""
        close_own(self._descriptor, self._identity)
        self._descriptor, self._identity = -1, None

    def _opened_again(self) -> int:
        wrong, remedy = "the program has closed its descriptor", "leave it open, and the file there"
        try:
            descriptor = above_streams(os.open(self.path, _AGAIN))
        except OSError as error:
            raise file_problem(self.path, f"{wrong}: {reason(error).lower()}", remedy) from error
        if identity(descriptor) != self._identity:
            os.close(descriptor)
            raise file_problem(self.path, f"{wrong}: another file is in its place", remedy)
        return descriptor


def framed(text: bytes) -> bytes:
    """The line that a record's text becomes, its checksum first."""
    return b"%08x %b\n" % (zlib.crc32(text), text)


_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = _APPEND | os.O_CREAT | os.O_EXCL
_AGAIN = _APPEND | getattr(os, "O_NONBLOCK", 0)  # a pipe may stand there by now


def create(path: Path) -> int:
    """Make a new file that only this user may read; return its descriptor, to append to.

    Raises ProfileError where the file exists or cannot be made. A link that
    stands in its place is not followed.
    """
    try:
        return above_streams(os.open(path, _NEW, 0o600))
    except FileExistsError as error:
        raise file_problem(path, "exists already", "give another name, or remove it") from error
    except (OSError, ValueError) as error:
        remedy = "give a file in a folder of your own"
        raise file_problem(path, reason(error).lower(), remedy) from error


def write_new(path: Path, content: bytes) -> None:
    """Write a new file that only this user may read, or none. Raises ProfileError."""
    fill(path, create(path), content)


def fill(path: Path, descriptor: int, content: bytes) -> None:
    """Write a new file by its descriptor, and close that; the file goes where not all is written.

    Raises ProfileError.
    """
    own = identity(descriptor)
    try:
        _write(descriptor, [content])
    except BaseException as error:
        _remove(path, own)
        if isinstance(error, OSError):
            raise _unwritten(path, error) from error
        raise


def write_as_it_comes(path: Path, parts: Iterable[bytes]) -> None:
    """Write a new file, of which what has come stays, whatever comes after. Raises ProfileError."""
    try:
        _write(create(path), parts)
    except OSError as error:
        raise _unwritten(path, error) from error


def _write(descriptor: int, parts: Iterable[bytes]) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        for part in parts:
            stream.write(part)
            stream.flush()


def _remove(path: Path, own: tuple[int, int] | None) -> None:
    """Remove a file, unless another is in its place by now."""
    if identity(path) == own:
        with suppress(OSError):
            path.unlink()


def _unwritten(path: Path, error: OSError) -> ProfileError:
    remedy = "write to a disk with more room"
    return ProfileError(problem("FILE", str(path), reason(error).lower(), remedy))


def file_problem(path: Path, wrong: str, remedy: str) -> ProfileError:
    """Say what is wrong with the file of a profile."""
    return ProfileError(problem("PROFILE", str(path), wrong, remedy))
