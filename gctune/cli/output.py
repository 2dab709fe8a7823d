"""The files that a command is to make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gctune.errors import problem


def folder_problems(option: str, file: Path) -> Iterator[str]:
    """Say so where no file can be made in the folder of `file`, which `option` named."""
    if not os.access(file.parent, os.W_OK | os.X_OK):
        yield problem(option, str(file), "its folder cannot be written", "give another folder")
