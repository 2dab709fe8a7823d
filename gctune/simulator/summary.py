"""A profile boiled down to what a simulation needs and what a reader is told."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress, islice
from operator import mul
from typing import NamedTuple

from gctune.errors import ProfileError, problem
from gctune.host.interpreter import Collector
from gctune.profile.file import Profile
from gctune.profile.records import Header
from gctune.simulator.columns import Columns
from gctune.simulator.conduct import Conduct, Thresholds, conduct, in_force
from gctune.simulator.cost import CostModel, Sample, fit
from gctune.simulator.generations import AUTOMATIC, OLD
from gctune.simulator.stretch import Stretch, stretches
from gctune.simulator.timeline import Start

# Of garbage, what it keeps beside its blocks included: measured on thirteen programs.
# pymalloc's blocks have 16 to 512 bytes.
_BYTES_PER_BLOCK = 105.0
_MOST_BYTES_PER_BLOCK = 400.0
_GROWN = 200_000  # blocks of growth that tell their size from rss
_HEAVIER = 20.0  # times as much as others, that an object which is to be garbage holds at most
_BLOCKS_PER_OBJECT = 3.0  # of a fresh interpreter: 2.9 on 3.11, 3.1 on 3.13


@dataclass(frozen=True)
class Generation:
    """What the collections of one generation did in the captured run.

    `cpu_ns` is told from those whose was read, `longest_cpu_ns` is among them.
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

    `conduct` is what the program does to its collector by itself, and
    `thresholds` those that it mostly ran under. `began` and `ended` are Unix
    times, in seconds. `cpu_ns` is the process's CPU time while it was recorded,
    collections included. `stretches` are what is replayed, and each of their
    collections stands for `weight` of the run. `whole` says that the recording
    went on to the program's end, `recorded` which share of the collections it
    holds. `told` are things that a reader should know.
    """

    name: str
    header: Header
    conduct: Conduct
    began: float
    ended: float
    stretches: tuple[Stretch, ...]
    weight: float
    cost: CostModel
    generations: tuple[Generation, Generation, Generation]
    cpu_ns: int
    peak_rss_bytes: int
    bytes_per_block: float
    payload_per_block: float
    whole: bool
    recorded: float
    told: tuple[str, ...]

    @property
    def thresholds(self) -> Thresholds:
        """Those that it mostly ran under."""
        return self.conduct.usual

    @property
    def sampled(self) -> bool:
        """Whether what is replayed are samples of a longer run."""
        return self.weight > 1

    @property
    def gc_ns(self) -> int:
        """CPU time within collections."""
        return sum(generation.cpu_ns for generation in self.generations)

    @property
    def longest_ns(self) -> int:
        """The longest collection, in CPU time."""
        return max(generation.longest_cpu_ns for generation in self.generations)

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
    columns = Columns.of(profile.columns())
    objects = header.objects or round(header.blocks / _BLOCKS_PER_OBJECT)
    own = conduct(profile)
    start = Start(objects, header.blocks, header.blocks, _settled(profile, columns, objects))
    replayed = tuple(stretches(columns, partial(in_force, profile), start))
    weight = max(1.0, len(columns) / max(1, sum(len(each.timeline) for each in replayed)))
    samples = [sample for stretch in replayed for sample in stretch.samples]
    return Summary(
        name=profile.path.name,
        header=header,
        conduct=own,
        began=profile.began,
        ended=profile.ended,
        stretches=replayed,
        weight=weight,
        cost=fit(samples),
        generations=_generations(columns, samples),
        cpu_ns=_cpu_ns(profile, columns),
        peak_rss_bytes=profile.peak_rss_bytes,
        bytes_per_block=_bytes_per_block(profile, columns),
        payload_per_block=_payload(profile, columns, replayed),
        whole=profile.closing is not None and profile.closing.reason == "exit",
        recorded=_recorded(profile, columns),
        told=tuple(_told(profile, columns, replayed, own)),
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


def _weighed(columns: Columns) -> Iterator[int]:
    """The CPU time of each collection, and of those that it stands for."""
    return map(mul, columns.cpu_ns, columns.weights)


def _cpu_ns(profile: Profile, columns: Columns) -> int:
    last = profile.closing.last if profile.closing else None
    readings = [*profile.readings, *([last] if last else [])]
    collecting = sum(_weighed(columns))
    if not readings:
        return collecting
    return max(readings[-1].cpu_ns - profile.header.start_cpu_ns, collecting)


def _bytes_per_block(profile: Profile, columns: Columns) -> float:
    """Bytes that a block held by garbage takes; more than usual where all blocks take more."""
    grown = _grown(profile, columns)
    if grown.blocks < _GROWN:
        return _BYTES_PER_BLOCK
    return min(max(grown.rss_bytes / grown.blocks, _BYTES_PER_BLOCK), _MOST_BYTES_PER_BLOCK)


class _Grown(NamedTuple):
    """How far the peaks of rss and of blocks rose above what there was at the first reading."""

    rss_bytes: int
    blocks: int


def _grown(profile: Profile, columns: Columns) -> _Grown:
    """Freed memory seldom goes back to the system, so that only peaks go together."""
    if not profile.readings:
        return _Grown(0, 0)
    first = profile.readings[0]
    early = bisect_right(columns.start_ns, first.time_ns)
    before = max(chain([first.blocks], islice(columns.before, early)))
    later = chain(islice(columns.before, early, None), (one.blocks for one in profile.readings))
    return _Grown(profile.peak_rss_bytes - first.rss_bytes, max(0, max(later) - before))


def _payload(profile: Profile, columns: Columns, replayed: Sequence[Stretch]) -> float:
    """Bytes that a block held by garbage keeps at most of memory that is in no block.

    All of it, if garbage keeps what grew of that; but where garbage is rare
    among what is allocated, no more than `_HEAVIER` times its share.
    """
    grown = _grown(profile, columns)
    unaccounted = max(0.0, grown.rss_bytes - _BYTES_PER_BLOCK * grown.blocks)
    held = max(chain([1.0], *(stretch.held for stretch in replayed)))
    share = sum(columns.collected) / max(1, sum(columns.count0))
    return min(1.0, _HEAVIER * share) * unaccounted / held


def _generations(
    columns: Columns, samples: Sequence[Sample]
) -> tuple[Generation, Generation, Generation]:
    young, middle, old = (_generation(columns, samples, number) for number in range(3))
    return young, middle, old


def _generation(columns: Columns, samples: Sequence[Sample], number: int) -> Generation:
    own = bytes(map(number.__eq__, columns.generation))
    count = sum(own)
    examined = [sample.examined for sample in samples if sample.generation == number]
    return Generation(
        collections=count,
        examined=round(sum(examined) * count / max(1, len(examined))),
        collected=sum(compress(columns.collected, own)),
        cpu_ns=sum(compress(_weighed(columns), own)),
        longest_cpu_ns=max(compress(columns.cpu_ns, own), default=0),
        longest_wall_ns=max(compress(columns.wall_ns, own), default=0),
    )


def _told(
    profile: Profile, columns: Columns, replayed: Sequence[Stretch], own: Conduct
) -> Iterator[str]:
    """What about this run a reader should know."""
    yield from profile.problems
    seen = sum(len(stretch.timeline) for stretch in replayed)
    if seen < len(columns):
        yield f"{seen} of {len(columns)} collections, in {len(replayed)} stretches, are replayed"
    asked = [
        cpu_ns
        for stretch in replayed
        for generation, cpu_ns in zip(stretch.timeline.explicit, _weighed(stretch.timeline.columns))
        if generation != AUTOMATIC
    ]
    if asked and not profile.switches:  # exploring calls for some
        spent = f"{sum(asked) / 1e9:.2f} s of CPU time"
        yield f"the program itself calls for {len(asked)} of {seen} collections ({spent})"
    yield from own.told()


def _recorded(profile: Profile, columns: Columns) -> float:
    """The share of the collections between the first reading and the last that was recorded."""
    if not profile.readings:
        return 1.0
    first, last = profile.readings[0], profile.readings[-1]
    happened = sum(last.collections) - sum(first.collections)
    within = bisect_right(columns.start_ns, last.time_ns) - bisect_right(
        columns.start_ns, first.time_ns
    )
    return min(1.0, within / happened) if happened > 0 else 1.0
