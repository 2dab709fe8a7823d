"""Telling the program's operator: by the program's own logging, else a line to standard error.

Logging that nobody has set up would print the bare message: its line is ours.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Level = Literal["WARNING", "INFO"]


def warn(message: str) -> None:
    """Tell of what is wrong. Never raises."""
    _tell("WARNING", message)


def inform(message: str) -> None:
    """Tell of what is right again. Never raises."""
    _tell("INFO", message)


def _tell(level: Level, message: str) -> None:
    try:
        logging = sys.modules["logging"]  # not imported here: see gctune.monitor.loop
        logger, number = logging.getLogger("gctune"), getattr(logging, level)
        if logger.hasHandlers():
            logger.log(number, "%s", message)
        elif logger.isEnabledFor(number):
            _write(f"gctune: {message}\n")
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
