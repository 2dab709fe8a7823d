"""What every test starts from, and must leave behind."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture.junkdrawer import gc_cumulative_time

settings.register_profile("untimed", deadline=None)  # no test is about how fast a machine is
settings.load_profile("untimed")
gc_cumulative_time()  # hypothesis adds a gc callback at its first test and keeps it; have it now

# What a shell starts with `&` ignores SIGINT, and so would every child that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# From 3.12 on the collector itself moves immortal objects among the frozen ones.
IMMORTALS = 1000 if sys.version_info >= (3, 12) else 0


def _collector() -> tuple[object, ...]:
    return gc.get_threshold(), gc.isenabled(), list(gc.callbacks)


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("GCTUNE_")}


@pytest.fixture(scope="session", autouse=True)
def _a_bare_environment() -> None:
    """Take out what a developer's own shell says of environments."""
    for name in [*_variables(), "ENVIRONMENT", "APP_ENV"]:
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _the_interpreter_is_left_as_it_was() -> Iterator[None]:
    """Hold that a test leaves the collector and the GCTUNE_* variables as before."""
    before, variables, frozen = _collector(), _variables(), gc.get_freeze_count()
    yield
    assert _collector() == before
    assert _variables() == variables
    assert 0 <= gc.get_freeze_count() - frozen <= IMMORTALS
