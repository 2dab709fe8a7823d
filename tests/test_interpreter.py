"""Which collector an exact version has, and what its knobs mean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gctune.host.interpreter import (
    Collector,
    Interpreter,
    collector_of,
    default_thresholds,
    this_interpreter,
)

KNOBS = ("threshold0", "threshold1", "threshold2", "freeze")


@pytest.mark.parametrize(
    ("version", "collector", "thresholds"),
    [
        ((3, 10, 13), Collector.GENERATIONAL, (700, 10, 10)),
        ((3, 12, 13), Collector.GENERATIONAL, (700, 10, 10)),
        ((3, 13, 0), Collector.GENERATIONAL, (2000, 10, 10)),
        ((3, 14, 0), Collector.INCREMENTAL, (2000, 10, 0)),
        ((3, 14, 1), Collector.INCREMENTAL, (2000, 10, 0)),
        ((3, 14, 2), Collector.INCREMENTAL, (2000, 10, 0)),
        ((3, 14, 3), Collector.INCREMENTAL, (2000, 10, 0)),
        ((3, 14, 4), Collector.INCREMENTAL, (2000, 10, 0)),
        ((3, 14, 5), Collector.GENERATIONAL, (2000, 10, 10)),
        ((3, 14, 10), Collector.GENERATIONAL, (2000, 10, 10)),
        ((3, 15, 2), Collector.GENERATIONAL, (2000, 10, 10)),
    ],
)
def test_the_exact_version_decides(
    version: tuple[int, int, int], collector: str, thresholds: tuple[int, int, int]
) -> None:
    assert collector_of("cpython", version, gil=True) == collector
    assert default_thresholds(version, collector) == thresholds


def test_a_collector_named_in_a_file_has_the_same_thresholds() -> None:
    read = "".join(list(Collector.INCREMENTAL))  # equal, and another object
    assert default_thresholds((3, 14, 2), read) == (2000, 10, 0)


@pytest.mark.parametrize(
    ("implementation", "version", "gil"),
    [
        ("cpython", (3, 16, 0), True),
        ("cpython", (3, 16, 0), False),
        ("cpython", (4, 0, 0), True),
        ("pypy", (3, 11, 0), True),
    ],
)
def test_what_is_not_known_is_unknown(
    implementation: str, version: tuple[int, int, int], gil: bool
) -> None:
    assert collector_of(implementation, version, gil) == Collector.UNKNOWN


@pytest.mark.parametrize("version", [(3, 13, 0), (3, 14, 2), (3, 15, 0)])
def test_no_lock_means_no_generations(version: tuple[int, int, int]) -> None:
    assert collector_of("cpython", version, gil=False) == Collector.FREE_THREADED


def interpreter(version: tuple[int, int, int], collector: str) -> Interpreter:
    thresholds = default_thresholds(version, collector)
    return Interpreter("cpython", version, collector, thresholds, "glibc")


@pytest.mark.parametrize(
    ("collector", "meaningless"),
    [
        (Collector.GENERATIONAL, []),
        (Collector.INCREMENTAL, ["threshold2"]),
        (Collector.FREE_THREADED, ["threshold2", "freeze"]),
        (Collector.UNKNOWN, list(KNOBS)),
    ],
)
def test_a_knob_has_a_meaning_or_a_reason_why_not(collector: str, meaningless: list[str]) -> None:
    here = interpreter((3, 14, 2), collector)
    assert [knob for knob in KNOBS if here.objection(knob)] == meaningless
    assert all(bool(here.meaning(knob)) != bool(here.objection(knob)) for knob in KNOBS)


def test_the_tag_tells_interpreters_apart() -> None:
    assert interpreter((3, 14, 2), Collector.INCREMENTAL).tag == "cpython-3.14.2-incremental"


def test_thresholds_are_those_of_a_fresh_child() -> None:
    fresh = subprocess.check_output(
        [sys.executable, "-I", "-c", "import gc; print(*gc.get_threshold())"], text=True
    )
    assert this_interpreter().thresholds == tuple(map(int, fresh.split()))


def test_this_interpreter_is_the_running_one() -> None:
    here = this_interpreter()
    assert here.implementation == sys.implementation.name
    assert here.version == sys.version_info[:3]
    assert here.libc in ("glibc", "")
