"""Which garbage collector this interpreter has, and what its knobs mean there.

The collector follows from the exact version, never from the minor alone:
3.14.0 to 3.14.4 shipped an incremental collector that 3.14.5 took back
(python/cpython#148746).
"""

from __future__ import annotations

import gc
import os
import sys

from gctune.record import Record


class Collector:
    """The kinds of collector that CPython has shipped, by the name a plan carries."""

    GENERATIONAL = "generational"
    INCREMENTAL = "incremental"
    FREE_THREADED = "free-threaded"
    UNKNOWN = "unknown"


_NEWEST_KNOWN = (3, 15)

_YOUNG = "container allocations less deallocations before a young collection"

_MEANS = {
    Collector.GENERATIONAL: {
        "threshold0": _YOUNG,
        "threshold1": "young collections before a collection of generation 1",
        "threshold2": "collections of generation 1 before a full one, which"
        " also waits until a quarter of the old objects are new",
        "freeze": "keeps what exists now out of every later collection",
    },
    Collector.INCREMENTAL: {
        "threshold0": _YOUNG,
        "threshold1": "inverse of the share of the old heap that one increment scans",
        "freeze": "keeps what exists now out of every later collection",
    },
    Collector.FREE_THREADED: {
        "threshold0": "least number of container allocations before a collection",
        "threshold1": "0 lets collections ignore the size of the live heap",
    },
    Collector.UNKNOWN: {},
}

_MEANS_NOTHING = {
    Collector.INCREMENTAL: {
        "threshold2": "the incremental collector of 3.14.0 to 3.14.4 ignores it"
    },
    Collector.FREE_THREADED: {
        "threshold2": "the free-threaded collector has no generations",
        "freeze": "the free-threaded collector walks frozen objects all the same"
        " and loses a shortcut",
    },
}


class Interpreter(Record):
    """One interpreter: what it is, and what its collector's knobs mean.

    `thresholds` are the values a fresh process starts with. `libc` is
    "glibc" where that is the C library, else empty.
    """

    implementation: str
    version: tuple[int, int, int]
    collector: str
    thresholds: tuple[int, int, int]
    libc: str

    @property
    def tag(self) -> str:
        """One word that says whether a plan was made for this interpreter."""
        version = ".".join(map(str, self.version))
        return f"{self.implementation}-{version}-{self.collector}"

    def meaning(self, knob: str) -> str:
        """What `knob` (threshold0, threshold1, threshold2, freeze) does here; empty if nothing."""
        return _MEANS[self.collector].get(knob, "")

    def objection(self, knob: str) -> str:
        """Why `knob` means nothing on this collector; empty where it means something."""
        if self.meaning(knob):
            return ""
        known = _MEANS_NOTHING.get(self.collector, {}).get(knob)
        return known or f"gctune does not know the collector of {self.tag}"


def collector_of(implementation: str, version: tuple[int, int, int], gil: bool) -> str:
    """Name the collector of an interpreter by its exact version and build."""
    if implementation != "cpython" or version[:2] > _NEWEST_KNOWN:
        return Collector.UNKNOWN
    if not gil:
        return Collector.FREE_THREADED
    if (3, 14, 0) <= version < (3, 14, 5):
        return Collector.INCREMENTAL
    return Collector.GENERATIONAL


def default_thresholds(version: tuple[int, int, int], collector: str) -> tuple[int, int, int]:
    """Return the thresholds a fresh interpreter of this version starts with."""
    if collector == Collector.UNKNOWN:
        return gc.get_threshold()
    if version < (3, 13):
        return (700, 10, 10)
    return (2000, 10, 0 if collector == Collector.INCREMENTAL else 10)


def stock(implementation: str, version: tuple[int, int, int], collector: str) -> Interpreter:
    """Describe an interpreter that is not running here, as far as its version tells."""
    thresholds = default_thresholds(version, collector)
    return Interpreter(implementation, version, collector, thresholds, "")


def this_interpreter() -> Interpreter:
    """Describe the running interpreter."""
    implementation = sys.implementation.name
    version = sys.version_info[:3]
    gil = "t" not in getattr(sys, "abiflags", "")
    collector = collector_of(implementation, version, gil)
    return Interpreter(
        implementation=implementation,
        version=version,
        collector=collector,
        thresholds=default_thresholds(version, collector),
        libc=_libc(),
    )


def _libc() -> str:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[0]
    except (AttributeError, ValueError, OSError):  # no confstr on Windows, no such name on musl
        return ""


FREE_THREADED = this_interpreter().collector == Collector.FREE_THREADED  # the one that runs
