"""`GCTUNE_<SECTION>__<FIELD>` variables, as a layer of settings."""

from __future__ import annotations

from collections.abc import Mapping

from gctune.runtime.plan import HANDED_DOWN
from gctune.settings.layers import Layer, Path, nest

_PREFIX = "GCTUNE_"
_BETWEEN = "__"

# What means something to gctune and is no setting.
_RESERVED = ("GCTUNE_CONFIG", "GCTUNE_DISABLE", "GCTUNE_ENVIRONMENT", *HANDED_DOWN)


def variables(environ: Mapping[str, str]) -> Layer:
    """The settings that variables give; one that is empty counts as not set."""
    given = {
        name: value
        for name, value in environ.items()
        if value and name.startswith(_PREFIX) and name not in _RESERVED
    }
    typed = {_path(name): name for name in given}
    return Layer(
        trees=tuple(nest({path: given[name]}) for path, name in typed.items()),
        origin=lambda path: f"variable {variable(path)}",
        where=lambda path: _legible(typed.get(path, variable(path))),
        spell=variable,
        besides=tuple(map(_path, _RESERVED)),
    )


def variable(path: Path) -> str:
    """The variable of the setting at a path."""
    return _PREFIX + _BETWEEN.join(path).upper()


def _path(name: str) -> Path:
    return tuple(name.removeprefix(_PREFIX).lower().split(_BETWEEN))


def _legible(name: str) -> str:
    return name if name.isprintable() else ascii(name)
