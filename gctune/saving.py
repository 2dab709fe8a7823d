"""Saving a file: as a whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)  # Windows translates the ends of lines without it
_NEW_MODE = 0o644  # as far as the umask allows for it: settings that all may write are not read


def save(path: Path, content: bytes, check: Callable[[], object] = lambda: None) -> None:
    """Put `content` into a file, in place of what it holds.

    It is written beside the file, and takes its place once it is on disk, with
    its mode, and with its owner and group where this user may give them. A link
    goes on to point at the file; its further names, hard links, keep the old
    one. `check` is called just before: what it raises leaves all as it was.
    What is no regular file, as a terminal or a pipe is not, is written to.
    Raises OSError.
    """
    status = path.stat() if path.exists() else None
    if status and not stat.S_ISREG(status.st_mode):
        path.write_bytes(content)
        return
    real = Path(os.path.realpath(path))
    beside = real.with_name(f".gctune.{token_hex(8)}")  # short: the file's own name may be long
    try:
        _write(beside, content, status)
        check()
        beside.replace(real)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync(real.parent)


def _write(path: Path, content: bytes, like: os.stat_result | None) -> None:
    """Write a new file, and have it on disk; only who may read the old one ever may read it."""
    with os.fdopen(os.open(path, _NEW | _BINARY, _NEW_MODE), "wb") as stream:
        if like:
            _own_like(path, like)
            path.chmod(stat.S_IMODE(like.st_mode))
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _own_like(path: Path, like: os.stat_result) -> None:
    """Give a file the owner of another, and its group: at least that, where only root may more."""
    for owner in (like.st_uid, -1):
        with suppress(OSError, AttributeError):  # not this user's to give; Windows has no such call
            os.chown(path, owner, like.st_gid)
            return


def _sync(folder: Path) -> None:
    """Have the new name on disk too, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
