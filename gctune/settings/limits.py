"""What of the container's memory the settings let the process use."""

from __future__ import annotations

from gctune.host.container import Limit
from gctune.memory.bounds import ceiling
from gctune.settings.quantities import Ratio, Size, about

LEAST_HEADROOM = 64 * 2**20


def told(limit: Limit) -> str:
    """A limit and the file that it came from, in words."""
    return f"the container's {about(limit.bytes)} ({limit.source})"


def headroom(wish: Size | Ratio, limit: Limit) -> int:
    """Bytes to keep free below the container's limit."""
    return max(int(limit.bytes * wish), LEAST_HEADROOM) if isinstance(wish, Ratio) else int(wish)


def of_container(share: Size | Ratio, limit: Limit | None) -> tuple[int | None, str]:
    """Bytes of a size or share, and how they came about; None with no limit to share."""
    if not isinstance(share, Ratio):
        return int(share), "as set"
    if limit is None:
        return None, f"no container limit is known to take {share} of"
    return int(limit.bytes * share), f"{share} of {told(limit)}"


def soft_limit(
    wish: Size | Ratio | str, room: Size | Ratio, limit: Limit | None, preset: bool
) -> tuple[int | None, str, bool]:
    """The memory the process should stay under, how it came about, and whether it is enforced.

    The container's limit less the headroom caps a ratio and a preset's size;
    a size that the user set stands. `preset` says that nobody but a preset
    asked for it: its own size is advisory.
    """
    if limit is None:
        if isinstance(wish, str):
            return None, "no container limit is known", False
        return *of_container(wish, None), not preset
    cap = ceiling(limit.bytes, headroom(room, limit))
    size, how = (None, "") if isinstance(wish, str) else of_container(wish, limit)
    if size is None or (size > cap and (preset or isinstance(wish, Ratio))):
        return cap, f"{told(limit)} less {about(limit.bytes - cap)} of headroom", True
    return size, how, not preset
