"""Adaptive mode where processes are many, short or forked, and where the program steers, too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest
from children import below, plan, script

from gctune.host.interpreter import Collector, this_interpreter

pytestmark = pytest.mark.skipif(
    this_interpreter().collector != Collector.GENERATIONAL, reason="this collector is not paced"
)

PROCESSES, CHILDREN = 100, 200
TOGETHER = 4

# Garbage and what lives, for 50 ms; then one of the ways to end.
SHORT = """
import os, sys, threading, time
kept, begun = [], time.perf_counter()
while time.perf_counter() - begun < 0.05:
    cycle = [[number] for number in range(200)]
    cycle.append(cycle)
    kept.append([cycle[0]])
"""
ENDINGS = {
    "": 0,
    "sys.exit(3)": 3,
    "os._exit(4)": 4,
    "os.kill(os.getpid(), 9)": -9,
    "threading.Thread(target=time.sleep, args=(0.01,)).start()": 0,
}

# In adaptive mode, with its thread at work.
PACED = """
import gc, io, os, sys, time, weakref
from children import plan
from gctune.monitor.changes import changes
from gctune.runtime.applied import apply_plan
from gctune.services import services
applied = apply_plan(plan(gc__mode="adaptive"), services(lambda: None))
kept = []
class Node:
    def __init__(self): self.me = self
def work(times=1):
    for _ in range(times):
        for _ in range(200): Node()
        kept.append([[number] for number in range(1000)])
def until(true):
    while not true(): work()
until(changes)
"""

# Workers that live 50 ms, and what became of them.
PREFORK = f"""
{PACED}
well, master = 0, os.getpid()
for _ in range({CHILDREN} // 8):
    work(20)
    workers = [os.fork() for _ in range(8) if os.getpid() == master]
    if os.getpid() != master:
        begun = time.perf_counter()
        while time.perf_counter() - begun < 0.05: work()
        os._exit(0)
    well += sum(os.waitpid(worker, 0)[1] == 0 for worker in workers)
applied.undo()
print(well, gc.get_freeze_count() < 1000)
"""

# A program that does to its collector all that there is to do.
STEERING = f"""
{PACED}
first = kept[0]
for _ in range(5):
    for steer in (gc.unfreeze, gc.get_objects, gc.collect, lambda: gc.get_referrers(first)):
        work(50)
        steer()
    node = Node()
    gone = weakref.ref(node)
    del node
    gc.collect()
    until(lambda: gone() is None)
own = [[] for _ in range(5000)]
gc.freeze()
work(50)
sys.stderr = io.StringIO()  # for what is told of it, if that comes before the undo
gc.set_threshold(1234, 5, 6)
applied.undo()
print(gc.get_threshold(), all(sum(map(len, each)) == 1000 for each in kept), len(own))
"""


def ended(ending: str) -> tuple[int, str]:
    """The exit status of a short process in adaptive mode, and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT + ending],
        env=below(plan(gc__mode="adaptive")),
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_many_short_processes_all_end_as_they_would() -> None:
    endings = list(islice(cycle(ENDINGS), PROCESSES))
    with ThreadPoolExecutor(TOGETHER) as pool:
        assert list(pool.map(ended, endings)) == [(ENDINGS[each], "") for each in endings]


def test_a_server_that_forks_gets_all_of_its_workers_back() -> None:
    printed = script(PREFORK, PYTHONWARNINGS="ignore")  # 3.13 counts threads that are back since
    assert printed.split() == [str(CHILDREN), "True"]


def test_a_program_that_steers_its_collector_is_left_unharmed() -> None:
    assert script(STEERING) == "(1234, 5, 6) True 5000"
