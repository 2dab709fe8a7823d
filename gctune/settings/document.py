"""The settings file: which one is read, and the layers and environments in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from types import MappingProxyType
from typing import Any

from gctune.errors import ConfigError, cut, problem
from gctune.record import Record
from gctune.settings import environments, toml
from gctune.settings.layers import Layer, Path, dotted, shown

NAME = "gctune.toml"
PYPROJECT = "pyproject.toml"
_HOME = ("tool", "gctune")  # of the settings in it


class Document(Record):
    """What a settings file says; an empty one where there is none.

    `home` is where in the file gctune's part is: nowhere special, or below
    `tool.gctune`. `faults` are why it could not be read, or not all that was
    meant for gctune; `path` is None where none was read.
    """

    name: str = NAME
    tree: Mapping[str, Any] = MappingProxyType({})
    lines: toml.Lines | None = None
    home: Path = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    path: File | None = None

    def where(self, path: Path) -> str:
        """The file, the line where it is plain to see, and the name as typed."""
        line = self.lines and self.lines.of((*self.home, *path))
        return f"{self.name}:{line}: {dotted(path)}" if line else f"{self.name}: {dotted(path)}"

    @property
    def tables(self) -> Mapping[str, Path]:
        """The path of each environment's table, by the environment's one name."""
        named = _table(self.tree.get("environments"))
        return {environments.canonical(key): ("environments", key) for key in named}

    @property
    def environments(self) -> tuple[str, ...]:
        """Every environment there is: the presets and the file's own."""
        return tuple(dict.fromkeys((*environments.PRESETS, *self.tables)))

    def problems(self) -> Iterator[str]:
        """What is wrong with the file, or with the environments' tables themselves."""
        yield from self.faults
        named = self.tree.get("environments", {})
        if not isinstance(named, Mapping):
            where = self.where(("environments",))
            yield problem(where, shown(("environments",), named), *_NO_TABLE)
        for key, table in _table(named).items():
            path = ("environments", key)
            if not isinstance(table, Mapping):
                yield problem(self.where(path), shown(path, table), *_NO_TABLE)
            elif self.tables[environments.canonical(key)] != path:
                other = dotted(self.tables[environments.canonical(key)])
                yield f"{self.where(path)}: the same environment as {other}; keep one"

    def lineage(self, where: str, typed: object) -> tuple[str, ...]:
        """An environment by the name that `where` gave it, and those it stands on.

        Raises ConfigError on a circle and on a name that no environment has.
        """
        line: list[str] = []
        while True:
            name = environments.canonical(typed) if isinstance(typed, str) else ""
            if self.faults:
                return (name,)  # what the file would have named cannot be known
            if name not in self.environments:
                raise ConfigError([self.unknown(where, typed)])
            if name in line:
                circle = " -> ".join([*line[line.index(name) :], name])
                raise ConfigError([problem(where, typed, f"a circle, {circle}", "break it")])
            line.append(name)
            at = self.tables.get(name, ())
            table = _table(toml.table(self.tree, *at)) if at else {}
            if "extends" not in table:
                return tuple(line)
            where, typed = self.where((*at, "extends")), table["extends"]

    def unknown(self, where: str, typed: object) -> str:
        """Word that no environment is of the name that `where` gave."""
        known = ", ".join(map(dotted, zip(self.environments)))
        remedy = f"give one of {known}"
        return problem(where, shown(("extends",), typed), "unknown environment", remedy)

    def layers(self, lineage: tuple[str, ...]) -> Iterator[Layer]:
        """The layers of an environment, the strongest first, its preset last.

        That is the preset of the last name that has one: an environment that
        extends a table without a preset keeps its own.
        """
        for name in lineage:
            if name in self.tables:
                yield self._layer(self.tables[name], leave_out="extends")
        yield self._layer((), leave_out="environments")
        for name in [each for each in lineage if each in environments.PRESETS][-1:]:
            yield preset(name)

    def _layer(self, at: Path, leave_out: str) -> Layer:
        table = _table(toml.table(self.tree, *at))
        origin = f"{self.name}: {dotted(at)}" if at else self.name
        return Layer(
            origin=lambda _: origin,
            where=lambda path: self.where((*at, *path)),
            tree={key: value for key, value in table.items() if key != leave_out},
            besides=((leave_out,),),
        )


