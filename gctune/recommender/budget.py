"""How much more memory a recommendation may take."""

from __future__ import annotations

from dataclasses import dataclass

from gctune.defaults import HEADROOM
from gctune.host.container import Limit
from gctune.memory.bounds import ceiling
from gctune.settings.limits import headroom, told
from gctune.settings.quantities import Ratio, Size, about


@dataclass(frozen=True)
class Budget:
    """Bytes that the peak of rss may grow by, and how they came about."""

    bytes: int
    how: str
    limit: Limit | None


def budget_of(wish: Size | Ratio, limit: Limit | None, peak_bytes: int) -> Budget:
    """Take a share of the peak, or bytes as given, but never above the limit less headroom."""
    asked = int(peak_bytes * wish) if isinstance(wish, Ratio) else int(wish)
    how = f"{wish} of the peak of {about(peak_bytes)}" if isinstance(wish, Ratio) else "as given"
    if limit is None:
        return Budget(asked, how, None)
    room = max(0, ceiling(limit.bytes, headroom(Ratio(HEADROOM), limit)) - peak_bytes)
    if asked <= room:
        return Budget(asked, how, limit)
    return Budget(room, f"what {told(limit)} leave above that peak, less headroom", limit)
