"""The running process, as the system counts it: cheap from /proc, by psutil where there is none.

Raises GctuneError where that cannot see it either, as psutil needs /proc on Linux.
CPU time is `time.process_time_ns()`, which needs no help.
"""

from __future__ import annotations

import os
import sys
from _functools import partial  # type: ignore[import-not-found] # functools imports collections

from gctune.errors import GctuneError, problem
from gctune.host.files import number, number_behind, read, read_as, within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gctune.host.files import StrPath


def rss_bytes(proc: StrPath = "/proc") -> int:
    """Memory of this process that is in RAM, shared pages included. Costs 10 us."""
    rss = read_as(resident_bytes, within(proc, "self/statm"), [])
    return int(_elsewhere("memory_info").rss) if rss is None else rss


def peak_rss_bytes(proc: StrPath = "/proc") -> int:
    """The most that rss has been since the program was started."""
    # Not resource.getrusage: its maximum outlives exec, so it may be the parent's.
    kibibytes = read_as(partial(number_behind, b"VmHWM:"), within(proc, "self/status"), [])
    return _peak_elsewhere() if kibibytes is None else kibibytes * 1024


def thread_count(proc: StrPath = "/proc") -> int:
    """Threads of this process, those that Python did not start included."""
    threads = read_as(partial(number_behind, b"Threads:"), within(proc, "self/status"), [])
    return int(_elsewhere("num_threads")) if threads is None else threads


def started(pid: int, proc: StrPath = "/proc") -> int | None:
    """When a process was started, by a clock of the system's own; None where it has ended.

    One that has ended and whose parent has not asked for its status has ended.
    With its pid this names a process for ever.
    """
    if not os.path.isdir(within(proc, "self")):  # noqa: PTH112 - pathlib costs 4 ms
        return _started_elsewhere(pid)
    return read_as(_start, within(proc, f"{pid}/stat"), [])


def started_with(proc: StrPath = "/proc") -> dict[str, str]:
    """The environment variables that this process was started with.

    What the C library and the interpreter went by: changes to os.environ
    afterwards do not show.
    """
    try:
        content = read(within(proc, "self/environ"))
    except OSError:
        return dict(_elsewhere("environ"))
    pairs = (os.fsdecode(line).partition("=") for line in content.split(b"\0"))
    return {name: value for name, separator, value in pairs if separator}


def resident_bytes(statm: bytes) -> int:
    """Parse /proc/<pid>/statm. Raises ValueError for what is none: two of its numbers are 0."""
    _, pages, _, _, libraries, _, dirty = statm.split()
    if (libraries, dirty) != (b"0", b"0"):
        raise ValueError("not a process's memory")
    return number(pages) * os.sysconf("SC_PAGE_SIZE")


def _start(content: bytes) -> int | None:
    """Parse /proc/<pid>/stat, in which the name may hold spaces and brackets."""
    state, *fields = content[content.rindex(b")") + 1 :].split()
    return None if state in b"ZX" else number(fields[18])


def _started_elsewhere(pid: int) -> int | None:
    import psutil  # type: ignore[import-untyped, unused-ignore]

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else int(process.create_time() * 1000)
    except psutil.Error:
        return None


def _peak_elsewhere() -> int:
    if sys.platform == "win32":
        return int(_elsewhere("memory_info").peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _elsewhere(fact: str) -> Any:
    import psutil

    try:
        return getattr(psutil.Process(), fact)()
    except psutil.Error as error:
        wrong, remedy = "neither /proc nor psutil tells of this process", "mount /proc"
        raise GctuneError(problem("pid", os.getpid(), wrong, remedy)) from error
