"""How much memory may be used, by the plan and by the container at this moment."""

from __future__ import annotations

from gctune.record import Record
from gctune.runtime.plan import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.runtime.plan import Plan

_CLOSING_IN = 0.9  # of what the container allows: from there on its limit counts, not an advisory


def ceiling(container_bytes: int, headroom_bytes: int) -> int:
    """The container's limit less the headroom; half of a limit too small to spare that."""
    return max(container_bytes - headroom_bytes, container_bytes // 2)


class Bound(Record):
    """What to stay under, where the kernel kills or None, and whether the limit is enforced.

    An advisory limit ends where the container's own begins to count.
    """

    limit: int
    end: int | None
    enforced: bool


class Bounds(Record):
    """What a plan says of memory: the limit, who set it, and the headroom.

    `container` is the container's limit as the plan found it. A limit that
    came from there follows it; one that a person set stands as long as the
    container allows it; one that a preset set is advisory, below the
    container's own.
    """

    planned: int
    own: bool
    headroom: int
    container: int | None

    def at(self, container: int | None, used: int) -> Bound:
        """What holds while the container's limit is `container` and `used` bytes are used."""
        if container is None:
            return Bound(self.planned, None, self.own)
        allowed = ceiling(container, self.headroom)
        if self._from_the_container() or self.planned > container:
            return Bound(allowed, container, True)
        if self.own:
            return Bound(self.planned, container, True)
        closing_in = int(allowed * _CLOSING_IN)
        if used >= closing_in or self.planned >= closing_in:
            return Bound(allowed, container, True)
        return Bound(self.planned, closing_in, False)

    def _from_the_container(self) -> bool:
        return self.container is not None and self.planned >= ceiling(self.container, self.headroom)


def bounds_of(plan: Plan, container: int | None) -> Bounds | None:
    """What `plan` says of memory; None where it puts no limit in force."""
    limit, headroom = plan.value("memory.limit"), plan.value("memory.headroom")
    if not isinstance(limit, int):
        return None
    own = any(step.setting == "memory.limit" and is_own(step.origin) for step in plan.steps)
    return Bounds(limit, own, headroom if isinstance(headroom, int) else 0, container)
