"""Layers of settings: what one place says, what of it is a setting, and what is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from gctune.errors import problem
from gctune.record import Record
from gctune.secret import MASK, names_secret
from gctune.settings.model import Settings

Path = tuple[str, ...]
Shape = Mapping[str, Any]  # names to what is below them: a Shape, or None for a setting

_ANY = "*"  # stands for the name that a user gives to a pool
POOL_NAME = "[a-z][a-z0-9_]{0,63}"
_POOL = re.compile(POOL_NAME)
_BARE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNKNOWN = object()
MOST_PROBLEMS = 100  # of one layer; nobody reads more


def dotted(path: Path) -> str:
    """`gc.freeze`, with whatever is no plain key in quotes and escaped."""
    return ".".join(key if _BARE.fullmatch(key) else ascii(key[:64]) for key in path)


class Layer(Record):
    """What one place says, as it is written there: a tree of sections, or values by path.

    `origin` says in words where the setting at a path comes from, `where` is
    the name that the user typed for it, `spell` how a setting is written there.
    `besides` are names that mean something there and are no settings, `faults`
    what is wrong with the place itself.
    """

    origin: Callable[[Path], str]
    where: Callable[[Path], str]
    tree: Mapping[str, Any] = MappingProxyType({})
    values: Mapping[Path, object] = MappingProxyType({})
    spell: Callable[[Path], str] = dotted
    besides: tuple[Path, ...] = ()
    faults: tuple[str, ...] = ()

    def sift(self) -> tuple[dict[Path, object], list[str]]:
        """Part the values by path from the problems of what is no setting."""
        values: dict[Path, object] = {}
        wrong = []
        named = ((path, value, _below_path(path)) for path, value in self.values.items())
        for path, value, below in chain(_walk(self.tree, shape()), named):
            if _fits(value, below):
                values[path] = value
            else:
                wrong.append((path, value, below))
        problems = [*self.faults, *(self._objection(*each) for each in wrong[:MOST_PROBLEMS])]
        if len(wrong) > MOST_PROBLEMS:
            problems.append(f"{len(wrong) - MOST_PROBLEMS} more problems like these")
        return values, problems

    def _objection(self, path: Path, value: object, below: Any) -> str:
        if below is _UNKNOWN:
            wrong, remedy = self._unknown(path, value)
        elif below is None:
            wrong, remedy = "not a single value", "give one value"
        else:
            example = self.spell(next(_settings(below, path)))
            wrong, remedy = "a section, not a setting", f"set {example}, say"
        return problem(self.where(path), shown(path, value), wrong, remedy)

    def _unknown(self, path: Path, value: object) -> tuple[str, str]:
        if path[0] == "pools" and not all(map(_POOL.fullmatch, path[1:2])):
            return "not a name for a pool", "use a to z, 0 to 9 and _, a letter first"
        if len(path) == 1 and ("environments",) in self.besides:  # of a file, not of a table in it
            table = _misplaced(path[0], value)
            if table:
                return "unknown setting", f"did you mean [{table}]?"
        sections = _sections(shape()) if isinstance(value, Mapping) else ()
        meant = nearest(path, (*sections, *self.besides))
        if meant:
            return "unknown setting", f"did you mean {self.spell(meant)}?"
        return "unknown setting", "gctune schema lists what there is"


@lru_cache(maxsize=1)
def shape() -> Shape:
    """The names of all settings, as a tree whose leaves are None."""
    return _shape(Settings)


def nearest(path: Path, besides: tuple[Path, ...] = ()) -> Path | None:
    """The setting, or other known name, that somebody who wrote `path` may have meant."""
    import difflib  # only who mistypes pays for it

    known_names = (*_settings(shape(), (), path[1:2]), *besides)
    candidates = {dotted(known): known for known in known_names}
    last = path[-1].casefold()
    same = [known for known in candidates.values() if known[-1] == last and len(path) > 1]
    if len(same) == 1:
        return same[0]
    typed = dotted(path).casefold()
    close = difflib.get_close_matches(typed, candidates, n=3)
    alike = [difflib.SequenceMatcher(None, name, typed).ratio() for name in sorted(close)]
    return candidates[sorted(close)[alike.index(max(alike))]] if close else None


def nest(values: Mapping[Path, object]) -> dict[str, Any]:
    """Turn values by path into sections within sections."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        section = tree
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section.setdefault(path[-1], value)
    return tree


