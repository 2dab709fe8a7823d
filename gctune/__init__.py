"""gctune tunes CPython's garbage collector and memory.

Importing this package does nothing: each public name is looked up where it
lives when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take as true; importing typing costs 5 ms
if TYPE_CHECKING:
    from gctune.errors import ApplyError as ApplyError
    from gctune.errors import ConfigError as ConfigError
    from gctune.errors import GctuneError as GctuneError
    from gctune.errors import ProfileError as ProfileError
    from gctune.integrations.mounts import asgi_app as asgi_app
    from gctune.integrations.mounts import wsgi_app as wsgi_app
    from gctune.memory.blocks import BlockPool as BlockPool
    from gctune.memory.pools import ObjectPool as ObjectPool
    from gctune.memory.pools import PoolError as PoolError
    from gctune.memory.pools import pool as pool
    from gctune.memory.pressure import on_pressure as on_pressure
    from gctune.memory.recycle import should_recycle as should_recycle
    from gctune.monitor.alarm import on_alert as on_alert
    from gctune.monitor.alerts import Alert as Alert
    from gctune.monitor.counting import count as count
    from gctune.monitor.monitor import sample as sample
    from gctune.monitor.requests import request as request
    from gctune.monitor.sample import Sample as Sample
    from gctune.profile.capture import capture as capture
    from gctune.profile.heap import write_heap as write_heap
    from gctune.runtime.applied import Applied as Applied
    from gctune.runtime.applied import warmup_done as warmup_done
    from gctune.server.serving import served_at as served_at
    from gctune.startup import apply as apply

__version__ = "0.1.0"

_HOME = {
    "apply": "gctune.startup",
    "capture": "gctune.profile.capture",
    "on_alert": "gctune.monitor.alarm",
    "sample": "gctune.monitor.monitor",
    "count": "gctune.monitor.counting",
    "request": "gctune.monitor.requests",
    "warmup_done": "gctune.runtime.applied",
    "pool": "gctune.memory.pools",
    "on_pressure": "gctune.memory.pressure",
    "should_recycle": "gctune.memory.recycle",
    "write_heap": "gctune.profile.heap",
    "served_at": "gctune.server.serving",
    "asgi_app": "gctune.integrations.mounts",
    "wsgi_app": "gctune.integrations.mounts",
    "Alert": "gctune.monitor.alerts",
    "Applied": "gctune.runtime.applied",
    "ApplyError": "gctune.errors",
    "BlockPool": "gctune.memory.blocks",
    "ConfigError": "gctune.errors",
    "GctuneError": "gctune.errors",
    "ObjectPool": "gctune.memory.pools",
    "PoolError": "gctune.memory.pools",
    "ProfileError": "gctune.errors",
    "Sample": "gctune.monitor.sample",
}

__all__ = [
    "Alert",
    "Applied",
    "ApplyError",
    "BlockPool",
    "ConfigError",
    "GctuneError",
    "ObjectPool",
    "PoolError",
    "ProfileError",
    "Sample",
    "__version__",
    "apply",
    "asgi_app",
    "capture",
    "count",
    "on_alert",
    "on_pressure",
    "pool",
    "request",
    "sample",
    "served_at",
    "should_recycle",
    "warmup_done",
    "write_heap",
    "wsgi_app",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'gctune' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
