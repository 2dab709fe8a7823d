"""Loaded by every Python below `gctune run` and `gctune capture`.

Makes way for the program's own sitecustomize, then does what GCTUNE_PLAN and
GCTUNE_CAPTURE ask for. Any Python that is started below finds this file, so it
is written for old ones too: they get one line of warning and run on.
"""

# pathlib costs 4 ms, and an old Python must be able to read this file.
# ruff: noqa: PTH100, PTH120, UP031

import os
import sys


def _import_the_next():
    """Import the sitecustomize that would have been found without this one.

    Whatever that raises, its absence included, reaches the `site` module as it
    would have done.
    """
    here = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != here]
    del sys.modules["sitecustomize"]
    import sitecustomize  # noqa: F401


def _activate():
    try:
        _import_startup().activate(os.environ, _warn)
    except Exception as error:  # noqa: BLE001 - the program runs, whatever is wrong here
        _warn("%s: %s; the program runs without gctune" % (type(error).__name__, error))


def _import_startup():
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


def _warn(message):
    if sys.stderr is not None:
        sys.stderr.write("gctune: " + message + "\n")


try:
    if __name__ == "sitecustomize":
        _import_the_next()
finally:
    if os.environ.get("GCTUNE_PLAN") or os.environ.get("GCTUNE_CAPTURE"):
        _activate()
