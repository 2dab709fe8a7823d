"""What happens in a forked child.

A child inherits the thresholds, whether the collector is enabled, its
callbacks, what is frozen, its resource limits and the allocator's parameters:
nothing of a plan needs to be written again. What it must do is freeze, where
the plan says so, before it touches an object, so that the memory it shares
with its parent stays shared; and replace locks that another thread may hold.
What runs in a thread must not run while the process forks: see `around`.
"""

from __future__ import annotations

import gc
import os
import time

from gctune.runtime import knobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_acts_before: list[Callable[[], None]] = []
_acts_in_parent: list[Callable[[], None]] = []
_acts: list[Callable[[], None]] = []
_first_ns = 0
_inherited: list[dict[str, Any]] = []


def inherited_stats() -> list[dict[str, Any]]:
    """What gc.get_stats() said when this process was forked; empty where it was not.

    The interpreter counts on in a child, as if that had run what its parent did.
    """
    return _inherited


def first_ns() -> int:
    """When this process first forked, by time.perf_counter_ns; 0 where it never has."""
    return _first_ns


def around(before: Callable[[], None], in_parent: Callable[[], None]) -> None:
    """Have `before` called before every fork from now on, and `in_parent` after it.

    For a thread, which must not run meanwhile: a child would find the locks
    that it holds locked for ever, and CPython 3.12 and later warn of it. Those
    from 3.13.0 to 3.13.9, and 3.14.0, count the threads only after `in_parent`,
    and so warn of one that begins again there: https://github.com/python/cpython/issues/137109.
    """
    _acts_before.append(before)
    _acts_in_parent.append(in_parent)


def in_child(act: Callable[[], None]) -> None:
    """Have `act` called in every child that is forked from now on.

    It must be quick, and take no lock: what it finds held was held by a thread
    that the child does not have.
    """
    _acts.append(act)


def after_in_child() -> None:
    """Do what a forked child must; for a server that forks without Python's own hooks.

    Never raises.
    """
    global _first_ns, _inherited
    _first_ns, _inherited = 0, gc.get_stats()
    _attempt_each(_acts)
    if knobs.FREEZE.read() == knobs.FORK:
        knobs.FREEZE.freeze()


def _after_in_parent() -> None:
    global _first_ns  # noqa: PLW0603 - a process has one past
    _first_ns = _first_ns or time.perf_counter_ns()
    _attempt_each(_acts_in_parent)


def _attempt_each(acts: list[Callable[[], None]]) -> None:
    for act in acts:
        try:  # noqa: SIM105 - contextlib costs 1 ms
            act()
        except Exception:  # noqa: BLE001, S110, PERF203 - a child must start, whatever fails
            pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _attempt_each(_acts_before),
        after_in_parent=_after_in_parent,
        after_in_child=after_in_child,
    )
