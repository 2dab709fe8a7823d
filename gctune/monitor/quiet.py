"""When to collect everything in a service: while no request waits for it.

The collector starts a full collection when its counts say so, most often amid a
request. Here the counts say only that one is due. A quiet as long as the last
one took is waited for, a shorter one is enough the more memory has grown since,
and once it has grown by a quarter, which is where CPython's own rule draws the
line for old objects, none is waited for longer than ten seconds. What is frozen
counts for nothing in that, as it does for the collector.
"""

from __future__ import annotations

from gctune.record import Record

_GROWN = 0.25  # of what the last one looked at and left
_LEAST = 4 << 20  # of memory that it left: less is a matter of a few young collections
_RESTS = 50  # times its cost pass until the next: at most 2% of the time
_PATIENCE_NS = 10_000_000_000
_SOONEST_NS, _LATEST_NS = 5_000_000, 250_000_000  # between two looks
_NS_A_BYTE = 1.0  # of rss: what a collection takes, about, until one has been timed


class Reading(Record):
    """The process at one instant.

    `due` says whether the collector's own counts ask for a full collection,
    `quiet_ns` for how long no request has been in flight, None where one is.
    `pressed` says that memory is near its limit.
    """

    at_ns: int
    rss: int
    due: bool
    quiet_ns: int | None
    pressed: bool


class State(Record):
    """The last full collection: when it ended, what it took, the rss that it left.

    `frozen` is how much of that no collection looks at. `grown_ns` is since
    when memory has been a quarter above the rest.
    """

    ended_ns: int
    cost_ns: int
    rss: int
    frozen: int
    grown_ns: int | None


def initial(at_ns: int, rss: int, frozen: int = 0) -> State:
    """The state of a process in which no collection has been timed yet."""
    return State(at_ns, int(max(rss - frozen, _LEAST) * _NS_A_BYTE), rss, frozen, None)


def after(state: State, at_ns: int, rss: int, cost_ns: int) -> State:
    """The state after a collection."""
    return State(at_ns, cost_ns, rss, state.frozen, None)


def advance(state: State, reading: Reading) -> State:
    """The state after a reading."""
    if _growth(state, reading) < 1:
        return state._replace(grown_ns=None)
    return state._replace(grown_ns=reading.at_ns) if state.grown_ns is None else state


def wanted(state: State, reading: Reading) -> bool:
    """Whether to collect as soon as it is quiet."""
    rested = reading.at_ns - state.ended_ns >= _RESTS * state.cost_ns
    return reading.due and (rested or _growth(state, reading) >= 1)


def now(state: State, reading: Reading) -> bool:
    """Whether to collect at once."""
    if not wanted(state, reading):
        return False
    return reading.pressed or _overdue(state, reading) or _quiet_enough(state, reading)


def pause_ns(state: State, reading: Reading) -> int:
    """How long to wait until the next look, so that no quiet that is long enough is missed."""
    if not wanted(state, reading):
        return _LATEST_NS
    return max(_SOONEST_NS, min(int(_needed_ns(state, reading) / 4), _LATEST_NS))


def _quiet_enough(state: State, reading: Reading) -> bool:
    return reading.quiet_ns is not None and reading.quiet_ns >= _needed_ns(state, reading)


def _needed_ns(state: State, reading: Reading) -> float:
    return state.cost_ns * (1 - _growth(state, reading))


def _overdue(state: State, reading: Reading) -> bool:
    return state.grown_ns is not None and reading.at_ns - state.grown_ns >= _PATIENCE_NS


def _growth(state: State, reading: Reading) -> float:
    """How far memory has grown, of what it may; at most 1."""
    allowed = max(state.rss - state.frozen, _LEAST) * _GROWN
    return min(max(reading.rss - state.rss, 0) / allowed, 1.0)
