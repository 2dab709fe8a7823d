"""How many processors this process may keep busy."""

from __future__ import annotations

import math
import os

from gctune.host.cgroups import Group, find_cgroups
from gctune.host.files import number, read_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.files import StrPath


def usable_cpus(proc: StrPath = "/proc", sys: StrPath = "/sys") -> int:
    """Count the processors that affinity and the container's quota allow, rounded up.

    The quota is the least of every group from the process's own up to the root.
    """
    allowed = float(_affine())
    for lineage in find_cgroups("cpu", proc, sys).lineages:
        allowed = min(allowed, *map(_quota, lineage))
    return max(1, math.ceil(allowed))


def _affine() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(group: Group) -> float:
    """Processors that one group may use; all of them without a quota that makes sense."""
    if group.unified:
        return read_as(_share, group.file("cpu.max"), []) or math.inf
    quota = read_as(number, group.file("cpu.cfs_quota_us"), [])  # -1 is none
    period = read_as(number, group.file("cpu.cfs_period_us"), [])
    return quota / period if quota and period else math.inf


def _share(content: bytes) -> float:
    quota, period = map(number, content.split())  # "max" is none
    return quota / period if period else math.inf
