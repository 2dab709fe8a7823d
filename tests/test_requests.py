"""Full collections wait while requests are in flight, and for nothing where none are told of."""

from __future__ import annotations

import sys

import pytest
from children import script

from gctune.host.interpreter import Collector, this_interpreter

pytestmark = pytest.mark.skipif(
    bool(this_interpreter().objection("threshold2")), reason="no full collections by threshold2"
)

# Counts that ask for a full collection soon, and `churn`, which has them do so.
_PRELUDE = """
import gc, os, time
import gctune
IDLE = {"when": "idle", "threshold0": 100, "threshold1": 2, "threshold2": 2}
NEVER = 2**31 - 1
applied = gctune.apply(environment="test", gc=IDLE)
def full(): return gc.get_stats()[2]["collections"]
def kept_off(): return gc.get_threshold()[2] == NEVER
def until(true):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
kept = []
def churn():
    for _ in range(20_000):
        node = [bytearray(2_000)]
        node.append(node)
    kept.extend([] for _ in range(50_000))
"""


def test_full_collections_wait_for_the_end_of_a_request() -> None:
    printed = script(
        f"{_PRELUDE}\n"
        "with gctune.request():\n"
        "    until(kept_off)\n"
        "    before = full()\n"
        "    churn()\n"
        "    print(full() - before, gc.get_count()[2] > 2)\n"
        "until(lambda: full() > before)\n"
        "print(gc.get_count()[2] <= 2)\n"
        "applied.undo()\n"
        "print(gc.get_threshold()[2] < NEVER)"
    )
    assert printed.split() == ["0", "True", "True", "True"]


@pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL, reason="this collector is not paced"
)
def test_a_look_of_adaptive_mode_waits_for_the_end_of_a_request() -> None:
    printed = script(
        f"{_PRELUDE}\n"
        "applied.undo()\n"
        "applied = gctune.apply(environment='test', gc={'mode': 'adaptive', 'when': 'idle'})\n"
        "from gctune.runtime.knobs import FULL\n"
        "with gctune.request():\n"
        "    until(kept_off)\n"
        "    while FULL.read(): churn()\n"
        "    before = full()\n"
        "    for _ in range(5): churn()\n"
        "    print(full() - before, FULL.read())\n"
        "until(lambda: full() > before)\n"
        "until(FULL.read)\n"
        "applied.undo()\n"
        "print(gc.get_threshold()[2] < NEVER)"
    )
    assert printed.split() == ["0", "0", "True"]


def test_where_nothing_tells_of_requests_collections_are_left_alone() -> None:
    printed = script(
        f"{_PRELUDE}\n"
        "from gctune.monitor.idle import IdleCollector\n"
        "from gctune.monitor.thread import duties\n"
        "until(lambda: any(isinstance(duty, IdleCollector) for duty in duties()))\n"
        "before = full()\n"
        "churn()\n"
        "print(kept_off(), full() > before)"
    )
    assert printed.split() == ["False", "True"]


def test_nobody_telling_of_requests_is_said_once() -> None:
    printed = script(
        "import logging\n"
        "logging.basicConfig(format='%(message)s', handlers=[logging.StreamHandler(\n"
        "    __import__('sys').stdout)])\n"
        "from gctune.monitor.idle import IdleCollector\n"
        "import time\n"
        "collector, now = IdleCollector(), time.perf_counter_ns()\n"
        "for seconds in (0, 59, 61, 120): collector(now + seconds * 10**9)"
    )
    assert printed.count("nothing tells of requests") == 1


def test_what_the_program_sets_afterwards_is_left_alone() -> None:
    printed = script(
        f"{_PRELUDE}\n"
        "with gctune.request(): until(kept_off)\n"
        "gc.set_threshold(100, 3, 3)\n"
        "before = full()\n"
        "with gctune.request():\n"
        "    churn()\n"
        "    print(full() > before)\n"
        "applied.undo()\n"
        "print(gc.get_threshold()[2])"
    )
    assert printed.split() == ["True", "3"]


def test_a_forked_child_begins_with_no_request_and_its_own_collections() -> None:
    printed = script(
        f"{_PRELUDE}\n"
        "from gctune.monitor import requests\n"
        "with gctune.request():\n"
        "    until(kept_off)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        print(requests.in_flight(), requests.told_of(), kept_off(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    print(requests.in_flight(), kept_off())",
        PYTHONWARNINGS="ignore",  # 3.13 counts threads after those of the parent are back
    )
    assert printed.split() == ["0", "False", "False", "1", "True"]


def test_many_threads_leave_none_in_flight() -> None:
    printed = script(
        "import sys, threading\n"
        "import gctune\n"
        "from gctune.monitor import requests\n"
        "sys.setswitchinterval(1e-6)\n"
        "def work():\n"
        "    for _ in range(5_000):\n"
        "        with gctune.request(): assert requests.in_flight() >= 1\n"
        "threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(requests.in_flight())"
    )
    assert printed == "0"


def test_a_request_that_fails_has_ended() -> None:
    printed = script(
        "import gctune\n"
        "from gctune.monitor import requests\n"
        "try:\n"
        "    with gctune.request(): raise KeyError\n"
        "except KeyError: print(requests.in_flight(), requests.told_of())"
    )
    assert printed.split() == ["0", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_request_that_ends_in_a_forked_child_ends_nothing_there() -> None:
    printed = script(
        "import os\n"
        "import gctune\n"
        "from gctune.monitor import requests\n"
        "with gctune.request():\n"
        "    child = os.fork()\n"
        "print(requests.in_flight(), flush=True)\n"
        "if child: os.waitpid(child, 0)\n"
    )
    assert printed.split() == ["0", "0"]
