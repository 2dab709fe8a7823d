"""A folder that only this user can write, made and used safely."""

# pathlib costs 4 ms.
# ruff: noqa: PTH102

from __future__ import annotations

import os
import stat
from contextlib import contextmanager

from gctune.errors import GctuneError, problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = ("/dev/shm", "/tmp")  # noqa: S108 - what is made there is checked by `prepare`
PRIVATE = "private"  # in a plan: the folder of this user's for those that share an address


class FolderError(GctuneError):
    """A folder cannot be used for numbers."""


def private_folder(name: str) -> str:
    """Where a folder of this user's own by that name belongs; whatever stands in `name`."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)
    return f"{_place()}/gctune-{os.geteuid()}-{plain}"


def _place() -> str:
    """A place for what need not outlive the machine; in memory where it can be."""
    return next((place for place in _PLACES if os.access(place, os.W_OK | os.X_OK)), _PLACES[-1])


def prepare(folder: str) -> None:
    """Make the folder if it is not there, and see that nobody else can write to it.

    Raises FolderError.
    """
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise _unusable(folder, (error.strerror or str(error)).lower()) from error
    check(folder)


def check(folder: str) -> None:
    """See that it is a folder that nobody else can write to. Raises OSError and FolderError."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(folder, "not a folder")
    if found.st_uid != os.geteuid():
        raise _unusable(folder, "belongs to somebody else")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _unusable(folder, "others can write to it")


def _unusable(folder: str, wrong: str) -> FolderError:
    return FolderError(problem("monitor.workers", folder, wrong, "name a folder of your own"))


@contextmanager
def alone(path: str) -> Iterator[bool]:
    """Hold the lock of that file, if nobody holds it; says whether it does.

    A record lock: a forked child does not inherit it, and whatever ends the
    process lets go of it.
    """
    import fcntl

    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
