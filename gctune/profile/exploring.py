"""Trying other thresholds on a running program, in short windows, and giving back its own.

A block is one window at each setting, in an order drawn by lot, so that what
changes while the program runs (its load, its heap) falls on all of them alike.
Each window begins and ends with a collection of the young, so that it pays for
all that was made in it, and for nothing else; between them lies at least one that
came by itself. Only threshold0 is tried: full collections are too rare for a window
to show what putting them off does. They come as often as the program's own
thresholds have it, and what they take and find tells.

The thread that records calls `step` after each reading. Nothing is tried until
memory is steady; the program's own thresholds come back at the end, before a
fork, when memory nears a bound, and once the program has set thresholds itself.
What makes memory grow is tried no more; where the program grows by itself, the
bound grows with it.
No signal handler is put over the program's: a signal that ends it at once ends
this too, and one that it handles leads to its end, and so to `rest`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from math import inf
from operator import sub
from random import Random
from typing import Any

from gctune.host.interpreter import Collector
from gctune.profile.growth import Growth
from gctune.profile.records import Header, Reading, Switch, Three
from gctune.runtime.knob import INT_MAX
from gctune.runtime.knobs import KNOBS, collect

# Of the rss when exploring begins, that memory may grow by, beyond what it does by itself:
GROWTH = 0.1
_CAREFUL = 0.05  # likewise under one setting, which is then given up
_SHARE_OF_LIMIT = 0.9  # of the container's, that memory may take
_STEADY = 0.01  # by which rss differs at most while it is steady
_STEADY_NS = 3 * 10**9  # of CPU time, that it has to be
# Of CPU time, after which growth is not taken for that of a start any more unless it is fast:
_START_NS = 30 * 10**9
_SLOW = 0.03  # by which rss differs at most while it grows slowly
_WINDOW_NS = 10**9  # of CPU time, at least
_LONGEST = 10  # times that, where generation 1 is not collected before
_BLOCKS = 30

# What is safe to try on a program that nothing is known of: young collections
# of at most 20,000 objects last a few milliseconds, and are never turned off.
_THRESHOLD0 = (5_000, 20_000)

WINDOW = "window"
DONE = "all windows are done"
_MIDDLE = 1

_knobs = [KNOBS[f"gc.threshold{number}"] for number in range(3)]


class Exploration:
    """Tries settings on this process; `emit` takes each switch, to be recorded.

    Only one thread at a time may call the methods.
    """

    def __init__(
        self, header: Header, emit: Callable[[Switch], Any], window_ns: int = _WINDOW_NS
    ) -> None:
        self._emit = emit
        self._window_ns = window_ns
        self._lot = Random(header.pid)  # noqa: S311 - an order is no secret
        self._limit = header.limit_bytes
        self._own = header.thresholds
        self._began_ns = header.start_cpu_ns
        self._plan: list[Three] = []
        self._growth: Growth | None = None  # since exploring began
        self._since: Reading | None = None  # steady, or in one window, since then
        self._tried: Three | None = None  # what is in force now, unless it is the program's own
        self.over = header.collector != Collector.GENERATIONAL

    @property
    def under_way(self) -> bool:
        """Whether it has begun and goes on: then memory wants to be looked at often."""
        return self._growth is not None and not self.over

    def step(self, reading: Reading) -> None:
        """Go on, as far as the CPU time spent by this reading says."""
        if self.over:
            return
        if self._growth is None:
            self._await_steady(reading)
        else:
            self._growth.charge(self._tried or self._own, reading)
            self._go_on(self._growth, reading)

    def _go_on(self, growth: Growth, reading: Reading) -> None:
        if self._tried and reading.thresholds != self._tried:
            self._end("the program has set thresholds itself", reading.thresholds)
        elif self._tried and not reading.enabled:
            self._end("the program has disabled the collector", self._own)
        elif reading.rss_bytes > self._bound_bytes(growth):
            self._end("memory nears its bound", self._own)
            collect()
        elif growth.caused(growth.worst) > _CAREFUL * growth.base_bytes:
            self._give_up(growth)
        elif self._since is None or self._is_enough(self._since, reading):
            self._next(reading)

    def rest(self, reason: str) -> None:
        """Give the program its own thresholds back until the next step."""
        if self._tried:
            self._give_back()
            self._since = None
            self._tell(self._own, reason)

    def end(self) -> None:
        """Give the program its own thresholds back for good; nothing is recorded."""
        self.over = True
        self._give_back()

    def _await_steady(self, reading: Reading) -> None:
        start = self._since
        if start is None or not self._is_steady(start, reading):
            self._since = reading
        elif reading.cpu_ns - start.cpu_ns >= _STEADY_NS and _collects(reading):
            self._begin(start, reading)

    def _is_steady(self, start: Reading, reading: Reading) -> bool:
        runs_long = reading.cpu_ns - self._began_ns >= _START_NS
        most = (_SLOW if runs_long else _STEADY) * start.rss_bytes
        return abs(reading.rss_bytes - start.rss_bytes) <= most

    def _begin(self, since: Reading, reading: Reading) -> None:
        self._own = reading.thresholds
        self._plan = _blocks(self._own, self._lot)
        self._growth = Growth(self._own, since, reading)
        self._next(reading)

    def _bound_bytes(self, growth: Growth) -> float:
        most = self._limit * _SHARE_OF_LIMIT if self._limit else inf
        return min(growth.base_bytes * (1 + GROWTH) + growth.own_bytes, most)

    def _give_up(self, growth: Growth) -> None:
        """Try no more what memory has grown under most; collect what it has kept.

        Nor what keeps still more garbage.
        """
        given_up = growth.give_up()
        self._plan = [one for one in self._plan if one == self._own or one < given_up]
        if set(self._plan) <= {self._own}:
            self._end("all other settings keep too much garbage", self._own)
        else:
            self.rest("memory grew")
        collect()

    def _is_enough(self, since: Reading, reading: Reading) -> bool:
        """Whether the window shows what dies before generation 1 is collected, and what later."""
        windows = (reading.cpu_ns - since.cpu_ns) / self._window_ns
        _, *rest = map(sub, reading.collections, since.collections)
        return windows >= 1 and (sum(rest) > 1 or windows >= _LONGEST)  # one began it

    def _next(self, reading: Reading) -> None:
        collect(_MIDDLE)
        if self._plan:
            self._since, self._tried = reading, self._plan.pop()
            _put_in_force(self._tried)
            self._tell(self._tried, WINDOW)
        else:
            self._end(DONE, self._own)

    def _end(self, reason: str, thresholds: Three) -> None:
        """End it, with `thresholds` in force from now on."""
        self.end()
        self._tell(thresholds, reason)

    def _tell(self, thresholds: Three, reason: str) -> None:
        now = time.perf_counter_ns(), time.process_time_ns()
        self._emit(Switch(*now, thresholds, reason))

    def _give_back(self) -> None:
        """Put the program's own thresholds in force, unless it has set others itself."""
        if self._tried and gc.get_threshold() == self._tried:
            _put_in_force(self._own)
        self._tried = None


def _blocks(own: Three, lot: Random) -> list[Three]:
    settings = [_with(zero, own) for zero in sorted({own[0], *_THRESHOLD0})]
    return [setting for _ in range(_BLOCKS) for setting in lot.sample(settings, len(settings))]


def _with(threshold0: int, own: Three) -> Three:
    """Another threshold0, with full collections after as many objects as before.

    Every (threshold2 + 2)th collection of generation 1 may be a full one. No threshold
    is below 0, nor larger than the collector can take.
    """
    zero, one, two = own
    if threshold0 >= zero:
        return threshold0, one, two * zero // threshold0
    return threshold0, one, min((two + 2) * zero // threshold0 - 2, INT_MAX)


def _collects(reading: Reading) -> bool:
    zero, *older = reading.thresholds
    return reading.enabled and zero > 0 <= min(older)


def _put_in_force(thresholds: Three) -> None:
    for knob, value in zip(_knobs, thresholds):
        knob.write(value)
