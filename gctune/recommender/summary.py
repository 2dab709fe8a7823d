"""A profile boiled down to what a simulation needs and what a reader is told."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from gctune.errors import ProfileError, problem
from gctune.host.interpreter import Collector
from gctune.profile.file import Profile
from gctune.profile.records import Header, Reading
from gctune.recommender.columns import Columns
from gctune.recommender.cost import CostModel, Sample, fit
from gctune.recommender.generations import AUTOMATIC, OLD
from gctune.recommender.stretch import Start, Stretch, stretches
from gctune.recommender.timeline import Thresholds

# Where rss and blocks did not grow enough to tell: pymalloc's blocks have 16 to
# 512 bytes, and 105 were measured on thirteen programs.
_BYTES_PER_BLOCK = 105.0
_LEAST_BYTES_PER_BLOCK = 16.0
_MOST_BYTES_PER_BLOCK = 400.0
_GROWN = 200_000  # blocks of growth that tell their size from rss
_BLOCKS_PER_OBJECT = 3.0  # of a fresh interpreter: 2.9 on 3.11, 3.1 on 3.13


@dataclass(frozen=True)
class Generation:
    """What the collections of one generation did in the captured run.

    `cpu_ns` is told from those sampled, `longest_cpu_ns` is among them.
    """

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
    included. `stretches` are what is replayed, and each of their collections
    stands for `weight` of the run. `whole` says that the recording went on to
    the program's end. `told` are things that a reader should know.
    """

    name: str
    header: Header
    thresholds: Thresholds
    stretches: tuple[Stretch, ...]
    weight: float
    cost: CostModel
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


def summarise(profile: Profile) -> Summary:
    """Boil a profile down.

    Raises ProfileError where its collector follows rules that are not simulated.
    """
    header = profile.header
    _check_collector(profile)
    columns = Columns.of(batch.collections() for batch in profile.batches)
    objects = header.objects or round(header.blocks / _BLOCKS_PER_OBJECT)
    in_force = _in_force(header, profile.readings, columns)
    start = Start(objects, header.blocks, _settled(profile, columns, objects))
    replayed = tuple(stretches(columns, in_force, start))
    weight = max(1.0, len(columns) / max(1, sum(len(each.timeline) for each in replayed)))
    samples = [sample for stretch in replayed for sample in stretch.samples]
    return Summary(
        name=profile.path.name,
        header=header,
        thresholds=header.thresholds,
        stretches=replayed,
        weight=weight,
        cost=fit(samples),
        generations=_generations(columns, samples),
        cpu_ns=_cpu_ns(profile, columns),
        peak_rss_bytes=_peak_rss(profile),
        bytes_per_block=_bytes_per_block(profile, columns),
        whole=profile.closing is not None and profile.closing.reason == "exit",
        told=tuple(_told(profile, replayed, in_force)),
    )


def _check_collector(profile: Profile) -> None:
    header = profile.header
    if header.collector != Collector.GENERATIONAL:
        raise ProfileError(
            problem(
                "PROFILE",
                str(profile.path),
                f"of the {header.collector} collector of {header.python},"
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
        generation == OLD and start < first.time_ns
        for generation, start in zip(columns.generation, columns.start_ns)
    )
    return float(objects) if first.collections[OLD] > seen else 0.0


def _cpu_ns(profile: Profile, columns: Columns) -> int:
    last = profile.closing.last if profile.closing else None
    readings = [*profile.readings, *([last] if last else [])]
    collecting: int = sum(map(mul, columns.cpu_ns, columns.weights))
    if not readings:
        return collecting
    return max(readings[-1].cpu_ns - profile.header.start_cpu_ns, collecting)


def _peak_rss(profile: Profile) -> int:
    seen = max((reading.rss_bytes for reading in profile.readings), default=0)
    return max(seen, profile.closing.peak_rss_bytes if profile.closing else 0)


def _bytes_per_block(profile: Profile, columns: Columns) -> float:
    """Bytes that the peak of rss grew for each block that the peak of blocks grew.

    Freed memory seldom goes back to the system, so that only peaks go together.
    """
    if not profile.readings:
        return _BYTES_PER_BLOCK
    first = profile.readings[0]
    early = bisect_right(columns.start_ns, first.time_ns)
    before = max([first.blocks, *columns.before[:early]])
    grown = (
        max([before, *columns.before[early:], *(one.blocks for one in profile.readings)]) - before
    )
    if grown < _GROWN:
        return _BYTES_PER_BLOCK
    measured = (_peak_rss(profile) - first.rss_bytes) / grown
    return min(max(measured, _LEAST_BYTES_PER_BLOCK), _MOST_BYTES_PER_BLOCK)


def _generations(
    columns: Columns, samples: Sequence[Sample]
) -> tuple[Generation, Generation, Generation]:
    young, middle, old = (_generation(columns, samples, number) for number in range(3))
    return young, middle, old


def _generation(columns: Columns, samples: Sequence[Sample], number: int) -> Generation:
    own = [place for place, which in enumerate(columns.generation) if which == number]
    examined = [sample.examined for sample in samples if sample.generation == number]
    return Generation(
        collections=len(own),
        examined=round(sum(examined) * len(own) / max(1, len(examined))),
        collected=sum(map(columns.collected.__getitem__, own)),
        cpu_ns=sum(columns.cpu_ns[place] * columns.weights[place] for place in own),
        longest_cpu_ns=max(map(columns.cpu_ns.__getitem__, own), default=0),
        longest_wall_ns=max(map(columns.wall_ns.__getitem__, own), default=0),
    )


def _told(
    profile: Profile, replayed: Sequence[Stretch], in_force: Sequence[Thresholds]
) -> Iterator[str]:
    """What about this run a reader should know."""
    yield from profile.problems
    seen = sum(len(stretch.timeline) for stretch in replayed)
    asked = sum(
        generation != AUTOMATIC for stretch in replayed for generation in stretch.timeline.explicit
    )
    if seen < len(in_force):
        yield f"{seen} of {len(in_force)} collections, in {len(replayed)} stretches, are replayed"
    if asked:
        yield f"the program itself calls for {asked} of {seen} collections"
    if len(set(in_force)) > 1:
        yield f"the program changes its thresholds: {_listed(set(in_force))}"
    if not profile.header.enabled or any(not reading.enabled for reading in profile.readings):
        yield "the program disables the collector for a time"
    frozen = max((reading.frozen or 0 for reading in profile.readings), default=0)
    if frozen > profile.header.frozen:
        yield f"the program freezes {frozen - profile.header.frozen} objects"
    missed = sum(profile.closing.missed) if profile.closing else 0
    if missed:
        yield f"{missed} collections were not recorded"


def _listed(values: set[Thresholds]) -> str:
    return ", ".join("/".join(map(str, value)) for value in sorted(values))
