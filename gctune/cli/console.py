"""The console that commands print on, of a width that can be printed."""

from __future__ import annotations

import shutil

from rich.console import Console

_WIDEST = 1000  # columns: where a program reads, no line is cut or folded
USUAL = 80


def console(*, stderr: bool = False, piped: int = _WIDEST) -> Console:
    """Standard output, or standard error: as wide as COLUMNS or the terminal says.

    COLUMNS = 0 says nothing, as for all that reads it. What neither does is `piped` columns wide.
    """
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    asked = made.width if stderr else shutil.get_terminal_size((piped, 0)).columns
    width = min(asked, _WIDEST) or USUAL
    if made.width != width:  # else it follows what the terminal becomes
        made.width = width
    return made
