"""Loaded by every Python below `gctune run`, `gctune capture` and `gctune heap`.

Makes way for the program's own sitecustomize, then does what GCTUNE_PLAN,
GCTUNE_CAPTURE and GCTUNE_HEAP ask for. Any Python that is started below finds
this file, so it is written for old ones too: they get one line of warning and
run on.
"""

# pathlib costs 4 ms.
# ruff: noqa: PTH100, PTH120

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def _import_the_next() -> None:
    """Import the sitecustomize that would have been found without this one.

    Whatever that raises, its absence included, reaches the `site` module as it
    would have done.
    """
    here = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    del sys.modules["sitecustomize"]
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401


def _activate() -> None:
    try:
        _import_startup().activate(os.environ, _warn)
    except Exception as error:  # noqa: BLE001 - the program runs, whatever is wrong here
        _warn(f"{type(error).__name__}: {error}; the program runs without gctune")


def _import_startup() -> "ModuleType":
    """Import gctune, from where this file is if the program has none of its own."""
    above = os.path.abspath(__file__)
    for _ in ("bootstrap", "runtime", "gctune", "the folder that holds it"):
        above = os.path.dirname(above)
    searched = list(sys.path)
    sys.path.append(above)
    try:
        from gctune import startup
    finally:
        sys.path[:] = searched
    return startup


def _warn(message: str) -> None:
    """Write one line to standard error, if that can be done.

    Not through sys.stderr: what it cannot write it tries again at exit, and
    changes the exit status.
    """
    try:
        line = "gctune: " + message + "\n"
        os.write(sys.stderr.fileno(), line.encode("ascii", "backslashreplace"))
    except Exception:  # noqa: BLE001, S110 - closed, full, or not a file
        pass


try:
    if __name__ == "sitecustomize":
        _import_the_next()
finally:
    if any(map(os.environ.get, ("GCTUNE_PLAN", "GCTUNE_CAPTURE", "GCTUNE_HEAP"))):
        _activate()
