"""A profile boiled down to what a simulation needs and what a reader is told."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gctune.errors import ProfileError, problem
from gctune.host.interpreter import Collector
from gctune.profile.file import Profile
from gctune.profile.records import Header, Reading
from gctune.recommender.columns import Columns
from gctune.recommender.cost import CostModel, Sample, fit
from gctune.recommender.generations import AUTOMATIC
from gctune.recommender.heap import Heap
from gctune.recommender.replay import recapture
from gctune.recommender.timeline import Thresholds, Timeline, build

# Where rss and blocks did not grow enough to tell: pymalloc's blocks have 16 to
# 512 bytes, and 105 were measured on thirteen programs.
_BYTES_PER_BLOCK = 105.0
_MOST_BYTES_PER_BLOCK = 400.0
_GROWN = 200_000  # blocks of growth that tell their size from rss
_BLOCKS_PER_OBJECT = 3.0  # of a fresh interpreter: 2.9 on 3.11, 3.1 on 3.13


@dataclass(frozen=True)
class Generation:
    """What the collections of one generation did in the captured run."""

    collections: int
    examined: int
    collected: int
    cpu_ns: int
    longest_cpu_ns: int
    longest_wall_ns: int


@dataclass(frozen=True)
class Summary:
    """One profile boiled down.

    `cpu_ns` is the process's CPU time while it was recorded, collections
    included. `live` are the objects alive and `held` the blocks held by
    garbage at each collection. `whole` says that the recording went on to the
    program's end. `told` are things about the run that a reader should know.
    """

    name: str
    header: Header
    thresholds: Thresholds
    timeline: Timeline
    cost: CostModel
    live: array[float]
    held: array[float]
    settled: float
    generations: tuple[Generation, Generation, Generation]
    cpu_ns: int
    peak_rss_bytes: int
    bytes_per_block: float
    whole: bool
    told: tuple[str, ...]

    @property
    def gc_ns(self) -> int:
        """CPU time within collections."""
        return sum(generation.cpu_ns for generation in self.generations)

    @property
    def collections(self) -> tuple[int, ...]:
        """Collections by generation."""
        return tuple(generation.collections for generation in self.generations)

    def heap(self) -> Heap:
        """The collector's counters as they were when recording began."""
        columns = self.timeline.columns
        if not columns:
            return Heap(self.settled, 0, 0)
        return Heap(self.settled, columns.count1[0], columns.count2[0])


def summarise(profile: Profile) -> Summary:
    """Boil a profile down.

    Raises ProfileError where its collector follows rules that are not simulated.
    """
    header = profile.header
    _check_collector(profile)
    columns = Columns.of(profile.collections())
    objects = header.objects or round(header.blocks / _BLOCKS_PER_OBJECT)
    in_force = _in_force(header, profile.readings, columns)
    timeline = build(columns, in_force, objects, header.blocks)
    settled = _settled(profile, columns, objects)
    first = (columns.count1[0], columns.count2[0]) if columns else (0, 0)
    steps = list(recapture(timeline, Heap(settled, *first)))
    cost = fit(
        [
            Sample(step.collected.generation, step.collected.examined, collected, cpu_ns)
            for step, collected, cpu_ns in zip(steps, columns.collected, columns.cpu_ns)
        ]
    )
    examined = [step.collected.examined for step in steps]
    return Summary(
        name=profile.path.name,
        header=header,
        thresholds=header.thresholds,
        timeline=timeline,
        cost=cost,
        live=array("d", (step.live for step in steps)),
        held=array("d", (step.held_blocks for step in steps)),
        settled=settled,
        generations=_generations(columns, examined),
        cpu_ns=_cpu_ns(profile, columns),
        peak_rss_bytes=_peak_rss(profile),
        bytes_per_block=_bytes_per_block(profile),
        whole=profile.closing is not None and profile.closing.reason == "exit",
        told=tuple(_told(profile, timeline, in_force)),
    )