def worded(error: Mapping[str, Any], where: Callable[[Path], str]) -> str:
    """Word one of pydantic's errors as a problem of the setting at its place."""
    path = tuple(map(str, error["loc"]))
    kind, context = error["type"], error.get("ctx", {})
    if kind == "refused":
        wrong, remedy = context["wrong"], context["remedy"]
    elif kind == "literal_error":
        wrong, remedy = "unknown word", f"give {context['expected']}"
    else:
        wrong, remedy = error["msg"][:1].lower() + error["msg"][1:], "correct it"
    return problem(where(path), shown(path, error["input"]), wrong, remedy)


def shown(path: Path, value: object) -> object:
    """A value as a message may repeat it: no secret, no table, no number without end."""
    if names_secret(path[-1]):
        return _Words(MASK)
    if isinstance(value, Mapping | list | tuple | set):
        return _Words("[...]" if isinstance(value, list) else "{...}")
    try:
        str(value)
    except ValueError:  # an integer of more digits than Python writes
        return _Words("a number of thousands of digits")
    return value


def leaves(section: BaseModel | Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every setting below a section, by its path."""
    for name, value in section.items() if isinstance(section, Mapping) else section:
        if isinstance(value, BaseModel | Mapping):
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), value


def _misplaced(name: str, value: object) -> str:
    """The table that was meant where a file has one of this name; empty if that is no wonder."""
    if not isinstance(value, Mapping):
        return ""
    if name == "tool":  # as in pyproject.toml
        return _misplaced("", value.get("gctune"))
    section = next((key for key in value if key in shape()), "")
    return f"environments.{dotted((name, section))}" if name and section else section


def _fits(value: object, below: object) -> bool:
    """Whether a value may be what its place asks for: a setting, or an empty section."""
    if isinstance(below, Mapping):
        return value == {}
    return below is None and not isinstance(value, Mapping | list | tuple | set)


def _shape(model: type[BaseModel]) -> Shape:
    return {name: _below(field.annotation) for name, field in model.model_fields.items()}


def _below(annotation: Any) -> Shape | None:
    if get_origin(annotation) is dict:
        return {_ANY: _below(get_args(annotation)[1])}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _shape(annotation)
    return None


def _settings(below: Shape, at: Path, named: Path = ()) -> Iterator[Path]:
    """Every setting below a shape; a pool's name is the one given, or NAME."""
    for name, deeper in below.items():
        path = (*at, *((named or ("NAME",)) if name == _ANY else (name,)))
        if deeper is None:
            yield path
        else:
            yield from _settings(deeper, path, named)


def _sections(below: Shape, at: Path = ()) -> Iterator[Path]:
    """Every section below a shape but those that the user names."""
    for name, deeper in below.items():
        if deeper is not None and name != _ANY:
            yield (*at, name)
            yield from _sections(deeper, (*at, name))


def _walk(tree: Mapping[str, Any], below: Shape, at: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    for key, value in tree.items():
        path = (*at, str(key))
        deeper = _below_key(str(key), below)
        if isinstance(deeper, Mapping) and isinstance(value, Mapping) and value:
            yield from _walk(value, deeper, path)
        else:
            yield path, value, deeper


def _below_key(key: str, below: Shape) -> Any:
    return below.get(key, below.get(_ANY, _UNKNOWN) if _POOL.fullmatch(key) else _UNKNOWN)


def _below_path(path: Path) -> Any:
    below: Any = shape()
    for key in path:
        below = _below_key(key, below) if isinstance(below, Mapping) else _UNKNOWN
    return below


class _Words:
    """What stands in a message for a value, without quotes."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __str__(self) -> str:
        return self._words
