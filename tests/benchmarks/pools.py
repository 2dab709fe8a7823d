"""What a pool costs beside plain Python, and that it holds under 64 threads.

    python tests/benchmarks/pools.py             nanoseconds by contender, and where a pool loses
    python tests/benchmarks/pools.py --stress    64 threads, 100,000 operations each

The contenders take turns, round by round, so that a machine that slows down
slows all of them, and are measured in the CPU time of this process. Three rows
have no pool in them: the bare pair is a deque's pop and append with no call
around it, the wrapped pair the same behind two methods that check nothing, and
the empty calls two methods that do nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import random
import string
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import LifoQueue
from statistics import median, quantiles
from time import perf_counter, process_time_ns
from typing import Any

from gctune.memory.blocks import BlockPool
from gctune.memory.pools import ObjectPool, PoolStats

ROUNDS = 21
SIZE = 64 * 1024
BLANK = bytes(SIZE)
MOST_OF_BARE, LEAST_OF_LIFO = 2.5, 5.0

MAX_SIZE = 32  # of the pool under stress

Figures = dict[str, list[float]]


class Empty:
    """Two calls that do nothing: what Python asks for the calls alone."""

    def acquire(self) -> None:
        return None

    def release(self, item: object) -> None:
        return None


class Wrapped:
    """A deque behind two methods, with no check of any kind."""

    def __init__(self, item: object) -> None:
        self._idle = deque([item])

    def acquire(self) -> object:
        return self._idle.pop()

    def release(self, item: object) -> None:
        self._idle.append(item)


def time_bare(idle: deque[Any], turns: range) -> None:
    for _ in turns:
        item = idle.pop()
        idle.append(item)


def time_pair(pool: Any, turns: range) -> None:
    for _ in turns:
        item = pool.acquire()
        pool.release(item)


def time_lifo(queue: LifoQueue[Any], turns: range) -> None:
    for _ in turns:
        item = queue.get()
        queue.put(item)


def time_anew(factory: Callable[[], object], turns: range) -> None:
    for _ in turns:
        item = factory()  # noqa: F841


def time_blocks(pool: BlockPool, turns: range) -> None:
    for _ in turns:
        block = pool.allocate()
        assert block is not None
        pool.free(block)


def lifo(item: object) -> LifoQueue[object]:
    queue: LifoQueue[object] = LifoQueue()
    queue.put(item)
    return queue


def blank(buffer: bytearray) -> None:
    buffer[:] = BLANK


def template_factory() -> tuple[str, Callable[[], object], int]:
    """A parsed template: jinja2's where it is installed."""
    try:
        from jinja2 import Environment
    except ImportError:
        return "string.Template", lambda: string.Template("Dear $name, $text"), 20_000
    environment = Environment(autoescape=True)
    text = "<ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>"
    return "jinja2 template", lambda: environment.from_string(text), 10


def measure(contenders: dict[str, tuple[Callable[[Any, range], None], Any, int]]) -> Figures:
    """Nanoseconds a turn for each contender, a figure a round."""
    figures: Figures = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (run, subject, turns) in contenders.items():
            started = process_time_ns()
            run(subject, range(turns))
            figures[name].append((process_time_ns() - started) / turns)
    return figures


def compare(
    title: str,
    factory: Callable[[], object],
    reset: Callable[[Any], object] | None,
    turns_anew: int,
) -> Figures:
    contenders = {
        "bare pair": (time_bare, deque([factory()]), 20_000),
        "empty calls": (time_pair, Empty(), 20_000),
        "wrapped pair": (time_pair, Wrapped(factory()), 20_000),
        "pool": (time_pair, ObjectPool("bench", factory), 20_000),
        "LifoQueue": (time_lifo, lifo(factory()), 5_000),
        "made anew": (time_anew, factory, turns_anew),
    }
    if reset is not None:
        contenders["pool, reset"] = (time_pair, ObjectPool("bench", factory, reset), 5_000)
    if title.endswith("bytearray"):
        contenders["block pool"] = (time_blocks, BlockPool(SIZE, 4), 5_000)
    figures = measure(contenders)
    show(title, figures)
    return figures


def show(title: str, figures: Figures) -> None:
    bare = median(figures["bare pair"])
    print(f"\n{title:20}{'median ns':>12}{'quartiles':>20}{'of bare pair':>14}")
    for name, rounds in figures.items():
        low, middle, high = quantiles(rounds)
        spread = f"{low:,.0f} to {high:,.0f}"
        print(f"  {name:18}{middle:12,.0f}{spread:>20}{middle / bare:14.2f}")


