"""Profiles of an earlier capture, which the next one replaces once it has begun its own.

Whether a command records anything shows only once it runs. So nothing is
removed for it: it is told which files are the earlier ones, by what they are
rather than by their names, and the first process that records takes their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from gctune.host.files import identity, reason
from gctune.monitor.telling import warn
from gctune.profile.file import opened
from gctune.profile.writer import file_problem

Earlier: TypeAlias = Mapping[str, Sequence[int] | None]  # which file each name was of


def earlier_files(paths: Iterable[Path]) -> Earlier:
    """The files of one folder that a capture is to replace."""
    return {path.name: identity(path) for path in paths}


def replace_earlier(base: Path, own: Path, files: Earlier) -> Path:
    """Have `own`, which was begun beside, take the place of the earlier PROFILE `base`.

    Those of its children go, too. Where another process has taken the place,
    or is about to, `own` stays where it is. Returns where it is now; what cannot
    be replaced is told.
    """
    if own != base and not _has_taken(base, own, files):
        return own
    for path in map(base.with_name, files):
        if path != base and _is_earlier(path, files):
            _remove(path)
    return base


def _has_taken(base: Path, own: Path, files: Earlier) -> bool:
    """Take the place of the earlier PROFILE, if it is there still and nobody else is about to."""
    try:
        with opened(base) as old:
            if not (_locked(old.fileno()) and _is_earlier(base, files)):
                return False
            own.replace(base)
    except OSError as error:
        _tell(base, error)
        return False
    return True


def _is_earlier(path: Path, files: Earlier) -> bool:
    known = files.get(path.name)
    return known is not None and identity(path) == tuple(known)


def _locked(descriptor: int) -> bool:
    """Lock a file until it is closed; False where another process has."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # a system or a disk without locks
        return True
    return True


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        _tell(path, error)


def _tell(path: Path, error: OSError) -> None:
    warn(str(file_problem(path, f"not replaced: {reason(error).lower()}", "remove it yourself")))
