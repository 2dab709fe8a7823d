"""Whether other settings are better than a program's own: runs in pairs, and a verdict.

Which settings go first in a pair is drawn by lot. The runs are looked at after
so many pairs as `LOOKS` says, and end as soon as a look tells the verdict. To
look more than once is to err more often, so the 5% that all intervals together
may err are split evenly among the looks (Bonferroni): whenever the runs end,
the interval of the CPU ratio holds the truth 95 times in 100. Between two looks
only failures end the runs, by a test of their own.

CPU time is compared by the collector's share of each run's other CPU time,
(1 + share) / (1 + share of default). On a busy machine the CPU time of equal
runs differs by a quarter, and that share by little, since what disturbs a run
disturbs both parts of it. What settings cost outside the collector (memory that
has to be found, say) does not show in it: where plain CPU time grows for sure,
that decides. Where the program counts its operations, that is the CPU time of
one of them, and the share is not believed where this belies it; runs that do
surely fewer operations, or more than twice as many, are not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import geometric_mean, median

from gctune.recommender.bootstrap import CONFIDENCE, paired
from gctune.verifier.faults import Faults, are_alike, harm
from gctune.verifier.verdict import (
    COLLECTION_SECONDS,
    CPU,
    CPU_TIME,
    PAUSE,
    RSS,
    Figure,
    Finding,
    Question,
    Verdict,
    decide,
    number_of,
    per_operation,
)

LOOKS = (8, 12, 18, 27, 40)  # pairs: with less than 8, the least and the greatest tell too little
_EACH = 1 - (1 - CONFIDENCE) / len(LOOKS)


@dataclass(frozen=True)
class Run:
    """What one run of the program cost, all its processes together.

    `gc_seconds` is CPU time within collections, `cpu_seconds` all of it, that of
    processes included which nobody waited for, as far as they were recorded.
    `peak_rss_bytes` adds up the peaks of those Python processes that ran at
    once; `pause_seconds` is the longest collection, in CPU time. `operations`
    is what gctune.count() counted, by kind. `fault` says how the run failed;
    then its costs mean nothing.
    """

    gc_seconds: float
    cpu_seconds: float
    wall_seconds: float
    peak_rss_bytes: int
    pause_seconds: float
    operations: Mapping[str, int]
    fault: str = ""

    @property
    def seen(self) -> bool:
        """Whether more CPU time was seen than within collections, as there must have been.

        It is not where a process is killed that nobody waits for.
        """
        return self.cpu_seconds > self.gc_seconds

    @property
    def cpu_cost(self) -> float:
        """CPU time for each second of it that the program itself uses: 1 + share."""
        return self.cpu_seconds / (self.cpu_seconds - self.gc_seconds)


@dataclass(frozen=True)
class Pair:
    """The program run once at its own settings, and once at others."""

    default: Run
    candidate: Run

    @property
    def failed(self) -> bool:
        """Whether a run failed."""
        return bool(self.default.fault or self.candidate.fault)

    @property
    def sound(self) -> bool:
        """Whether both runs went well, and their CPU time was seen."""
        return not self.failed and self.default.seen and self.candidate.seen


def in_turn(run: Callable[[bool], Run], seed: int) -> Iterator[Pair]:
    """Run pairs without end; `run` is called with whether the candidate is in force."""
    lot = Random(seed)  # noqa: S311 - an order is no secret
    while True:
        first = lot.random() < 0.5  # noqa: PLR2004 - heads or tails
        runs = {candidate: run(candidate) for candidate in (first, not first)}
        yield Pair(runs[False], runs[True])


def next_look(pairs: Sequence[Pair]) -> int:
    """How many pairs it takes until the verdict may be told."""
    return next((look for look in LOOKS if look > len(pairs)), LOOKS[-1])


def is_over(pairs: Sequence[Pair], question: Question) -> bool:
    """Whether no further pair is needed: the verdict is told, or will not be."""
    if len(pairs) >= LOOKS[-1]:
        return True
    if harm(_faults(pairs)):
        return True
    return len(pairs) in LOOKS and judge(pairs, question).verdict != Verdict.UNDECIDED


def so_far(pairs: Sequence[Pair]) -> str:
    """Where the pairs point to, in a few words."""
    ratios = [pair.candidate.cpu_cost / pair.default.cpu_cost for pair in pairs if pair.sound]
    none = "CPU time was not seen" if _unseen(pairs) else "failed"
    told = f"CPU {geometric_mean(ratios):.3f} times" if ratios else none
    return f"pair {len(pairs)}: {told}"


def _unseen(pairs: Sequence[Pair]) -> int:
    """How many pairs went well, and yet tell nothing."""
    return sum(not (pair.failed or pair.sound) for pair in pairs)


def judge(pairs: Sequence[Pair], question: Question, ended: str = "") -> Finding:
    """Tell the verdict from the pairs so far; `ended` says why there will be no more."""
    sound = [pair for pair in pairs if pair.sound]
    figures = tuple(_figures(sound)) if sound else ()
    verdict, reason = _told(pairs, {figure.name: figure for figure in figures}, question)
    if ended and verdict == Verdict.UNDECIDED:
        reason = f"{reason}; {ended}"
    return Finding(verdict, reason, f"{len(sound)} pairs of runs", figures, tuple(_notes(pairs)))


def _notes(pairs: Sequence[Pair]) -> Iterator[str]:
    failed = sum(pair.failed for pair in pairs)
    if failed:
        yield f"{failed} of {len(pairs)} pairs are left out, in which a run failed"
    if _unseen(pairs):
        yield (
            f"{_unseen(pairs)} of {len(pairs)} pairs are left out, in which no more CPU time was"
            " seen than in the collector: have the program wait for each process that it starts"
        )
    faults = Counter(
        f"{which} the program {run.fault}"
        for pair in pairs
        for which, run in (("at its own settings", pair.default), ("at the others", pair.candidate))
        if run.fault
    )
    yield from (f"{fault}, in {number} of them" for fault, number in faults.items())


# With what a cost counts at least, in ratios: a run without collections takes less than any with.
_FIGURES: tuple[tuple[str, str, Callable[[Run], float], float], ...] = (
    (CPU, "", lambda run: run.cpu_cost, 0.0),
    (CPU_TIME, "s", lambda run: run.cpu_seconds, 0.0),
    ("of it in the collector", "s", lambda run: run.gc_seconds, COLLECTION_SECONDS),
    ("wall time", "s", lambda run: run.wall_seconds, 0.0),
    (RSS, "B", lambda run: run.peak_rss_bytes, 0.0),
    (PAUSE, "s", lambda run: run.pause_seconds, COLLECTION_SECONDS),
)


def _figures(pairs: Sequence[Pair]) -> Iterator[Figure]:
    for name, unit, cost, least in _FIGURES:
        yield _figure(name, unit, pairs, cost, least)
    for kind in _kinds(pairs):
        for name, unit, cost in _of_operations(kind):
            yield _figure(name, unit, pairs, cost)


def _kinds(pairs: Sequence[Pair]) -> list[str]:
    """What the runs count, the most often counted first."""
    totals = Counter[str]()
    for pair in pairs:
        totals.update(pair.default.operations)
    return [kind for kind, total in totals.most_common() if total]


def _of_operations(kind: str) -> Iterator[tuple[str, str, Callable[[Run], float]]]:
    """What is told of one kind of operations; a run may have come to none."""

    def number(run: Run) -> int:
        return max(1, run.operations.get(kind, 0))

    yield number_of(kind), "", number
    yield per_operation(kind), "s", lambda run: run.cpu_seconds / number(run)
    yield f"{kind} a second", "1/s", lambda run: number(run) / run.wall_seconds


def _figure(
    name: str,
    unit: str,
    pairs: Sequence[Pair],
    cost: Callable[[Run], float],
    least: float = 0.0,
) -> Figure:
    both = [(cost(pair.default), cost(pair.candidate)) for pair in pairs]
    before, after = map(median, zip(*both))
    counted = [(max(least, own), max(least, other)) for own, other in both]
    told = len(both) >= LOOKS[0] and all(own and other for own, other in counted)
    ratio = paired([other / own for own, other in counted], _EACH) if told else None
    return Figure(name, unit, before, after, ratio, _greatest(both) if name == RSS else None)


def _greatest(both: Sequence[tuple[float, float]]) -> float | None:
    before, after = map(max, zip(*both))
    return after / before if before else None


def _told(
    pairs: Sequence[Pair], figures: Mapping[str, Figure], question: Question
) -> tuple[str, str]:
    """The verdict and the reason for it."""
    faults = _faults(pairs)
    done = harm(faults)
    if done:
        return Verdict.REVERT, f"under these settings the program {done}"
    if sum(pair.sound for pair in pairs) < LOOKS[0]:
        seen = ", whose CPU time is seen" if _unseen(pairs) else ""
        return Verdict.UNDECIDED, f"it takes {LOOKS[0]} pairs of runs at least{seen}"
    verdict, reason = decide(figures, question, _kinds([pair for pair in pairs if pair.sound]))
    if verdict == Verdict.KEEP and not are_alike(faults):
        return Verdict.UNDECIDED, f"{reason}, but may fail more often"
    return verdict, reason


def _faults(pairs: Sequence[Pair]) -> Faults:
    return [(pair.default.fault, pair.candidate.fault) for pair in pairs]
