"""What a program does to its collector by itself, as far as the capture shows it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, prod

from gctune.pacing.pace import starts_by_itself
from gctune.profile.exploring import WINDOW
from gctune.profile.file import Profile
from gctune.profile.records import Header, Reading
from gctune.simulator.columns import Columns

Thresholds = tuple[int, int, int]


@dataclass(frozen=True)
class Conduct:
    """The thresholds in force, and how often the collector was off or had objects frozen.

    `usual` are the thresholds that were in force the longest, `seen` all of
    them in the order that they came. `disabled` is the share of the readings
    at which the collector was off, `frozen` the objects frozen since the start.
    """

    usual: Thresholds
    seen: tuple[Thresholds, ...]
    disabled: float
    frozen: int

    @property
    def steers(self) -> bool:
        """Whether the program sets its thresholds itself."""
        return len(self.seen) > 1

    def told(self) -> Iterator[str]:
        """What of it a reader should know."""
        if self.steers:
            yield f"the program sets its thresholds: {' then '.join(map(slashed, self.seen))}"
        if self.disabled == 1:
            yield "the program keeps the collector disabled"
        elif self.disabled:
            yield f"the program disables the collector for {self.disabled:.0%} of the readings"
        if self.frozen:
            yield f"the program freezes {self.frozen} objects"


def conduct(profile: Profile) -> Conduct:
    """Gather it from the header and the readings; what exploring set is not the program's."""
    header, readings = profile.header, _unexplored(profile)
    frozen = max((reading.frozen or 0 for reading in readings), default=0)
    seen: Sequence[Header | Reading] = readings or [header]
    off = [not starts_by_itself(one.enabled, one.thresholds) for one in seen]
    return Conduct(
        usual=_usual(header, readings),
        seen=tuple(dict.fromkeys(_values(header, readings))),
        disabled=sum(off) / len(off),
        frozen=max(0, frozen - header.frozen),
    )


def _unexplored(profile: Profile) -> list[Reading]:
    """The readings before the first window of an exploring capture and after the last."""
    if not profile.switches:
        return list(profile.readings)
    first, last = profile.switches[0], profile.switches[-1]
    until = inf if last.reason == WINDOW else last.time_ns
    return [one for one in profile.readings if not first.time_ns < one.time_ns <= until]


def in_force(profile: Profile, columns: Columns) -> list[Thresholds]:
    """The thresholds at each collection; a change is seen by the reading after it."""
    values = _values(profile.header, profile.readings)
    if len(set(values)) == 1:
        return values[:1] * len(columns)
    times = [reading.time_ns for reading in profile.readings]
    last = len(values) - 1
    return [values[min(bisect_right(times, start) + 1, last)] for start in columns.start_ns]


def slashed(thresholds: Thresholds) -> str:
    """Three thresholds as one word."""
    return "/".join(map(str, thresholds))


def apart(thresholds: Thresholds) -> int:
    """How many objects full collections come after, about; CPython takes negative thresholds."""
    return prod(max(0, each) for each in thresholds)


def _values(header: Header, readings: Sequence[Reading]) -> list[Thresholds]:
    return [header.thresholds, *(reading.thresholds for reading in readings)]


def _usual(header: Header, readings: Sequence[Reading]) -> Thresholds:
    """What was in force the longest: from the reading before to the one that saw it."""
    lasted: dict[Thresholds, int] = {header.thresholds: 0}
    before = header.start_ns
    for reading in readings:
        lasted[reading.thresholds] = lasted.get(reading.thresholds, 0) + reading.time_ns - before
        before = reading.time_ns
    return max(lasted, key=lasted.__getitem__)