def judge(title: str, figures: Figures) -> None:
    """Say what the goals and plain Python make of a pool."""
    middle = {name: median(rounds) for name, rounds in figures.items()}
    of_bare = middle["pool"] / middle["bare pair"]
    of_wrapped = middle["pool"] / middle["wrapped pair"]
    of_lifo = middle["LifoQueue"] / middle["pool"]
    print(
        f"{title}: {of_bare:.1f} times the bare pair (goal {MOST_OF_BARE}),"
        f" {of_wrapped:.1f} times the wrapped pair,"
        f" {of_lifo:.1f} times faster than LifoQueue (goal {LEAST_OF_LIFO})"
    )
    for name in ("pool", "pool, reset", "block pool"):
        if name in middle and middle[name] > middle["made anew"]:
            print(
                f"{title}: the {name} LOSES to plain Python,"
                f" {middle[name]:,.0f} ns against {middle['made anew']:,.0f} ns made anew"
            )


def benchmark() -> None:
    template, make_template, turns = template_factory()
    subjects = [
        ("64 KiB bytearray", lambda: bytearray(SIZE), blank, 5_000),
        (template, make_template, None, turns),
        ("dict", dict, dict.clear, 20_000),
    ]
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds in turn")
    results = [(subject[0], compare(*subject)) for subject in subjects]
    print()
    for title, figures in results:
        judge(title, figures)


class Item:
    """An object that knows who holds it."""

    def __init__(self) -> None:
        self.holders: deque[int] = deque()


class ResetError(Exception):
    """What a reset raises now and then."""


class Stress:
    """One pool used by many threads, with everything going wrong at random."""

    def __init__(self) -> None:
        self.made: deque[weakref.ref[Item]] = deque()
        self.faults: deque[str] = deque()
        self.pool: ObjectPool[Item] = ObjectPool("stress", self._make, self._reset, MAX_SIZE)

    def _make(self) -> Item:
        item = Item()
        self.made.append(weakref.ref(item))
        return item

    def _reset(self, item: Item) -> None:
        if random.random() < 0.01:
            raise ResetError

    def work(self, together: threading.Barrier, operations: int) -> None:
        together.wait()
        for _ in range(operations // 6):
            self._use()
            chance = random.random()
            if chance < 0.0005:
                self.pool.shrink()
            elif chance > 0.9998:
                gc.collect(random.randrange(3))

    def _use(self) -> None:
        """Acquire three, hold them, release them: six operations."""
        held = [self._take() for _ in range(3)]
        for item in held:
            item.holders.remove(threading.get_ident())
            with contextlib.suppress(ResetError):
                self.pool.release(item)

    def _take(self) -> Item:
        item = self.pool.acquire()
        item.holders.append(threading.get_ident())
        if len(item.holders) != 1:
            self.faults.append("an object was shared by two")
        return item

    def run(self, threads: int, operations: int) -> PoolStats:
        arguments = (threading.Barrier(threads), operations)
        workers = [threading.Thread(target=self.work, args=arguments) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return self.pool.stats()

    def verdict(self, stats: PoolStats, acquired: int) -> list[str]:
        """Every promise that did not hold."""
        gc.collect()
        alive = sum(reference() is not None for reference in self.made)
        promises = {
            "every object made is counted": stats.created == len(self.made),
            "no object is lost": alive == stats.idle,
            "nothing stays in use": stats.in_use == 0,
            "idle + in use = created - discarded": stats.idle + stats.in_use
            == stats.created - stats.discarded,
            "every acquire is a hit or a miss": stats.hits + stats.misses == acquired,
            "what is idle is bounded": stats.idle <= MAX_SIZE,
            "something was discarded": stats.discarded > 0,
        }
        return [*self.faults, *(promise for promise, held in promises.items() if not held)]


def stress(threads: int, operations: int) -> int:
    sys.setswitchinterval(1e-6)
    trial = Stress()
    started = perf_counter()
    stats = trial.run(threads, operations)
    broken = trial.verdict(stats, acquired=threads * (operations // 6) * 3)
    print(f"{threads} threads, {operations:,} operations each, {perf_counter() - started:.1f} s")
    print(*(f"{field} {value:,}" for field, value in stats._asdict().items()), sep=", ")
    print("broken: " + "; ".join(sorted(set(broken))) if broken else "every promise held")
    return 1 if broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stress", action="store_true", help="run the threads, not the clock")
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--operations", type=int, default=100_000, help="of each thread")
    options = parser.parse_args()
    if options.stress:
        return stress(options.threads, options.operations)
    benchmark()
    return 0


if __name__ == "__main__":
    sys.exit(main())
