"""Put recommended settings into gctune.toml, and lose nothing that stands there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from gctune.errors import ConfigError, problem
from gctune.runtime.plan import is_own
from gctune.saving import save
from gctune.settings import toml
from gctune.settings.document import NAME, PYPROJECT, find
from gctune.settings.environments import canonical
from gctune.settings.layers import dotted, leaves
from gctune.settings.quantities import plain
from gctune.settings.schema import HEADER
from gctune.settings.sources import in_effect, load


def write(
    path: Path, environment: str, settings: Mapping[str, int | str], comments: Sequence[str] = ()
) -> bool:
    """Merge dotted settings into the table of `environment`; say whether the file changed.

    The file is replaced as a whole or not at all, and keeps its mode; a link
    keeps pointing at it. With no settings, a file that exists stays as it is,
    and a new one is made of `comments` alone. Raises ConfigError where the
    file cannot be read as TOML, or written.
    """
    name = str(path)
    real = _real(path)
    old = toml.read(real, name) if os.path.lexists(real) else None
    text = _opening(real, comments) if old is None else old
    toml.parse(text, name)
    new = _merged(text, name, _home(real), environment, settings) if settings else text
    toml.parse(new, name)
    if new == old:
        return False
    _replace(real, old, new, name)
    return True


def replaced(path: Path, environment: str, settings: Mapping[str, int | str]) -> Iterator[str]:
    """Say which values of the file are others once `settings` are written into it."""
    try:
        loaded = load(environment=environment, environ={}, file=str(path))
    except ConfigError:
        return  # of a file that is new, or broken, nothing is in force
    standing = {dotted(path): plain(value) for path, value in leaves(loaded.settings)}
    for setting, new in settings.items():
        old = standing[setting]
        if is_own(loaded.origins[setting]) and old != new:
            yield (
                f"{loaded.typed[setting]} was {old!r}, is {new!r} for {loaded.environment} now:"
                " what is predicted is of all these together"
            )


def obstacles(path: Path, environment: str, settings: Mapping[str, int | str]) -> Iterator[str]:
    """Say what keeps settings that were written from being in force, or from mattering."""
    yield from _other_files(path)
    try:
        loaded = load(environment=environment, file=str(path))
    except ConfigError as error:
        yield from error.problems
        return
    for setting in settings:
        if loaded.origins[setting].startswith("variable "):
            yield f"{loaded.typed[setting]} goes before {setting}, as long as it is set"
    if any(setting.startswith("gc.threshold") for setting in settings):
        wanted = loaded.settings.gc
        if wanted.enabled is False:
            yield f"{loaded.typed['gc.enabled']} = false: thresholds mean nothing meanwhile"
        if wanted.mode == "adaptive":
            yield f"{loaded.typed['gc.mode']} = 'adaptive': it moves the thresholds itself"
        if wanted.freeze != "never" and "gc.freeze" not in settings:
            yield (
                f"{loaded.typed['gc.freeze']} = {wanted.freeze!r}:"
                " what is predicted has it only as far as the captured run did"
            )


def _other_files(path: Path) -> Iterator[str]:
    """Say which file is read in place of `path`, and which is not because of it."""
    read = in_effect()
    yield from read.faults
    if read.path and read.tree and not path.samefile(read.path):
        yield f"{read.name} is read here, and not {path}: write to that, or set GCTUNE_CONFIG"
    if path.name == NAME and find({}, path.parent, PYPROJECT).tree:
        yield f"[tool.gctune] of {PYPROJECT} is not read beside {path}: move what it says there"


def _real(path: Path) -> Path:
    """What a link points at; raises ConfigError where the working directory is gone."""
    try:
        return Path(os.path.realpath(path))
    except OSError as error:
        raise _unwritable(str(path), error) from error


def _home(path: Path) -> tuple[str, ...]:
    return ("tool", "gctune") if path.name == PYPROJECT else ()


def _opening(path: Path, comments: Sequence[str]) -> str:
    said = "".join(f"# {line}\n" for line in comments)
    return said if _home(path) else HEADER + said


def _merged(
    text: str,
    name: str,
    home: tuple[str, ...],
    environment: str,
    settings: Mapping[str, int | str],
) -> str:
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise toml.refused(name, f"not TOML: {error}", "correct it") from error
    for setting, value in settings.items():
        where = (*home, "environments", environment, *setting.split("."))
        _set(document, where, value, name)
    return _ended_like(text, tomlkit.dumps(document))


def _ended_like(text: str, new: str) -> str:
    """End the lines that were added to `text` as its own end; where those differ, as they come."""
    if text.count("\r\n") < text.count("\n"):
        return new
    return new.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else new


def _set(
    document: MutableMapping[str, Any], where: tuple[str, ...], value: object, name: str
) -> None:
    table: Any = document
    for depth, key in enumerate(where[:-1], 1):
        own = _own_key(table, key) if where[depth - 2 : depth - 1] == ("environments",) else key
        if own not in table:
            table[own] = _new_within(table, is_last=depth == len(where) - 1)
        table = table[own]
        if not isinstance(table, MutableMapping):
            dotted = ".".join(where[:depth])
            raise ConfigError([problem(f"{name}: {dotted}", table, "not a table", "make it one")])
    table[where[-1]] = value


def _new_within(table: object, *, is_last: bool) -> Table | InlineTable:
    """A table to put in another, which is inline where that is; all but the last hold tables."""
    if isinstance(table, InlineTable):
        return tomlkit.inline_table()
    return tomlkit.table(is_super_table=not is_last)


def _own_key(table: Mapping[str, Any], environment: str) -> str:
    """The key by which the file already names the environment: `prod` is production."""
    wanted = canonical(environment)
    return next((key for key in table if canonical(key) == wanted), wanted)


def _replace(path: Path, old: str | None, new: str, name: str) -> None:
    """Save the file, unless it is no longer what was read; None is that there was none."""
    try:
        save(path, new.encode(), partial(_check_unchanged, path, old, name))
    except OSError as error:
        raise _unwritable(name, error) from error


def _check_unchanged(path: Path, old: str | None, name: str) -> None:
    if old != (toml.read(path, name) if os.path.lexists(path) else None):
        raise toml.refused(name, "has been changed meanwhile", "try again")


def _unwritable(name: str, error: OSError) -> ConfigError:
    reason = (error.strerror or str(error)).lower()
    return toml.refused(name, f"cannot be written: {reason}", "give a file in a folder of your own")
