"""Loads settings: presets, a file, variables and arguments, each value with its origin.

What is said closer to the program wins: arguments over `GCTUNE_*` variables,
over the environment's table in the file, over the rest of the file, over the
preset, over the defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from gctune.errors import ConfigError
from gctune.record import Record
from gctune.settings import environments
from gctune.settings.document import Document, find
from gctune.settings.layers import Layer, Path, dotted, leaves, nest, worded
from gctune.settings.model import Settings
from gctune.settings.variables import variables


class Loaded(Record):
    """The settings of one environment, and where each came from.

    `origins` says in words where the value of each setting comes from, and
    `typed` by which name the user gave it; both go by the dotted name.
    `notes` are what the user should know and need not act on.
    """

    settings: Settings
    environment: str
    origins: Mapping[str, str]
    typed: Mapping[str, str]
    notes: tuple[str, ...] = ()


def load(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: str | None = None,
    environ: Mapping[str, str] = os.environ,
    directory: File | None = None,
    file: str | None = None,
) -> Loaded:
    """Load the settings of an environment; without one, of the one that variables name.

    `overrides` are sections, as `gctune.apply` takes them. `file` is read in
    place of the one that is found in `directory`, the working directory. Raises
    ConfigError with every problem at once.
    """
    document = in_effect(environ, directory, file)
    return _load(overrides or {}, environment, environ, document)


def load_each(
    *,
    environ: Mapping[str, str] = os.environ,
    directory: File | None = None,
    file: str | None = None,
) -> list[Loaded]:
    """Load every environment there is, as `load` does.

    Raises ConfigError with every problem of all of them, each once, and of the
    one that variables name, which there may not be.
    """
    document = in_effect(environ, directory, file)
    outcomes = [_attempt(name, environ, document) for name in document.environments]
    problems = [
        problem
        for outcome in (*outcomes, _attempt(None, environ, document))
        if isinstance(outcome, ConfigError)
        for problem in outcome.problems
    ]
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return [outcome for outcome in outcomes if isinstance(outcome, Loaded)]


def in_effect(
    environ: Mapping[str, str] = os.environ,
    directory: File | None = None,
    file: str | None = None,
) -> Document:
    """The file that `load` reads: the one that is found where nobody names another."""
    return find(environ, directory or File(), file)


class _Ranked:
    """Layers, the strongest first, and the settings in each."""

    def __init__(self, layers: list[Layer]) -> None:
        sifted = [layer.sift() for layer in layers]
        self.problems = [wrong for _, wrongs in sifted for wrong in wrongs]
        self.trees = [nest(values) for values, _ in sifted]
        self._layers = [(layer, values) for layer, (values, _) in zip(layers, sifted)]

    def origin(self, path: Path) -> str:
        """Where the setting at a path comes from, in words; `default` where nobody sets it."""
        layer = self._of(path)
        return layer.origin(path) if layer else "default"

    def where(self, path: Path) -> str:
        """The name that the user typed for a setting, to be told of its problems."""
        layer = self._of(path)
        return layer.where(path) if layer else dotted(path)

    def _of(self, path: Path) -> Layer | None:
        return next((layer for layer, values in self._layers if path in values), None)


def _attempt(
    name: str | None, environ: Mapping[str, str], document: Document
) -> Loaded | ConfigError:
    try:
        return _load({}, name, environ, document)
    except ConfigError as error:
        return error


def _load(
    overrides: Mapping[str, Any],
    environment: str | None,
    environ: Mapping[str, str],
    document: Document,
) -> Loaded:
    asked, notes = _asked_for(environment, environ)
    problems = list(document.problems())
    lineage: tuple[str, ...] = ()
    try:
        lineage = document.lineage(*asked)
    except ConfigError as error:
        problems += error.problems
    ranked = _Ranked([_arguments(overrides), variables(environ), *document.layers(lineage)])
    problems += ranked.problems
    try:
        settings = Settings.model_validate({"layers": ranked.trees})
    except ValidationError as error:
        problems += [worded(each, ranked.where) for each in error.errors()]
    if problems:
        raise ConfigError(problems)
    paths = [path for path, _ in leaves(settings)]
    return Loaded(
        settings,
        lineage[0],
        origins={dotted(path): ranked.origin(path) for path in paths},
        typed={dotted(path): ranked.where(path) for path in paths},
        notes=(*document.notes, *notes),
    )


def _asked_for(
    environment: str | None, environ: Mapping[str, str]
) -> tuple[tuple[str, str], tuple[str, ...]]:
    """Who names the environment and the name given, and what to note about it."""
    if environment is not None:
        return ("environment", environment), ()
    named = environments.asked_for(environ)
    if named:
        return named, ()
    note = f"none of {', '.join(environments.VARIABLES)} names an environment: taken as development"
    return ("environment", "development"), (note,)


def _arguments(overrides: Mapping[str, Any]) -> Layer:
    return Layer(lambda _: "argument", dotted, overrides)
