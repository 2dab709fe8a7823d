"""TOML that somebody else wrote: read if it can be trusted, bounded, and located.

Nothing here parses TOML; that is tomllib's work. What it cannot stand
(100,000 brackets end in a RecursionError) is refused before it sees it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from gctune.errors import ConfigError
from gctune.host.files import reason

MAX_BYTES = 2**20
MAX_DEPTH = 32

# A string ends where TOML ends it, or with the text: no place is looked at twice.
_STRING = "|".join(
    (
        r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\\?\Z)',
        r"'''.*?(?:'''|\Z)",
        r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?',
        r"'[^'\n]*'?",
    )
)
_STRING_OR_COMMENT = rf"(?s:{_STRING}|#[^\n]*)"
_EMPTY = '""'  # what stands for a string once its content is taken out

_KEY = r"[A-Za-z0-9_-]+"
_KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = rf"[ \t]*\[[ \t]*({_KEYS})[ \t]*\]"
_ENTRY = rf"[ \t]*({_KEYS})[ \t]*="
_DEEP_KEY = rf'(?<![\w"-])(?:(?:[\w-]+|{_EMPTY})[ \t]*\.[ \t]*){{{MAX_DEPTH}}}'
_ERROR_LINE = r" \(at line ([0-9]+), column ([0-9]+)\)$"


def refused(where: str, wrong: str, remedy: str) -> ConfigError:
    """Word what is wrong with a file as a whole."""
    return ConfigError([f"{where}: {wrong}; {remedy}"])


def read(path: Path, name: str) -> str:
    """Return the text of a file that only this user or root can have written.

    `name` is what the user calls it. Never waits for a FIFO or a device.
    Raises ConfigError.
    """
    try:
        data = _content(path, name, _check_trust)
    except (OSError, ValueError) as error:
        wrong = f"cannot be read: {reason(error).lower()}"
        raise refused(name, wrong, "name a readable file") from error
    if len(data) > MAX_BYTES:
        raise refused(name, "larger than 1 MiB", "this is no settings file")
    return _decoded(data, name)


def seen(path: Path) -> str:
    """What can be read of a file, whoever may have written it: to look at, and not to go by."""
    try:
        return _content(path, "", _check_kind).decode("utf-8-sig", "replace")
    except (OSError, ValueError, ConfigError):
        return ""


def parse(text: str, name: str) -> dict[str, Any]:
    """Parse bounded TOML. Raises ConfigError, with the line where there is one."""
    _check_depth(_without_strings(text), name)
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(_ERROR_LINE, str(error))
        where = f"{name}:{line.group(1)}" if line else name
        wrong = re.sub(_ERROR_LINE, r" in column \2", str(error))
        raise refused(where, f"not TOML: {wrong[:1].lower()}{wrong[1:]}", "correct it") from error


def _loads(text: str) -> dict[str, Any]:
    """Parse TOML; who has no settings file does without the 2 ms of importing the parser."""
    parser = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    tree: dict[str, Any] = parser.loads(text)
    return tree


class Lines:
    """On which line of a TOML text each key is, as far as that is plain to see."""

    def __init__(self, text: str) -> None:
        self._headers: dict[tuple[str, ...], int] = {}
        self._entries: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] | None = ()
        for number, line in _top_lines(_without_strings(text)):
            header, entry = re.match(_HEADER, line), re.match(_ENTRY, line)
            if line.lstrip().startswith("["):
                table = _keys(header) if header else None
                _note(self._headers, (), table or (), number)
            elif entry and table is not None:
                _note(self._entries, table, _keys(entry), number)

    def of(self, path: tuple[str, ...]) -> int | None:
        """The line of a key, or of the inline table that holds it; None when unsure."""
        if path in self._headers:
            return self._headers[path]
        prefixes = (path[:length] for length in range(len(path), 0, -1))
        return next((self._entries[prefix] for prefix in prefixes if prefix in self._entries), None)


def _note(
    lines: dict[tuple[str, ...], int], table: tuple[str, ...], keys: tuple[str, ...], number: int
) -> None:
    """Note the line where `keys`, and each table that they name on the way, begin."""
    for length in range(1, len(keys) + 1):
        lines.setdefault((*table, *keys[:length]), number)


def _content(path: Path, name: str, check: Callable[[os.stat_result, str], None]) -> bytes:
    """The content of a file that passes the check, and at most one byte more than is allowed."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        check(os.fstat(descriptor), name)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _check_kind(status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise refused(name, "not a regular file", "name a regular file")


def _check_trust(status: os.stat_result, name: str) -> None:
    _check_kind(status, name)
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid not in (0, os.geteuid()):
        raise refused(name, "belongs to another user", "make it your own, or root's")
    if status.st_mode & stat.S_IWOTH:
        raise refused(name, "anybody may write it", "take that from it, with chmod o-w")


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refused(f"{name}:{line}", "not UTF-8", "save it as UTF-8") from error
    if text.startswith("\ufeff"):
        raise refused(f"{name}:1", "starts with a byte order mark", "save it without one")
    return text


def _without_strings(text: str) -> str:
    def emptied(match: re.Match[str]) -> str:
        """An empty string, and as many newlines as there were."""
        return _EMPTY + "\n" * match.group().count("\n")

    return re.sub(_STRING_OR_COMMENT, emptied, text)


def _check_depth(bare: str, name: str) -> None:
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", bare):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        if depth > MAX_DEPTH:
            break
    if depth > MAX_DEPTH or re.search(_DEEP_KEY, bare):
        raise refused(name, f"nested more than {MAX_DEPTH} deep", "this is no settings file")


def _top_lines(bare: str) -> Iterator[tuple[int, str]]:
    """The numbered lines that no array or inline table goes on over."""
    depth = 0
    for number, line in enumerate(bare.split("\n"), 1):
        if depth <= 0:
            yield number, line
        depth += sum(map(line.count, "[{")) - sum(map(line.count, "]}"))


def _keys(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(part.strip() for part in match.group(1).split("."))


def table(tree: Mapping[str, Any], *keys: str) -> Any:
    """What is under `keys`; an empty table where there is nothing."""
    for key in keys:
        tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
    return tree
