"""What happens in a forked child.

A child inherits the thresholds, whether the collector is enabled, its
callbacks, what is frozen, its resource limits and the allocator's parameters:
nothing of a plan needs to be written again. What it must do is freeze, where
the plan says so, before it touches an object, so that the memory it shares
with its parent stays shared; and replace locks that another thread may hold.
"""

from __future__ import annotations

import os

from gctune.runtime import knobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_acts: list[Callable[[], None]] = []


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
    for act in _acts:
        _attempt(act)
    if knobs.FREEZE.read() == knobs.FORK:
        knobs.FREEZE.freeze()


def _attempt(act: Callable[[], None]) -> None:
    try:  # noqa: SIM105 - contextlib costs 1 ms
        act()
    except Exception:  # noqa: BLE001, S110 - a child must start, whatever fails
        pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_in_child)
