"""Full collections between requests: does what the policy of `quiet` decides."""

from __future__ import annotations

import gc
import time

from gctune.host.process import rss_bytes
from gctune.memory.standing import near_the_limit
from gctune.monitor import quiet, requests
from gctune.monitor.telling import warn
from gctune.runtime import knobs

_LOOK = 0.25  # seconds between two looks, while nothing is to be done
_SILENT_NS = 60_000_000_000  # without a request: nothing will tell of any


class IdleCollector:
    """A duty of the monitor's thread: collects everything while no request is in flight.

    Until something tells of requests it leaves collections alone, and after a
    minute says so; so it does once the program sets thresholds itself.
    """

    def __init__(self) -> None:
        self._silent_ns = time.perf_counter_ns() + _SILENT_NS
        self._told = False
        self._state: quiet.State | None = None

    def __call__(self, now_ns: int) -> float:
        """Look once, collect if it is time, and return the seconds until the next look."""
        if self._state is None:
            return self._await_requests(now_ns)
        if not knobs.FULL.kept_off:
            return _LOOK
        return self._look(self._state, now_ns)

    def close(self) -> None:
        """Let full collections start by themselves again."""
        if self._state is not None:
            knobs.FULL.let_start()

    def _await_requests(self, now_ns: int) -> float:
        if requests.told_of():
            knobs.FULL.keep_off()
            self._state = _begin(now_ns)
        elif now_ns >= self._silent_ns and not self._told:
            self._told = True
            warn(
                "gc.when = 'idle': nothing tells of requests, so collections are left alone;"
                " see gctune.integrations, or gctune.request()"
            )
        return _LOOK

    def _look(self, state: quiet.State, now_ns: int) -> float:
        reading = _read(now_ns)
        self._state = state = quiet.advance(state, reading)
        if quiet.now(state, reading):
            self._state = _collect(state)
            return _LOOK
        return quiet.pause_ns(state, reading) / 1e9


def _read(now_ns: int) -> quiet.Reading:
    rss, pressed = rss_bytes(), near_the_limit()
    # Last: requests begin while the rss is read.
    quiet_ns = None if requests.in_flight() else now_ns - requests.last_ended_ns()
    return quiet.Reading(now_ns, rss, _due(), quiet_ns, pressed)


def _due() -> bool:
    """Whether the counts ask for a full collection; a threshold of 0 does by itself."""
    threshold = knobs.FULL.read()
    return not threshold or gc.get_count()[2] > threshold or not gc.isenabled()


def _begin(now_ns: int) -> quiet.State:
    """Begin with the first request: what was frozen was frozen just before."""
    rss, frozen = rss_bytes(), knobs.FREEZE.has_frozen or knobs.PROMOTION.frozen
    return quiet.initial(now_ns, rss, rss if frozen else 0)


def _collect(state: quiet.State) -> quiet.State:
    begun_ns = time.perf_counter_ns()
    knobs.collect_unfrozen()  # adaptive mode thaws what it wants to be looked at
    ended_ns, rss = time.perf_counter_ns(), rss_bytes()
    frozen = rss if knobs.PROMOTION.frozen else state.frozen
    return quiet.after(state._replace(frozen=frozen), ended_ns, rss, ended_ns - begun_ns)
