"""Facts about where we run. Reads, never writes.

`Host` and `this_host` are looked up when they are first used: a tuned process
imports `gctune.host.interpreter` and must not pay for the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take as true; importing typing costs 5 ms
if TYPE_CHECKING:
    from gctune.host.machine import Host as Host
    from gctune.host.machine import this_host as this_host

__all__ = ["Host", "this_host"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'gctune.host' has no attribute {name!r}")
    from gctune.host import machine

    value: object = getattr(machine, name)
    globals()[name] = value
    return value