_MOST_ENVIRONMENTS = 64
_MOST_POOLS = 256
_NO_TABLE = ("not a table", "write [environments.<name>] and settings below it")


def find(environ: Mapping[str, str], directory: File, file: str | None = None) -> Document:
    """Read the file that is named, else the directory's; `faults` say why it cannot be."""
    try:
        return _found(environ, directory, file)
    except ConfigError as error:
        return Document(faults=error.problems)


def preset(name: str) -> Layer:
    """The layer of gctune's own preset of that name."""
    return Layer(
        origin=lambda _: f"preset {name}",
        where=lambda path: f"preset {name}: {dotted(path)}",
        tree=environments.PRESETS[name],
    )


def _found(environ: Mapping[str, str], directory: File, file: str | None) -> Document:
    named = environ.get("GCTUNE_CONFIG", "")
    if file is not None:
        return _document(directory / file, file)
    if named.startswith("~"):
        told = problem(
            "GCTUNE_CONFIG", named, "a shell's ~, which is not read", "give a whole path"
        )
        raise ConfigError([told])
    if named:
        return _document(directory / named, named, f"GCTUNE_CONFIG = {named!a}")
    if os.path.lexists(directory / NAME):
        return _document(directory / NAME, NAME)
    if os.path.lexists(directory / PYPROJECT):
        return _project(directory / PYPROJECT)
    return Document()


def _document(path: File, typed: str, where: str = "") -> Document:
    name = cut(typed if typed and typed.isprintable() else ascii(typed))
    text = toml.read(path, where or name)
    home = _HOME if path.name == PYPROJECT else ()
    whole, lines = toml.parse(text, name), toml.Lines(text)
    tree = toml.table(whole, *home)
    if not isinstance(tree, Mapping):
        raise toml.refused(f"{name}: {dotted(home)}", "not a table", "write [tool.gctune]")
    _check_size(tree, name)
    strays = tuple(_strays(Document(name, whole, lines))) if home else ()
    return Document(name, tree, lines, home, faults=strays, path=path)


def _strays(project: Document) -> Iterator[str]:
    """What of a project's file is plainly meant for gctune, at a place where nobody looks."""
    tools = _table(project.tree.get("tool"))
    for path in (*zip(project.tree), *(("tool", key) for key in tools)):
        if path[-1].lower() == "gctune" and path != _HOME:
            value = shown(path, toml.table(project.tree, *path))
            yield problem(
                project.where(path), value, "unknown table", "did you mean [tool.gctune]?"
            )


def _check_size(tree: Mapping[str, Any], name: str) -> None:
    """Each environment is loaded through all that it extends: many would take minutes."""
    for path, most in _bounds(tree):
        if len(_table(toml.table(tree, *path))) > most:
            raise toml.refused(f"{name}: {dotted(path)}", f"more than {most}", "leave some out")


def _bounds(tree: Mapping[str, Any]) -> Iterator[tuple[Path, int]]:
    """The tables whose keys the user makes up, and how many each may hold."""
    yield ("environments",), _MOST_ENVIRONMENTS
    yield ("pools",), _MOST_POOLS
    for key in _table(tree.get("environments")):
        yield ("environments", key, "pools"), _MOST_POOLS


def _project(path: File) -> Document:
    """A project's file may well say nothing of gctune, and then must not stop anybody."""
    try:
        text = toml.read(path, PYPROJECT)
    except ConfigError as error:
        if _has_settings(toml.seen(path)):
            raise
        return Document(notes=(f"{error.problems[0]} (not read for settings)",))
    return _document(path, PYPROJECT) if "gctune" in text.lower() else Document()


def _has_settings(text: str) -> bool:
    """Whether a project's file says something to gctune, as far as can be seen."""
    try:
        return "gctune" in text and toml.table(toml.parse(text, PYPROJECT), *_HOME) != {}
    except ConfigError:
        return True


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
