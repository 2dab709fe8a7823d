"""gctune tunes CPython's garbage collector and memory.

Importing this package does nothing: each public name is looked up where it
lives when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take as true; importing typing costs 5 ms
if TYPE_CHECKING:
    from gctune.errors import ApplyError as ApplyError
    from gctune.errors import ConfigError as ConfigError
    from gctune.errors import GctuneError as GctuneError
    from gctune.errors import ProfileError as ProfileError
    from gctune.profile.capture import capture as capture
    from gctune.runtime.applied import Applied as Applied
    from gctune.runtime.applied import warmup_done as warmup_done
    from gctune.startup import apply as apply

__version__ = "0.1.0"

_HOME = {
    "apply": "gctune.startup",
    "capture": "gctune.profile.capture",
    "warmup_done": "gctune.runtime.applied",
    "Applied": "gctune.runtime.applied",
    "ApplyError": "gctune.errors",
    "ConfigError": "gctune.errors",
    "GctuneError": "gctune.errors",
    "ProfileError": "gctune.errors",
}

__all__ = [
    "Applied",
    "ApplyError",
    "ConfigError",
    "GctuneError",
    "ProfileError",
    "apply",
    "capture",
    "warmup_done",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'gctune' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
