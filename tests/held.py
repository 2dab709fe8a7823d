"""What this process holds open."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def descriptors() -> set[tuple[str, Path]]:
    """Each by its number and what it is: those of an earlier test may close meanwhile."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            found.add((each.name, each.readlink()))
    return found
