"""Real groups with a memory limit, for children that may be killed of it; as root alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gctune.host.cgroups import find_cgroups

_GONE_WITHIN = 5.0  # seconds until the kernel has let go of a group whose processes ended


class RefusedError(Exception):
    """No group can be made here; the message says why."""


class MemoryGroup:
    """A group of this test's own, below the one it runs in."""

    def __init__(self, folder: Path, *, unified: bool) -> None:
        self.folder = folder
        self._unified = unified

    def limit(self, size: int) -> None:
        """Bound what processes in the group may use, in bytes."""
        self._file("memory.max" if self._unified else "memory.limit_in_bytes").write_text(str(size))
        swap = self._file("memory.swap.max" if self._unified else "memory.memsw.limit_in_bytes")
        if swap.exists():
            swap.write_text("0" if self._unified else str(size))

    def joining(self) -> Callable[[], None]:
        """What a child calls between fork and exec to be in the group."""
        path = os.fspath(self._file("cgroup.procs"))

        def join() -> None:
            descriptor = os.open(path, os.O_WRONLY)
            os.write(descriptor, b"0")
            os.close(descriptor)

        return join

    def peak(self) -> int:
        """The most that was used, in bytes, pages of files included."""
        name = "memory.peak" if self._unified else "memory.max_usage_in_bytes"
        return int(self._file(name).read_text())

    def kills(self) -> int:
        """How many processes the kernel killed for the limit."""
        name = "memory.events" if self._unified else "memory.oom_control"
        rows = dict(line.split() for line in self._file(name).read_text().splitlines())
        return int(rows["oom_kill"])

    def _file(self, name: str) -> Path:
        return self.folder / name


@contextmanager
def memory_group(size: int) -> Iterator[MemoryGroup]:
    """Make a group with a limit of `size` bytes, and remove it at the end. Raises RefusedError."""
    group = _make()
    try:
        try:
            group.limit(size)
            group.kills()
        except (OSError, KeyError) as error:
            raise RefusedError(f"the group's limit cannot be set: {error}") from error
        yield group
    finally:
        _remove(group.folder)


def _make() -> MemoryGroup:
    reasons = ["no cgroup of this process is mounted"]
    for own, *_ in find_cgroups("memory").lineages:
        folder = Path(os.fsdecode(own.path)) / f"gctune-{os.getpid()}-{time.monotonic_ns()}"
        try:
            folder.mkdir()
        except OSError as error:
            reasons = [str(error)]
            continue
        if any(folder.glob("memory.*")):
            return MemoryGroup(folder, unified=own.unified)
        reasons = [f"{own.path!r} does not hold the memory controller"]
        folder.rmdir()
    raise RefusedError(reasons[0])


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _GONE_WITHIN
    while not _removed(folder) and time.monotonic() < deadline:
        os.sched_yield()


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # the kernel has not done with its processes
        return False
    return True