def _check_collector(profile: Profile) -> None:
    header = profile.header
    if header.collector != Collector.GENERATIONAL:
        version = ".".join(map(str, header.version))
        raise ProfileError(
            problem(
                "PROFILE",
                str(profile.path),
                f"of the {header.collector} collector of {header.implementation} {version},"
                " whose rules are not simulated",
                "capture under an interpreter with the generational collector",
            )
        )


def _in_force(header: Header, readings: Sequence[Reading], columns: Columns) -> list[Thresholds]:
    """The thresholds at each collection; a change is seen by the reading after it."""
    times = [reading.time_ns for reading in readings]
    values = [header.thresholds, *(reading.thresholds for reading in readings)]
    if len(set(values)) == 1:
        return [header.thresholds] * len(columns)
    last = len(values) - 1
    return [values[min(bisect_right(times, start) + 1, last)] for start in columns.start_ns]


def _settled(profile: Profile, columns: Columns, objects: int) -> float:
    """The objects that the last full collection before the recording left, as far as known."""
    if not profile.readings or not columns:
        return float(objects)
    first = profile.readings[0]
    seen = sum(
        generation == 2 and start < first.time_ns  # noqa: PLR2004
        for generation, start in zip(columns.generation, columns.start_ns)
    )
    return float(objects) if first.collections[2] > seen else 0.0


def _cpu_ns(profile: Profile, columns: Columns) -> int:
    last = profile.closing.last if profile.closing else None
    readings = [*profile.readings, *([last] if last else [])]
    if not readings:
        return sum(columns.cpu_ns)
    return max(readings[-1].cpu_ns - profile.header.start_cpu_ns, sum(columns.cpu_ns))


def _peak_rss(profile: Profile) -> int:
    seen = max((reading.rss_bytes for reading in profile.readings), default=0)
    return max(seen, profile.closing.peak_rss_bytes if profile.closing else 0)


def _bytes_per_block(profile: Profile) -> float:
    """Bytes that rss grew for each block allocated more, while both grew."""
    blocks = memory = 0
    for before, after in pairwise(profile.readings):
        grown = after.blocks - before.blocks
        if grown > 0 and after.rss_bytes > before.rss_bytes:
            blocks += grown
            memory += after.rss_bytes - before.rss_bytes
    if blocks < _GROWN:
        return _BYTES_PER_BLOCK
    return min(max(memory / blocks, _BYTES_PER_BLOCK), _MOST_BYTES_PER_BLOCK)


def _generations(
    columns: Columns, examined: Sequence[float]
) -> tuple[Generation, Generation, Generation]:
    young, middle, old = (_generation(columns, examined, number) for number in range(3))
    return young, middle, old


def _generation(columns: Columns, examined: Sequence[float], number: int) -> Generation:
    own = [place for place, which in enumerate(columns.generation) if which == number]
    return Generation(
        collections=len(own),
        examined=round(sum(examined[place] for place in own)),
        collected=sum(columns.collected[place] for place in own),
        cpu_ns=sum(columns.cpu_ns[place] for place in own),
        longest_cpu_ns=max((columns.cpu_ns[place] for place in own), default=0),
        longest_wall_ns=max((columns.wall_ns[place] for place in own), default=0),
    )


def _told(profile: Profile, timeline: Timeline, in_force: Sequence[Thresholds]) -> list[str]:
    """What about this run a reader should know."""
    told = list(profile.problems)
    asked = sum(generation != AUTOMATIC for generation in timeline.explicit)
    if asked:
        told.append(f"the program itself calls for {asked} of {len(timeline)} collections")
    if len(set(in_force)) > 1:
        told.append(f"the program changes its thresholds: {_listed(set(in_force))}")
    if not profile.header.enabled or any(not reading.enabled for reading in profile.readings):
        told.append("the program disables the collector for a time")
    closing = profile.closing
    frozen = max((reading.frozen or 0 for reading in profile.readings), default=0)
    if frozen > profile.header.frozen:
        told.append(f"the program freezes {frozen - profile.header.frozen} objects")
    if closing and any(closing.missed):
        told.append(f"{sum(closing.missed)} collections were not recorded")
    return told


def _listed(values: set[Thresholds]) -> str:
    return ", ".join("/".join(map(str, value)) for value in sorted(values))
