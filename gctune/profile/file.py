"""The file a profile is kept in: a line a record, each with its checksum.

Each line is the CRC-32 of what follows in eight hexadecimal digits, a space,
and one JSON object. A line is written by a single write, so that a process
killed at any instant leaves whole lines, and at most one cut at the end.
A reader that comes upon a damaged line goes on after its newline.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gctune.errors import ProfileError
from gctune.host.files import reason
from gctune.monitor.recorder import Collection, columns
from gctune.profile.records import (
    SCHEMA,
    Batch,
    Closing,
    Count,
    Header,
    Paced,
    Reading,
    Record,
    Switch,
    from_plain,
)
from gctune.profile.writer import MOST_BYTES, MOST_LINES, file_problem, framed

_HEADER_WITHIN = 100  # lines
_LONGEST_LINE = 2**20
_AT_ONCE = 10  # batches: some hundreds of collections, which stay in a core's cache
_FRAME = len("01234567 ")
_DENSEST = 100  # times that a compressed profile may be longer unpacked; 10 is usual
_START = re.compile(rb"[0-9a-f]{8} \{")
_ONCE = (Header, Closing)
_GZIP = b"\x1f\x8b"
_REMEDY = "give a file that gctune capture wrote"


class UnreadableError(ProfileError):
    """A profile cannot be read; `wrong` says why, without its name."""

    def __init__(self, path: Path, wrong: str, remedy: str) -> None:
        self.wrong = wrong
        super().__init__(str(file_problem(path, wrong, remedy)))


@dataclass(frozen=True)
class Profile:
    """What stands in one profile.

    `counts` are empty where the program counts no operations, `switches` where
    the capture did not explore, `paced` where adaptive mode was not in force.
    `closing` is None where the recording was cut off. `dropped_records` are
    lines that could not be read, `dropped_bytes` their length; `problems` say in
    words what is missing.
    """

    path: Path
    header: Header
    batches: tuple[Batch, ...]
    readings: tuple[Reading, ...]
    closing: Closing | None
    dropped_records: int
    dropped_bytes: int
    problems: tuple[str, ...]
    counts: tuple[Count, ...] = ()
    switches: tuple[Switch, ...] = ()
    paced: tuple[Paced, ...] = ()

    @property
    def began(self) -> float:
        """When the recording began, by Unix time in seconds."""
        return self.header.started

    @property
    def ended(self) -> float:
        """When the process was last read, likewise."""
        last_ns = max((each.time_ns for each in self.readings), default=self.header.start_ns)
        return self.unix_time(last_ns)

    def unix_time(self, time_ns: int) -> float:
        """When it was so late on the clock of the collections, by Unix time in seconds."""
        return self.header.started + (time_ns - self.header.start_ns) / 1e9

    @property
    def peak_rss_bytes(self) -> int:
        """The most memory that the process had in RAM, as far as it is known."""
        seen = max((reading.rss_bytes for reading in self.readings), default=0)
        return max(seen, self.closing.peak_rss_bytes if self.closing else 0)

    def collections(self) -> Iterator[Collection]:
        """The collections, oldest first."""
        for batch in self.batches:
            yield from batch.collections()

    def columns(self) -> Iterator[tuple[Sequence[int], ...]]:
        """The same, some hundreds at a time, as a column for each field; takes half as long."""
        for start in range(0, len(self.batches), _AT_ONCE):
            batches = self.batches[start : start + _AT_ONCE]
            yield columns(b"".join(batch.packed for batch in batches))


def absolute(path: str | os.PathLike[str]) -> Path:
    """Name a file so that it is the same in every folder.

    Raises ProfileError where the working directory is gone.
    """
    try:
        return Path(path).absolute()
    except OSError as error:
        wrong = "relative to a working directory that is gone"
        raise file_problem(Path(path), wrong, "give a whole path") from error


def looks_like_profile(path: Path) -> bool:
    """Whether a file is empty or begins as a capture begins it, which is never compressed."""
    try:
        with opened(path) as stream:
            start = stream.read(_FRAME + 1)
    except OSError:
        return False
    return not start or bool(_START.fullmatch(start))


def header_of(path: Path) -> Header | None:
    """The header that a profile begins with; None where there is no whole one. Raises OSError."""
    with opened(path) as stream:
        return _Reader(path).header(stream.readline(_LONGEST_LINE))


def read(path: Path) -> Profile:
    """Read every complete record of a profile, compressed by gzip or not.

    Raises UnreadableError where it is no profile, has lost its header, is of a
    newer schema, or cannot be read at all.
    """
    try:
        with opened(path) as stream:
            return _Reader(path).read(stream)
    except (OSError, ValueError) as error:
        raise UnreadableError(path, reason(error).lower(), _REMEDY) from error


def opened(path: Path) -> IO[bytes]:
    """Open a file to read. Raises OSError, also where it is not a regular file."""
    # Not to wait for the writer of a FIFO.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return stream


class _Reader:
    """Gathers what stands in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[type[Any], list[Any]] = {}
        self._dropped_records = 0
        self._dropped_bytes = 0
        self._within = False  # a line that is longer than any comes in pieces
        self._problems: list[str] = []

    def read(self, raw: IO[bytes]) -> Profile:
        """Read line after line. Raises OSError, and UnreadableError as `read` does."""
        try:
            for line in self._lines(raw):
                self._take(line)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._problems.append(f"the compressed file is damaged ({error})")
        return self._profile()

    def header(self, line: bytes) -> Header | None:
        """What a first line tells, if it is a whole header of this schema."""
        try:
            record = self._record(line)
        except (ValueError, RecursionError, ProfileError):
            return None
        return record if isinstance(record, Header) else None

    def _lines(self, raw: IO[bytes]) -> Iterator[bytes]:
        packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        taken = 0
        for number in range(MOST_LINES):
            line = stream.readline(_LONGEST_LINE)
            taken += len(line)
            hopeless = number > _HEADER_WITHIN and Header not in self._records
            if not line or hopeless:
                return
            if taken > (_most_unpacked(raw.tell()) if packed else MOST_BYTES):
                break
            yield line
        self._problems.append(f"what stands after {taken} bytes is left out as too long")

    def _take(self, line: bytes) -> None:
        try:
            record = self._record(line)
        except (ValueError, RecursionError):
            self._dropped_records += not self._within
            self._dropped_bytes += len(line)
        else:
            self._records.setdefault(type(record), []).append(record)
        self._within = not line.endswith(b"\n")

    def _record(self, line: bytes) -> Record:
        text = line[_FRAME:-1]
        if not text or line != framed(text):
            raise ValueError("damaged")
        plain = _parsed(text.decode())
        self._check_schema(plain)
        record = from_plain(plain)
        if type(record) in _ONCE and type(record) in self._records:
            raise ValueError("a second one")
        return record

    def _check_schema(self, plain: Any) -> None:
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            wrong = f"of schema {schema}, and this gctune reads {SCHEMA}"
            raise UnreadableError(self._path, wrong, "upgrade gctune")

    def _profile(self) -> Profile:
        if not self._records:
            raise UnreadableError(self._path, self._nothing(), _REMEDY)
        if Header not in self._records:
            raise UnreadableError(self._path, "its header is damaged", "capture again")
        return Profile(
            path=self._path,
            header=self._records[Header][0],
            batches=tuple(self._records.get(Batch, ())),
            readings=tuple(self._records.get(Reading, ())),
            closing=self._records.get(Closing, [None])[0],
            dropped_records=self._dropped_records,
            dropped_bytes=self._dropped_bytes,
            problems=tuple(self._all_problems()),
            counts=tuple(self._records.get(Count, ())),
            switches=tuple(self._records.get(Switch, ())),
            paced=tuple(self._records.get(Paced, ())),
        )

    def _nothing(self) -> str:
        return "not a profile" if self._dropped_records or self._problems else "empty"

    def _all_problems(self) -> Iterator[str]:
        yield from self._problems
        if self._dropped_records:
            one = self._dropped_records == 1
            records = "1 damaged record" if one else f"{self._dropped_records} damaged records"
            yield f"{records} ({self._dropped_bytes} bytes) {'is' if one else 'are'} left out"
        if Closing not in self._records:
            yield "the recording was cut off: its end is missing"


def _most_unpacked(packed_bytes: int) -> int:
    return min(MOST_BYTES, max(_LONGEST_LINE, _DENSEST * packed_bytes))


def _parsed(text: str) -> Any:
    """What a JSON text says, without space around it; takes half as long as `decode`."""
    plain, end = _DECODER.raw_decode(text)
    if end < len(text):
        raise ValueError("more than one object")
    return plain


def _number(digits: str) -> int:
    if len(digits) > 20:  # noqa: PLR2004 - reading a million digits takes seconds
        raise ValueError("a number out of range")
    return int(digits)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_int=_number, parse_constant=_no_number)
