"""`GCTUNE_<SECTION>__<FIELD>` variables, as a layer of settings.

The letters of their names may be of any case; what is no setting is read in
capitals alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gctune.errors import cut
from gctune.runtime.plan import HANDED_DOWN
from gctune.settings.layers import Layer, Path

_PREFIX = "GCTUNE_"
_BETWEEN = "__"

# What means something to gctune and is no setting.
_RESERVED = ("GCTUNE_CONFIG", "GCTUNE_DISABLE", "GCTUNE_ENVIRONMENT", *HANDED_DOWN)


def variables(environ: Mapping[str, str]) -> Layer:
    """The settings that variables give; one that is empty counts as not set."""
    names = [name for name, value in environ.items() if value and _is_setting(name)]
    typed: dict[Path, str] = {}
    for name in names:
        typed.setdefault(_path(name), name)
    return Layer(
        origin=lambda path: f"variable {_legible(typed[path])}",
        where=lambda path: _legible(typed[path]),
        values={path: environ[name] for path, name in typed.items()},
        spell=variable,
        besides=tuple(map(_path, _RESERVED)),
        faults=tuple(_twice(names, typed)),
    )


def variable(path: Path) -> str:
    """The variable of the setting at a path."""
    return _PREFIX + _BETWEEN.join(path).upper()


def _is_setting(name: str) -> bool:
    return name[: len(_PREFIX)].upper() == _PREFIX and name not in _RESERVED


def _twice(names: list[str], typed: Mapping[Path, str]) -> Iterator[str]:
    """The variables that name a setting which another one names, too."""
    for name in names:
        other = typed[_path(name)]
        if name != other:
            yield f"{_legible(name)}: the same setting as {_legible(other)}; keep one"


def _path(name: str) -> Path:
    return tuple(name[len(_PREFIX) :].lower().split(_BETWEEN))


def _legible(name: str) -> str:
    return cut(name if name.isprintable() else ascii(name))
