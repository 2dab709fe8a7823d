"""What this interpreter, container and allocator allow, and what follows from it."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gctune.host.allocator import Allocator, this_allocator
from gctune.host.files import shown
from gctune.host.interpreter import Collector, Interpreter
from gctune.host.machine import Host, this_host
from gctune.host.process import peak_rss_bytes, rss_bytes, started_with, thread_count
from gctune.runtime.knobs import KNOBS
from gctune.runtime.malloc import OF_MALLOC
from gctune.runtime.plan import HANDED_DOWN
from gctune.secret import MASK, holds_secret, names_secret
from gctune.startup import DISABLED, disabled

if TYPE_CHECKING:
    from gctune.host.files import StrPath


@dataclass(frozen=True)
class KnobFacts:
    """What one setting's knob means here, what it starts with, and what it holds now.

    `objection` says why it means nothing here; empty where it means something.
    A value of None cannot be known.
    """

    setting: str
    default: int | float | bool | str | None
    present: int | float | bool | str | None
    meaning: str
    objection: str


@dataclass(frozen=True)
class Process:
    """What the process itself uses; `frozen` counts objects."""

    rss_bytes: int
    peak_rss_bytes: int
    threads: int
    frozen: int


@dataclass(frozen=True)
class Variable:
    """An environment variable that bears on tuning; a secret's value is hidden."""

    name: str
    value: str
    bearing: str


@dataclass(frozen=True)
class Diagnosis:
    """The facts, and warnings where they call for something to be done."""

    host: Host
    knobs: tuple[KnobFacts, ...]
    process: Process
    allocator: Allocator
    variables: tuple[Variable, ...]
    warnings: tuple[str, ...]


def diagnose(proc: StrPath = "/proc", sys: StrPath = "/sys") -> Diagnosis:
    """Look at everything. Changes nothing."""
    host = this_host(proc, sys)
    environ = started_with(proc)
    allocator = this_allocator(host.interpreter, environ, proc)
    return Diagnosis(
        host=host,
        knobs=tuple(_knobs(host.interpreter, allocator)),
        process=_process(proc),
        allocator=allocator,
        variables=tuple(bearing_variables(environ)),
        warnings=tuple(warnings(host, allocator, environ)),
    )


_MEANINGS = {
    "gc.enabled": "whether collections happen by themselves",
    "memory.hard_limit": "bytes of private writable memory before a MemoryError (RLIMIT_DATA)",
    "memory.arenas": "most arenas that malloc opens for its threads",
    "memory.trim": "free bytes at the top of the heap before malloc returns them",
    "memory.mmap": "bytes from which an allocation has pages of its own",
}


def _knobs(interpreter: Interpreter, allocator: Allocator) -> Iterator[KnobFacts]:
    for setting, knob in KNOBS.items():
        objection = knob.objection(interpreter)
        if setting in OF_MALLOC:
            objection = objection or allocator.objection
        yield KnobFacts(
            setting=setting,
            default=held(knob.default(interpreter)),
            present=held(knob.read()),
            meaning=_MEANINGS.get(setting) or interpreter.meaning(setting.removeprefix("gc.")),
            objection=objection,
        )


def held(value: int | float | bool | str | None) -> int | float | bool | str | None:
    """What a knob holds, in words where a number stands for no limit."""
    import resource

    return "unlimited" if value == resource.RLIM_INFINITY else value  # -1 until 3.15, then 2^64 - 1


def _process(proc: StrPath) -> Process:
    return Process(
        rss_bytes=rss_bytes(proc),
        peak_rss_bytes=peak_rss_bytes(proc),
        threads=thread_count(proc),
        frozen=gc.get_freeze_count(),
    )


# The first pattern that fits a name says what the variable does.
_BEARINGS = (
    (r"GCTUNE_DISABLE", "turns gctune off: 1, true, yes or on"),
    (r"GCTUNE_ENVIRONMENT|ENVIRONMENT|APP_ENV", "names the environment"),
    (r"GCTUNE_CONFIG", "names the configuration file"),
    ("|".join(HANDED_DOWN), "handed down by gctune to the program that it started"),
    (r"(?i:GCTUNE_).*", "a setting"),
    (r"PYTHONMALLOC", "chooses the allocator of Python objects"),
    (r"PYTHONGIL|PYTHON_GIL", "turns the lock of a free-threaded interpreter on or off"),
    (r"LD_PRELOAD", "may put another allocator in place of the C library's"),
    (r"(.*_)?MALLOC_CONF", "read by jemalloc when a program starts"),
    (r"GLIBC_TUNABLES|MALLOC_.*", "read by glibc's malloc when a program starts"),
    (r"MIMALLOC_.*", "read by mimalloc when a program starts"),
)


def bearing_variables(environ: Mapping[str, str]) -> Iterator[Variable]:
    """The variables that bear on tuning, by name; whatever may hold a secret is hidden."""
    for name, value in sorted(environ.items()):
        bearing = _bearing(name, value)
        if bearing:
            yield Variable(name, MASK if _is_secret(name, value) else value, bearing)


def _bearing(name: str, value: str) -> str:
    if name == "PYTHONPATH":
        return _bearing_of_path(value)
    fits = (bearing for pattern, bearing in _BEARINGS if re.fullmatch(pattern, name))
    return next(fits, "")


def _bearing_of_path(value: str) -> str:
    for folder in filter(None, value.split(os.pathsep)):
        if (Path(folder) / "sitecustomize.py").is_file():
            return f"{shown(os.fsencode(folder))} holds a sitecustomize.py"
    return ""


def _is_secret(name: str, value: str) -> bool:
    """Whether a value may hold the monitor's token: by itself, in a section, or in a plan."""
    return name.upper().startswith("GCTUNE_") and (names_secret(name) or holds_secret(value))


def warnings(host: Host, allocator: Allocator, environ: Mapping[str, str]) -> Iterator[str]:
    """What calls for the reader to do something."""
    yield from _COLLECTOR_WARNINGS.get(host.interpreter.collector, ())
    if host.container.limit is None:
        yield (
            "no memory limit is known: high thresholds have nothing that keeps their cost"
            " down; give the container a limit, or set memory.limit"
        )
    if allocator.malloc in ("jemalloc", "mimalloc", "tcmalloc"):
        yield f"{allocator.malloc} is loaded: {allocator.objection}"
    if allocator.python.endswith("_debug") or allocator.python == "malloc":
        yield f"Python objects are allocated by {allocator.python}: slower than in production"
    if disabled(environ):
        yield f"{DISABLED}: gctune changes nothing"


_COLLECTOR_WARNINGS = {
    Collector.INCREMENTAL: (
        "the incremental collector of 3.14.0 to 3.14.4 may use up to five times the memory"
        " (python/cpython#142516); upgrade to 3.14.5 or later",
    ),
    Collector.FREE_THREADED: (
        "a free-threaded collector stops the world and scans the whole heap each time;"
        " profiles of other interpreters say nothing about it; leave gc.freeze at never",
    ),
    Collector.UNKNOWN: ("gctune does not know this collector, and leaves it alone",),
}
