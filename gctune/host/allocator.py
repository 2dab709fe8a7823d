"""Which allocators this process runs on, and whether glibc's can be told anything."""

from __future__ import annotations

import re
import sys

from gctune.host.files import read, within
from gctune.host.interpreter import Collector, Interpreter
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gctune.host.files import StrPath

_REPLACING = re.compile(rb"/lib(jemalloc|mimalloc|tcmalloc)[^/\n]*\.so")
_MUSL = re.compile(rb"/ld-(musl)[^/\n]*\.so")


class Allocator(Record):
    """The allocator of Python objects, and the one of everything else.

    `python` is "pymalloc", "malloc" or "mimalloc", with "_debug" behind it
    where Python checks every block. `malloc` is "glibc", "musl", the name of
    a library that was loaded in its place, or empty for unknown. `trim` and
    `mallopt` say whether malloc_trim and mallopt have an effect.
    """

    python: str
    malloc: str
    trim: bool
    mallopt: bool

    @property
    def objection(self) -> str:
        """Why the settings of glibc's malloc mean nothing here; empty where they do."""
        if self.trim and self.mallopt:
            return ""
        if self.malloc == "glibc":
            return "malloc_trim and mallopt cannot be called from this interpreter"
        return f"they tune glibc's malloc, and this process runs on {self.malloc or 'another'}"


def this_allocator(
    interpreter: Interpreter, environ: Mapping[str, str], proc: StrPath = "/proc"
) -> Allocator:
    """Describe the running process's allocators; `environ` is what it was started with.

    A library that is linked into the interpreter itself is not seen.
    """
    malloc = _loaded(proc) or interpreter.libc
    glibc = malloc == "glibc"
    return Allocator(
        python=_python(interpreter, environ.get("PYTHONMALLOC", "")),
        malloc=malloc,
        trim=glibc and _callable("malloc_trim"),
        mallopt=glibc and _callable("mallopt"),
    )


def _loaded(proc: StrPath) -> str:
    """The allocator among the loaded libraries; empty for none that is known."""
    try:
        maps = read(within(proc, "self/maps"))
    except OSError:
        return ""
    match = _REPLACING.search(maps) or _MUSL.search(maps)
    return match[1].decode() if match else ""


def _python(interpreter: Interpreter, requested: str) -> str:
    if not sys.getallocatedblocks():
        return "malloc"
    own = "mimalloc" if interpreter.collector == Collector.FREE_THREADED else "pymalloc"
    wanted = "" if sys.flags.ignore_environment else requested
    return {"": own, "default": own, "debug": f"{own}_debug"}.get(wanted, wanted)


def _callable(function: str) -> bool:
    try:
        import ctypes

        return hasattr(ctypes.CDLL(None), function)
    except (ImportError, OSError, TypeError):  # no ctypes in this build; TypeError on Windows
        return False
