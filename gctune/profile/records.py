"""What a profile is made of: one header, then batches and readings, then a closing.

Counts stand among the readings where the program says what it does, switches
where the capture explores other settings, and what adaptive mode did.

A record travels as one JSON object: its fields under their own names, and its
kind. What is read back is taken for nothing that was not checked.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar, get_type_hints

from gctune.monitor.recorder import GENERATION, RECORD_BYTES, Collection, decode, sound

SCHEMA = 1
_MOST = 2**63 - 1  # no count, clock or size is above it
_LONGEST = 100_000  # characters of a text
_WITH_A_VALUE = ("-W", "-X", "--check-hash-based-pycs")  # Python's options that a word follows

T = TypeVar("T")
Three: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Header:
    """What was captured, and where; the first record of a profile.

    `thresholds` and `enabled` are the program's own at the start, `frozen` is
    gc.get_freeze_count() there, 0 where that is not asked. `objects` counts the
    container objects that the collector then tracked, None where counting them
    would have cost too much; `blocks` is sys.getallocatedblocks(). `limit_bytes` is the memory
    limit of the container, None for none known, and `limit_source` the file
    that it came from. `started` is Unix time in seconds, `start_ns` the same
    instant on the clock of the collections (time.perf_counter_ns), and
    `start_cpu_ns` on that of time.process_time_ns. `command` may be cut short.
    """

    gctune: str
    implementation: str
    version: Three
    collector: str
    platform: str
    command: tuple[str, ...]
    pid: int
    parent: int
    thresholds: Three
    enabled: bool
    frozen: int
    objects: int | None
    blocks: int
    limit_bytes: int | None
    limit_source: str
    cpus: int
    started: float
    start_ns: int
    start_cpu_ns: int
    schema: int = SCHEMA

    @property
    def python(self) -> str:
        """The interpreter, as in `cpython 3.13.0`."""
        return f"{self.implementation} {'.'.join(map(str, self.version))}"

    @property
    def program(self) -> str:
        """The script, module or code that was run, by whatever and with whatever arguments."""
        words = iter(self.command[1:])
        for word in words:
            if word in ("-m", "-c"):
                return f"{word} {next(words, '')}"
            if word in _WITH_A_VALUE:
                next(words, "")
            elif not word.startswith("-"):
                return word
        return ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Collections in the packed form that the recorder gives."""

    packed: bytes

    def __len__(self) -> int:
        return len(self.packed) // RECORD_BYTES

    def collections(self) -> Iterator[Collection]:
        """The collections, oldest first."""
        return decode(self.packed)

    def by_generation(self) -> Three:
        """How many collections of each generation; costs next to nothing."""
        generations = self.packed[GENERATION::RECORD_BYTES]
        return generations.count(0), generations.count(1), generations.count(2)


@dataclass(frozen=True, slots=True)
class Reading:
    """The process at one instant.

    `time_ns` is on the clock of the collections, `cpu_ns` on that of
    time.process_time_ns. `frozen` is gc.get_freeze_count(), None where
    counting would have cost too much. `collections` and `collected` are the
    totals of gc.get_stats() by generation since the interpreter started.
    """

    time_ns: int
    cpu_ns: int
    rss_bytes: int
    blocks: int
    threads: int
    thresholds: Three
    enabled: bool
    frozen: int | None
    collections: Three
    collected: Three


@dataclass(frozen=True)
class Count:
    """How many operations of one kind the program has counted (gctune.count) by an instant.

    `total` counts from the start of the recording; `time_ns` is that of the
    reading before it.
    """

    time_ns: int
    name: str
    total: int


@dataclass(frozen=True)
class Switch:
    """The capture itself puts other thresholds in force, as it explores.

    `time_ns` is on the clock of the collections, `cpu_ns` on that of
    time.process_time_ns. `reason` is "window" where the settings are tried
    until the next switch; else exploring has ended, and why.
    """

    time_ns: int
    cpu_ns: int
    thresholds: Three
    reason: str


@dataclass(frozen=True)
class Paced:
    """Adaptive mode (gc.mode) moves the thresholds, or freezes and thaws, and why.

    `time_ns` is on the clock of the collections; the first may lie before the
    recording. `thresholds` are in force from then on.
    """

    time_ns: int
    reason: str
    acts: tuple[str, ...]
    thresholds: Three


@dataclass(frozen=True)
class Closing:
    """The end of the recording; a profile without one was cut off.

    `reason` is "exit", "seconds" (as many as were asked for have passed),
    "stop" (the program's own call) or "full" (the profile is as long as one
    may be). `missed` counts, by generation, the collections that happened and
    were not recorded. `peak_rss_bytes` is the process's own high-water mark.
    """

    reason: str
    peak_rss_bytes: int
    missed: Three
    last: Reading


Record: TypeAlias = Header | Batch | Reading | Count | Switch | Paced | Closing

_KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Header, Batch, Reading, Count, Switch, Paced, Closing)
}


def to_plain(record: Record) -> dict[str, Any]:
    """Turn a record into what json can write."""
    return {"kind": type(record).__name__.lower(), **_plain(record)}


def _plain(record: object) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}  # type: ignore[arg-type]
    return {name: _PLAIN.get(type(value), _same)(value) for name, value in values.items()}


def _same(value: T) -> T:
    return value


_PLAIN: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: binascii.b2a_base64(value, newline=False).decode(),
    Reading: _plain,
}


def from_plain(plain: object) -> Record:
    """Turn what json read into a record.

    Raises ValueError where anything is of another type than it should be or
    out of range, and for a kind or a field that this schema does not have.
    """
    if not isinstance(plain, dict):
        raise ValueError("not an object")  # noqa: TRY004
    kind = _KINDS.get(str(plain.pop("kind", "")))
    if kind is None:
        raise ValueError("no record of this schema")
    record: Record = _build(kind, plain)
    return record


def _build(kind: type[T], plain: object) -> T:
    checks: Mapping[str, Callable[[Any], Any]] = _checks(kind)  # type: ignore[arg-type]
    if not isinstance(plain, dict) or plain.keys() != checks.keys():
        raise ValueError("not the fields of its kind")
    return kind(*[check(plain[name]) for name, check in checks.items()])


@cache
def _checks(kind: type[Any]) -> Mapping[str, Callable[[Any], Any]]:
    checks = {name: _CHECKS[hint] for name, hint in get_type_hints(kind).items()}
    if "thresholds" in checks:  # CPython accepts negative ones
        checks["thresholds"] = partial(_three, least=-_MOST)
    return checks


def _whole(value: object, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= _MOST:
        raise ValueError("not a whole number in range")
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)


def _real(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError("not a number in range")
    return float(value)  # type: ignore[arg-type]


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("not a text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not true or false")  # noqa: TRY004
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004
    return value


def _three(value: object, least: int = 0) -> Three:
    first, second, third = _list(value)
    return _whole(first, least), _whole(second, least), _whole(third, least)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _packed(value: object) -> bytes:
    packed = binascii.a2b_base64(_text_of_any_length(value))
    if not sound(packed):
        raise ValueError("not a batch of collections")
    return packed


def _text_of_any_length(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004
    return value


_CHECKS: dict[Any, Callable[[Any], Any]] = {
    int: _whole,
    int | None: _whole_or_none,
    float: _real,
    str: _text,
    bool: _truth,
    bytes: _packed,
    tuple[str, ...]: _texts,
    Three: _three,
    Reading: partial(_build, Reading),
}
