"""The memory that this process's container may use, uses, and waits for.

A limit may stand in any group from the process's own up to the root, in
version 1 or 2 of cgroups or in both; the least counts. Limits change while a
process runs, so every figure is read anew each time.
"""

from __future__ import annotations

from _functools import partial  # type: ignore[import-not-found] # functools imports collections

from gctune.host.cgroups import Group, find_cgroups
from gctune.host.files import number, number_behind, read_as, shown, within
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from gctune.host.files import StrPath, T

    S = TypeVar("S")


class _Names(Record):
    """The files that hold a group's figures, and the word before the one in memory.stat."""

    limits: tuple[str, ...]
    usage: str
    inactive: bytes


_V1 = _Names(("memory.limit_in_bytes",), "memory.usage_in_bytes", b"total_inactive_file")
_V2 = _Names(("memory.max", "memory.high"), "memory.current", b"inactive_file")

_UNLIMITED = 1 << 62  # version 1 says "no limit" by a number near 2^63, which one depends on pages


class Limit(Record):
    """A limit of memory, and the file that it came from."""

    bytes: int
    source: str


class Pressure(Record):
    """How much tasks have waited for memory.

    `some` and `full` are shares of the last ten seconds, 0 to 1, in which at
    least one task waited, and all of them; `some_ns` and `full_ns` are all the
    time in which they did. `source` is the file it came from: the group's own
    or the whole host's.
    """

    some: float
    full: float
    some_ns: int
    full_ns: int
    source: str


class Container(Record):
    """What is known of the container at one instant; None is unknown, or no limit.

    `working_set_bytes` is usage less inactive file pages, of the group whose
    limit it is, since everything in that group counts against the limit;
    without a limit, of the process's own group. `notes` say why something is
    unknown. `version` is that of cgroups: "v1", "v2", "hybrid" or "none".
    """

    limit: Limit | None
    working_set_bytes: int | None
    pressure: Pressure | None
    notes: tuple[str, ...]
    version: str


class Counted(Record):
    """The limit that counts, and the groups of which one has the usage that counts against it."""

    limit: Limit | None
    groups: tuple[Group, ...]

    def working_set_bytes(self) -> int | None:
        """Read the working set; None where it is unknown. Costs some 40 us."""
        return _first(_working_set, self.groups, [])


class ContainerFiles(Record):
    """The files that hold the container's figures; found once, read at every call.

    No method raises: what cannot be read or makes no sense is None.
    """

    version: str
    limits: tuple[_LimitFile, ...]
    own: tuple[Group, ...]
    pressures: tuple[bytes, ...]
    host_bytes: int | None
    notes: tuple[str, ...]

    def read(self) -> Container:
        """Read everything, with a note for each thing that made no sense."""
        notes = list(self.notes)
        limit, groups = self._governing(notes)
        working_set = _first(_working_set, groups, notes)
        if working_set is None and groups:
            notes.append("the working set is unknown: no group of this process says what it uses")
        return Container(
            limit=limit,
            working_set_bytes=working_set,
            pressure=_first(_pressure, self.pressures, notes),
            notes=tuple(notes),
            version=self.version,
        )

    def counted(self) -> Counted:
        """Read the least limit, and find what counts against it."""
        return Counted(*self._governing([]))

    def oom_kills(self) -> int:
        """How many processes of this one's own group the system has killed for want of memory.

        0 where that is not known.
        """
        return _first(_oom_kills, self.own, []) or 0

    def _governing(self, notes: list[str]) -> tuple[Limit | None, tuple[Group, ...]]:
        """The least limit, and the groups of which one has the usage that counts against it."""
        found = []
        for file in self.limits:
            limit = read_as(file.parse, file.path, notes)
            if limit is not None and self._possible(limit, file.path, notes):
                found.append((limit, file))
        if not found:
            return None, self.own
        least, file = min(found, key=lambda pair: pair[0])
        return Limit(least, shown(file.path)), (file.group,)

    def _possible(self, limit: int, path: bytes, notes: list[str]) -> bool:
        if self.host_bytes is None or limit <= self.host_bytes:
            return True
        notes.append(f"{shown(path)}: {limit} bytes are more than the host has; ignored")
        return False


