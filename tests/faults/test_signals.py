"""What a signal's handler raises reaches the program, however busy its collector is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from children import BARE, below, plan, python

# Each signal is armed where its exception is awaited. A handler that ran
# without its exception arriving has had it swallowed.
LOAD = """
import gc, json, random, signal, sys

class Raised(Exception): pass

handled = 0

def handler(number, frame):
    global handled
    handled += 1
    raise Raised

def churn():
    gc.collect()
    for _ in range(20):
        [[[]] for _ in range(200)]

def await_one(number):
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-4, 1e-3))
    while handled == number:
        churn()

def lost_of(signals):
    lost = 0
    for number in range(signals):
        try:
            await_one(number)
        except Raised:
            continue
        lost += 1
    return lost

def count(signals):
    live = [[each] for each in range(5_000)]
    gc.set_threshold(50, 2, 2)
    signal.signal(signal.SIGALRM, handler)
    lost = lost_of(signals)
    json.dump([handled, lost], sys.stdout)
"""

CAPTURED = f"""
import gctune
{LOAD}
with gctune.capture(sys.argv[1]):
    count(1000)
"""

MONITORED = f"""
{LOAD}
from gctune.monitor.monitor import current
while current() is None: churn()
count(1000)
"""

BY_A_PYTHON_CALLBACK = f"""
{LOAD}
sys.unraisablehook = lambda unraisable: None

def callback(phase, info):
    pass

gc.callbacks.append(callback)
count(100)
"""


def _run(script: str, *arguments: str, environ: Mapping[str, str] = BARE) -> list[int]:
    done = python("-c", script, *arguments, environ=environ)
    assert done.stderr == ""
    counts: list[int] = json.loads(done.stdout)
    return counts


def test_none_of_a_thousand_exceptions_is_lost_under_capture(tmp_path: Path) -> None:
    assert _run(CAPTURED, str(tmp_path / "profile")) == [1000, 0]


@pytest.mark.parametrize(("level", "trace"), [("basic", 0), ("detailed", 0), ("debug", 1)])
def test_none_of_a_thousand_exceptions_is_lost_under_the_monitor(level: str, trace: int) -> None:
    watched = plan(monitor__level=level, monitor__trace=bool(trace), monitor__interval=0.1)
    assert _run(MONITORED, environ=below(watched)) == [1000, 0]


def test_a_callback_in_python_loses_some() -> None:
    """So that the promise above could be seen to fail."""
    handled, lost = _run(BY_A_PYTHON_CALLBACK)
    assert handled == 100
    assert lost > 0
