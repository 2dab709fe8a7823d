"""Where this process stands among the cgroups: version 1, version 2, or both at once.

/proc/cgroups is not asked: kernels from 6.12 on leave rows out of it.
"""

from __future__ import annotations

import os

from gctune.host.files import read, reason, shown, within
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gctune.host.files import StrPath, T

_LONGEST_PATH = 4096


class Group(Record):
    """One cgroup: its directory, and whether it belongs to version 2."""

    path: bytes
    unified: bool

    def file(self, name: str) -> bytes:
        """The path of one of the group's files."""
        return self.path + b"/" + name.encode()

    def exists(self) -> bool:
        """Whether the group's directory can be seen from here."""
        return os.path.isdir(self.path)  # noqa: PTH112 - pathlib costs 4 ms


class Cgroups(Record):
    """The groups that may hold one controller of this process.

    A lineage is the process's own group in one hierarchy, then each ancestor
    up to the mount. `version` is "v1", "v2", "hybrid" or "none", by what is
    mounted; `notes` say what could not be understood.
    """

    version: str
    lineages: tuple[tuple[Group, ...], ...]
    notes: tuple[str, ...]


def find_cgroups(controller: str, proc: StrPath = "/proc", sys: StrPath = "/sys") -> Cgroups:
    """Find the groups of this process in each hierarchy that may hold `controller`.

    Version 2 may be mounted without the controller (hybrid), so its groups
    are always among them. Never raises: what makes no sense becomes a note.
    """
    notes: list[str] = []
    memberships = _parse_lines(within(proc, "self/cgroup"), _membership, notes)
    mounts = _parse_lines(within(proc, "self/mountinfo"), _mount, notes)
    lineages = [
        _lineage(membership, mounts, sys, notes)
        for membership in memberships
        if not membership.controllers or controller.encode() in membership.controllers
    ]
    return Cgroups(_version(mounts), tuple(filter(None, lineages)), tuple(notes))


class _Membership(Record):
    """A line of /proc/self/cgroup; version 2 names no controllers."""

    controllers: tuple[bytes, ...]
    path: bytes


class _Mount(Record):
    """A line of /proc/self/mountinfo: what subtree is mounted where, and how."""

    root: bytes
    point: bytes
    kind: bytes
    options: tuple[bytes, ...]

    def carries(self, membership: _Membership) -> bool:
        """Whether this is the hierarchy of `membership`."""
        if not membership.controllers:
            return self.kind == b"cgroup2"
        return self.kind == b"cgroup" and set(membership.controllers) <= set(self.options)


def _parse_lines(path: bytes, parse: Callable[[bytes], T | None], notes: list[str]) -> list[T]:
    try:
        lines = [line for line in read(path).split(b"\n") if line]
    except OSError as error:
        notes.append(f"{shown(path)}: {reason(error)}")
        return []
    parsed = [item for item in map(parse, lines) if item is not None]
    if len(parsed) < len(lines):
        notes.append(
            f"{shown(path)}: {len(lines) - len(parsed)} of {len(lines)} lines make no sense"
        )
    return parsed


def _membership(line: bytes) -> _Membership | None:
    """Parse `hierarchy:controllers:path`."""
    try:
        _, controllers, path = line.split(b":", 2)
    except ValueError:
        return None
    if not path.startswith(b"/") or len(path) > _LONGEST_PATH:
        return None
    return _Membership(tuple(filter(None, controllers.split(b","))), path)


def _mount(line: bytes) -> _Mount | None:
    """Parse `id parent device root point options [optional...] - kind source options`."""
    before, _, after = line.partition(b" - ")
    try:
        _, _, _, root, point, _, *_ = before.split(b" ")
        kind, _, options = after.split(b" ")
        return _Mount(_unescape(root), _unescape(point), kind, tuple(options.split(b",")))
    except ValueError:
        return None


def _unescape(field: bytes) -> bytes:
    """Put back what the kernel wrote as a backslash and three octal digits."""
    plain, *escaped = field.split(b"\\")
    return plain + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in escaped)


def _version(mounts: Iterable[_Mount]) -> str:
    kinds = {mount.kind for mount in mounts}
    if {b"cgroup", b"cgroup2"} <= kinds:
        return "hybrid"
    if b"cgroup2" in kinds:
        return "v2"
    return "v1" if b"cgroup" in kinds else "none"


def _lineage(
    membership: _Membership, mounts: Iterable[_Mount], sys: StrPath, notes: list[str]
) -> tuple[Group, ...]:
    candidates = [mount for mount in mounts if mount.carries(membership)]
    if not candidates:
        return ()
    mount, steps = _place(membership.path, candidates, notes)
    groups = _climb(_moved(mount.point, sys), steps, unified=not membership.controllers)
    there = tuple(group for group in groups if group.exists())
    if len(there) < len(groups):
        notes.append(f"{shown(groups[0].path)}: no such directory; the groups above it are taken")
    return there


def _place(path: bytes, mounts: list[_Mount], notes: list[str]) -> tuple[_Mount, list[bytes]]:
    """The mount that shows the group at `path`, and the steps down to it from the mount."""
    for mount in mounts:
        steps = _below(path, mount.root)
        if steps is not None:
            return mount, steps
    notes.append(
        f"cgroup {shown(path)} lies outside of what is mounted at {shown(mounts[0].point)};"
        " the mount's own group is taken"
    )
    return mounts[0], []


def _below(path: bytes, root: bytes) -> list[bytes] | None:
    """The steps from `root` down to `path`; None where that is not below."""
    steps = [step for step in path.split(b"/") if step]
    above = [step for step in root.split(b"/") if step]
    if steps[: len(above)] != above or b".." in steps:
        return None
    return steps[len(above) :]


def _moved(point: bytes, sys: StrPath) -> bytes:
    """A mount point below /sys, as seen where `sys` stands for it."""
    if point == b"/sys" or point.startswith(b"/sys/"):
        return os.fsencode(sys) + point[len(b"/sys") :]
    return point


def _climb(top: bytes, steps: list[bytes], unified: bool) -> tuple[Group, ...]:
    depths = range(len(steps), -1, -1)
    return tuple(Group(b"/".join([top, *steps[:depth]]), unified) for depth in depths)
