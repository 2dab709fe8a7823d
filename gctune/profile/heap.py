"""Heap profiles: which lines of a program hold its memory.

A heap profile counts memory blocks and their bytes by stack; an object is one
block, or two where its items have one of their own. What an object contains is
never looked at.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path

from gctune.errors import ProfileError, problem
from gctune.host.files import reason
from gctune.profile import flamegraph, flames, pprof, tracing
from gctune.profile.ending import at_the_end_of_multiprocessing
from gctune.profile.file import opened
from gctune.profile.siblings import new_sibling
from gctune.profile.sites import Heap
from gctune.profile.writer import OwnFile, fill, write_new
from gctune.runtime import fork

FORMATS: dict[str, Callable[[Heap], bytes]] = {
    "pprof": pprof.encode,
    "speedscope": flames.speedscope,
    "collapsed": flames.collapsed,
    "html": flamegraph.page,
}
_MEMRAY, _BEGINNING = b"memray", 32  # what stands within so many bytes, behind lz4's header if any
_ENDINGS = {
    ".json": "speedscope",
    ".collapsed": "collapsed",
    ".folded": "collapsed",
    ".html": "html",
}


def write_heap(path: str | os.PathLike[str], form: str | None = None) -> None:
    """Write what is in use now, by stack, to a new file.

    `form` is "pprof", "speedscope", "collapsed" or "html", a flame graph; None
    goes by the file's ending (.json is speedscope, .collapsed and .folded are
    collapsed, .html is html, all else is pprof). A full collection comes first.
    Allocations are known from when tracemalloc was started: by `gctune heap`,
    by -X tracemalloc=25, or in code. Raises ProfileError where it was not,
    where `path` exists, or where it cannot be written.
    """
    path = Path(path)
    form = form or format_of(path)
    if form not in FORMATS:
        raise ProfileError(problem("form", form, "no format", f"give {', '.join(FORMATS)}"))
    content = FORMATS[form](tracing.take())
    write_new(path, content)


def format_of(path: Path) -> str:
    """The format that the ending of a file's name stands for."""
    return _ENDINGS.get(path.suffix.lower(), "pprof")


def is_capture(path: Path) -> bool:
    """Whether a file is a capture of memray, compressed or not."""
    return _MEMRAY in _beginning(path)


def is_heap(path: Path) -> bool:
    """Whether a file begins as a capture of memray does, or as a heap profile that is packed."""
    start = _beginning(path)
    return _MEMRAY in start or start.startswith(pprof.GZIP)


def _beginning(path: Path) -> bytes:
    try:
        with opened(path) as stream:
            return stream.read(_BEGINNING)
    except (OSError, ValueError):
        return b""


def read_heap(path: Path, where: str = "FILE") -> Heap:
    """Read a heap profile in pprof's format, ours or Go's.

    `where` names it in an error. Raises ProfileError where it cannot be read, is
    damaged or no heap profile, or too large: over 64 MiB, or 1,048,576 stacks.
    """
    try:
        with opened(path) as stream:
            return pprof.decode(stream.read(pprof.MOST_BYTES + 1))
    except (OSError, ValueError) as error:
        remedy = "give a heap profile in pprof's format"
        raise ProfileError(problem(where, str(path), reason(error).lower(), remedy)) from error


def begin(
    path: str, form: str, frames: int, before: str | None, warn: Callable[[str], object]
) -> None:
    """Trace this process, and write its heap when it ends, and that of each child it forks.

    The file is made now, so that it is this process's; FILE.<pid> where it is
    taken, and for a forked child. `before` gets the heap as it is now. `warn`
    gets one line where the heap cannot be written in the end. Raises
    ProfileError where the files cannot be made.
    """
    ending = _Ending(Path(path).absolute(), FORMATS[form], warn)
    tracing.start(frames)
    if before is not None:
        _fill(_claim(Path(before).absolute()), FORMATS[form](tracing.take()))
    atexit.register(ending.write)
    fork.in_child(ending.after_fork_in_child)


class _Ending:
    """Writes the heap at the end of a process, and of each child that it forks."""

    def __init__(
        self, base: Path, encode: Callable[[Heap], bytes], warn: Callable[[str], object]
    ) -> None:
        self._base, self._encode, self._warn = base, encode, warn
        self._pid, self._claimed = os.getpid(), _claim(base)
        self._written_by = 0

    def write(self) -> None:
        """Write the heap once in each process; what goes wrong is told and stops nothing."""
        pid = os.getpid()
        if self._written_by == pid:
            return
        self._written_by = pid
        try:
            content = self._encode(tracing.take(last=True))
            _fill(self._claimed if self._pid == pid else _claim(self._base), content)
        except Exception as error:  # noqa: BLE001 - the program ends as it would have ended
            self._warn(str(error) or type(error).__name__)

    def after_fork_in_child(self) -> None:
        """Have a child of multiprocessing write, too: it runs no atexit functions."""
        at_the_end_of_multiprocessing(self, self.write)


def _claim(base: Path) -> OwnFile:
    """Make FILE, or FILE.<pid> where it is taken."""
    try:
        return OwnFile(base)
    except ProfileError:
        if not os.path.lexists(base):
            raise
    return OwnFile(new_sibling(base))


def _fill(file: OwnFile, content: bytes) -> None:
    fill(file.path, file.descriptor(), content)