def find_container(proc: StrPath = "/proc", sys: StrPath = "/sys") -> ContainerFiles:
    """Find the files that hold this process's container figures. Never raises."""
    found = find_cgroups("memory", proc, sys)
    notes = list(found.notes)
    if not found.lineages:
        notes.append("no cgroup of this process is mounted: no memory limit is known")
    own = tuple(lineage[0] for lineage in found.lineages)
    return ContainerFiles(
        version=found.version,
        limits=tuple(file for lineage in found.lineages for file in _limit_files(lineage)),
        own=own,
        pressures=(
            *(group.file("memory.pressure") for group in own if group.unified),
            within(proc, "pressure/memory"),
        ),
        host_bytes=host_memory_bytes(proc),
        notes=tuple(notes),
    )


def read_container(proc: StrPath = "/proc", sys: StrPath = "/sys") -> Container:
    """Find and read what the container allows and uses. Never raises."""
    return find_container(proc, sys).read()


def host_memory_bytes(proc: StrPath = "/proc") -> int | None:
    """The memory of the whole host; None where it is unknown."""
    kibibytes = read_as(partial(number_behind, b"MemTotal:"), within(proc, "meminfo"), [])
    return kibibytes * 1024 if kibibytes else None


class _LimitFile(Record):
    """A file that may hold a limit, and the group that the limit is of."""

    path: bytes
    parse: Callable[[bytes], int | None]
    group: Group


def _limit_files(lineage: tuple[Group, ...]) -> Iterable[_LimitFile]:
    for group in lineage:
        for name in _names(group).limits:
            yield _LimitFile(group.file(name), _limit, group)
    if not lineage[0].unified:  # tells of ancestors above the mount too, so it comes last
        yield _LimitFile(lineage[0].file("memory.stat"), _hierarchical_limit, lineage[0])


def _limit(content: bytes) -> int | None:
    """Parse a limit; None where it says that there is none. Raises ValueError."""
    if content.strip() == b"max":
        return None
    limit = number(content)
    if limit == 0:
        raise ValueError("a limit of 0 bytes cannot be kept")
    return limit if limit < _UNLIMITED else None


def _hierarchical_limit(content: bytes) -> int | None:
    return _limit(b"%d" % number_behind(b"hierarchical_memory_limit", content))


def _working_set(group: Group, notes: list[str]) -> int | None:
    names = _names(group)
    usage = read_as(number, group.file(names.usage), notes)
    if usage is None:
        return None
    inactive = read_as(partial(number_behind, names.inactive), group.file("memory.stat"), notes)
    return None if inactive is None else max(0, usage - inactive)


def _oom_kills(group: Group, notes: list[str]) -> int | None:
    file = group.file("memory.events" if group.unified else "memory.oom_control")
    return read_as(partial(number_behind, b"oom_kill"), file, notes)


def _names(group: Group) -> _Names:
    return _V2 if group.unified else _V1


def _pressure(path: bytes, notes: list[str]) -> Pressure | None:
    return read_as(partial(_pressure_of, shown(path)), path, notes)


def _pressure_of(source: str, content: bytes) -> Pressure:
    (some, some_ns), (full, full_ns) = (_waited(name, content) for name in (b"some", b"full"))
    return Pressure(some, full, some_ns, full_ns, source)


def _waited(name: bytes, content: bytes) -> tuple[float, int]:
    """Parse `name avg10=1.50 avg60=0.50 avg300=0.10 total=5`: percent, and microseconds.

    Raises ValueError.
    """
    line = next((line for line in content.split(b"\n") if line.split()[:1] == [name]), b"")
    figures = dict(word.split(b"=", 1) for word in line.split()[1:])
    share = float(figures.get(b"avg10", b"nan")) / 100
    if not 0 <= share <= 1:  # nan is not
        raise ValueError("not a percentage")
    return share, number(figures.get(b"total", b"")) * 1000


def _first(
    read: Callable[[S, list[str]], T | None], sources: Iterable[S], notes: list[str]
) -> T | None:
    """What `read` makes of the first source that it can make something of."""
    for source in sources:
        value = read(source, notes)
        if value is not None:
            return value
    return None
