"""Telling the program's operator: by the program's own logging, else a line to standard error."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


def warn(message: str) -> None:
    """Tell of what is wrong. Never raises."""
    _tell("warning", message)


def inform(message: str) -> None:
    """Tell of what is right again. Never raises."""
    _tell("info", message)


def _tell(level: Literal["warning", "info"], message: str) -> None:
    try:
        logging = sys.modules["logging"]  # not imported here: see gctune.monitor.loop
        getattr(logging.getLogger("gctune"), level)("%s", message)
    except (KeyError, AttributeError):  # not imported, or by half
        _write(f"gctune: {message}\n")
    except Exception:  # noqa: BLE001, S110 - a handler of the program's
        pass


def _write(line: str) -> None:
    """Write to standard error; not through sys.stderr, which tries again at exit what it cannot."""
    try:  # noqa: SIM105 - contextlib costs 1 ms
        os.write(sys.stderr.fileno(), line.encode("ascii", "backslashreplace"))
    except Exception:  # noqa: BLE001, S110 - closed, full, or not a file
        pass
