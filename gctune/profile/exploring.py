"""Trying other thresholds on a running program, in short windows, and giving back its own.

A block is one window at each setting, in an order drawn by lot, so that what
changes while the program runs (its load, its heap) falls on all of them alike.
The thread that records calls `step` after each reading. Nothing is tried until
memory is steady; the program's own thresholds come back at the end, before a
fork, when memory nears a bound, and once the program has set thresholds itself.
Where memory grows towards that bound, the settings that keep the most garbage
are tried no more, and a full collection, which they have put off, clears it.
No signal handler is put over the program's: a signal that ends it at once ends
this too, and one that it handles leads to its end, and so to `rest`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from random import Random
from typing import Any

from gctune.host.interpreter import Collector
from gctune.profile.records import Header, Reading, Switch, Three
from gctune.runtime.knobs import KNOBS, collect

GROWTH = 0.1  # of the rss when exploring begins, that memory may grow by
_CAREFUL = 0.05  # likewise: from there on, settings that keep garbage are given up
_FURTHER = 0.025  # likewise, that it may grow by after each time some were
_SHARE_OF_LIMIT = 0.9  # of the container's, that memory may take
_STEADY = 0.01  # by which rss differs at most while it is steady
_STEADY_NS = 3 * 10**9  # of CPU time, that it has to be
_WINDOW_NS = 10**9  # of CPU time
_BLOCKS = 30

# What is safe to try on a program that nothing is known of: young collections
# of at most 20,000 objects last a few milliseconds, and are never turned off.
_THRESHOLD0 = (5_000, 20_000)
_THRESHOLD2 = 1_000

WINDOW = "window"
_OLD = 2
_NO_LIMIT = 2**63

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
        self._plan: list[Three] = []
        self._base_bytes = self._bound_bytes = self._careful_bytes = 0
        self._since: Reading | None = None  # steady, or in one window, since then
        self._tried: Three | None = None  # what is in force now, unless it is the program's own
        self.over = header.collector != Collector.GENERATIONAL

    def step(self, reading: Reading) -> None:
        """Go on, as far as the CPU time spent by this reading says."""
        if self.over:
            return
        if self._tried and reading.thresholds != self._tried:
            self._end("the program has set thresholds itself", reading, reading.thresholds)
        elif self._tried and not reading.enabled:
            self._end("the program has disabled the collector", reading, self._own)
        elif self._bound_bytes and reading.rss_bytes > self._bound_bytes:
            self._end("memory nears its bound", reading, self._own)
            collect()
        elif not self._bound_bytes:
            self._await_steady(reading)
        elif reading.rss_bytes > self._careful_bytes:
            self._relent(reading)
        elif self._since is None or reading.cpu_ns - self._since.cpu_ns >= self._window_ns:
            self._next(reading)

    def rest(self, reason: str, time_ns: int, cpu_ns: int) -> None:
        """Give the program its own thresholds back until the next step."""
        if self._tried:
            self._give_back()
            self._since = None
            self._emit(Switch(time_ns, cpu_ns, self._own, reason))

    def end(self) -> None:
        """Give the program its own thresholds back for good; nothing is recorded."""
        self.over = True
        self._give_back()

    def _await_steady(self, reading: Reading) -> None:
        start = self._since
        if start is None or abs(reading.rss_bytes - start.rss_bytes) > _STEADY * start.rss_bytes:
            self._since = reading
        elif reading.cpu_ns - start.cpu_ns >= _STEADY_NS and reading.enabled:
            self._begin(reading)

    def _begin(self, reading: Reading) -> None:
        self._own = reading.thresholds
        self._plan = _blocks(self._own, self._lot)
        self._base_bytes = reading.rss_bytes
        most = round(self._limit * _SHARE_OF_LIMIT) if self._limit else _NO_LIMIT
        self._bound_bytes = min(round(self._base_bytes * (1 + GROWTH)), most)
        self._careful_bytes = round(self._base_bytes * (1 + _CAREFUL))
        self._next(reading)

    def _relent(self, reading: Reading) -> None:
        """Give up the settings that keep the most garbage, and collect what they have kept.

        Those that put full collections off come first: what dies old waits for one.
        """
        _, _, two = self._own
        worst = max(self._plan or [self._own], key=_keeps)
        place = _OLD if worst[_OLD] > two else 0
        self._plan = [one for one in self._plan if one[place] < worst[place] or one == self._own]
        self._careful_bytes = max(
            self._careful_bytes + round(self._base_bytes * _FURTHER), reading.rss_bytes
        )
        if set(self._plan) <= {self._own}:
            self._end("all other settings keep too much garbage", reading, self._own)
        else:
            self._next(reading)
        collect()

    def _next(self, reading: Reading) -> None:
        if not self._plan:
            self._end("all windows are done", reading, self._own)
            return
        self._since, self._tried = reading, self._plan.pop()
        _put_in_force(self._tried)
        self._emit(Switch(reading.time_ns, reading.cpu_ns, self._tried, WINDOW))

    def _end(self, reason: str, reading: Reading, thresholds: Three) -> None:
        """End it, with `thresholds` in force from now on."""
        self.end()
        self._emit(Switch(reading.time_ns, reading.cpu_ns, thresholds, reason))

    def _give_back(self) -> None:
        """Put the program's own thresholds in force, unless it has set others itself."""
        if self._tried and _in_force() == self._tried:
            _put_in_force(self._own)
        self._tried = None


def _blocks(own: Three, lot: Random) -> list[Three]:
    zeros = sorted({own[0], *_THRESHOLD0})
    twos = sorted({own[2], _THRESHOLD2})
    settings = [(zero, own[1], two) for zero in zeros for two in twos]
    return [setting for _ in range(_BLOCKS) for setting in lot.sample(settings, len(settings))]


def _keeps(thresholds: Three) -> tuple[int, int]:
    """What orders settings by the garbage that they keep waiting."""
    return thresholds[_OLD], thresholds[0]


def _in_force() -> Three:
    first, second, third = gc.get_threshold()
    return first, second, third


def _put_in_force(thresholds: Three) -> None:
    for knob, value in zip(_knobs, thresholds):
        knob.write(value)
