"""Requests in flight, as an integration tells of them: what a collection should not hold up.

Without a lock: a request that begins is an append to a list, and one that ends
a pop, each one step in C.
"""

from __future__ import annotations

import time

from gctune.monitor.counting import count
from gctune.runtime import fork

_in_flight: list[None] = []
_ended_ns = 0  # when the last one ended, by time.perf_counter_ns


def begin() -> None:
    """Say that this process has begun on a request."""
    _in_flight.append(None)


def end() -> None:
    """Say that it is done with one; counted as an operation (`gctune.count`)."""
    global _ended_ns  # noqa: PLW0603 - a process has one last request
    if _in_flight:
        _in_flight.pop()
    _ended_ns = time.perf_counter_ns()
    count()


class _Request:
    """Between begin and end; one for all, since it holds nothing."""

    def __enter__(self) -> None:
        begin()

    def __exit__(self, *_: object) -> None:
        end()


_REQUEST = _Request()


def request() -> _Request:
    """Say that what the block does is a request: `with gctune.request(): handle(job)`.

    For servers and queues that gctune has no integration for. Where
    `gc.when = "idle"`, full collections wait until none is under way. Costs
    some 300 ns, and takes no lock.
    """
    return _REQUEST


def in_flight() -> int:
    """How many requests this process is at."""
    return len(_in_flight)


def last_ended_ns() -> int:
    """When the last request ended, by time.perf_counter_ns; 0 where none has."""
    return _ended_ns


def told_of() -> bool:
    """Whether anything tells of requests in this process."""
    return bool(_in_flight or _ended_ns)


def _in_child() -> None:
    """Forget the parent's: a child has its own, or none."""
    global _ended_ns  # noqa: PLW0603 - as above
    _in_flight.clear()
    _ended_ns = 0


fork.in_child(_in_child)
