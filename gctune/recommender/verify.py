"""Whether other settings are better than a program's own: runs in pairs, and a verdict.

Which settings go first in a pair is drawn by lot. The runs are looked at after
so many pairs as `LOOKS` says, and end as soon as a look tells the verdict. To
look more than once is to err more often, so the 5% that all intervals together
may err are split evenly among the looks (Bonferroni): whenever the runs end,
the interval of the CPU ratio holds the truth 95 times in 100.

CPU time is compared by the collector's share of each run's other CPU time,
(1 + share) / (1 + share of default). On a busy machine the CPU time of equal
runs differs by a quarter, and that share by little, since what disturbs a run
disturbs both parts of it. What settings cost outside the collector (memory that
has to be found, say) does not show in it: where plain CPU time grows for sure,
that decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import geometric_mean, median

from gctune.recommender.bootstrap import CONFIDENCE, Interval, paired
from gctune.settings.quantities import Ratio, Size

LOOKS = (8, 12, 18, 27, 40)  # pairs: with less than 8, the least and the greatest tell too little
_EACH = 1 - (1 - CONFIDENCE) / len(LOOKS)
_NOTICEABLE_SECONDS = 0.01  # a pause that somebody might notice
_SHORTER = 0.5  # times the longest pause, that is worth settings for itself
_SMALLER = 0.99  # times the peak of rss, likewise


class Verdict:
    """What becomes of the settings that were tried."""

    KEEP = "keep"
    REVERT = "revert"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Run:
    """What one run of the program cost, all its processes together.

    `gc_seconds` is CPU time within collections, `cpu_seconds` all of it.
    `peak_rss_bytes` adds up the peaks of its Python processes;
    `pause_seconds` is the longest collection, in CPU time. `operations` is
    what gctune.count() counted, by kind. `fault` says how the run failed; then
    its costs mean nothing.
    """

    gc_seconds: float
    cpu_seconds: float
    wall_seconds: float
    peak_rss_bytes: int
    pause_seconds: float
    operations: Mapping[str, int]
    fault: str = ""

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
    def sound(self) -> bool:
        """Whether both runs went well."""
        return not (self.default.fault or self.candidate.fault)


@dataclass(frozen=True)
class Figure:
    """One thing measured before and after, and the ratio of after to before.

    Of pairs of runs, before is the median at the program's own settings, and
    after that at the others. `ratio` is None where there is too little to tell
    it from, or nothing to divide by.
    """

    name: str
    unit: str
    before: float
    after: float
    ratio: Interval | None


@dataclass(frozen=True)
class Finding:
    """The verdict on settings, and what it stands on.

    `measured` says how much was measured, `notes` what else there is to know.
    """

    verdict: str
    reason: str
    measured: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What is to be told: `precision` is the least difference in CPU time that matters.

    `budget` is what the peak of rss may grow by, in bytes or as a share of it.
    """

    precision: Ratio
    budget: Size | Ratio


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
    look = len(pairs) in LOOKS or bool(pairs[-1].candidate.fault)
    return look and judge(pairs, question).verdict != Verdict.UNDECIDED


def so_far(pairs: Sequence[Pair]) -> str:
    """Where the pairs point to, in a few words."""
    ratios = [pair.candidate.cpu_cost / pair.default.cpu_cost for pair in pairs if pair.sound]
    told = f"CPU {geometric_mean(ratios):.3f} times" if ratios else "failed"
    return f"pair {len(pairs)}: {told}"


def judge(pairs: Sequence[Pair], question: Question, ended: str = "") -> Finding:
    """Tell the verdict from the pairs so far; `ended` says why there will be no more."""
    sound = [pair for pair in pairs if pair.sound]
    figures = tuple(_figures(sound)) if sound else ()
    verdict, reason = _told(pairs, {figure.name: figure for figure in figures}, question)
    if ended and verdict == Verdict.UNDECIDED:
        reason = f"{reason}; {ended}"
    return Finding(verdict, reason, f"{len(sound)} pairs of runs", figures, tuple(_notes(pairs)))


def _notes(pairs: Sequence[Pair]) -> Iterator[str]:
    failed = sum(not pair.sound for pair in pairs)
    if failed:
        yield f"{failed} of {len(pairs)} pairs are left out, in which a run failed"
    faults = Counter(
        f"{which} the program {run.fault}"
        for pair in pairs
        for which, run in (("at its own settings", pair.default), ("at the others", pair.candidate))
        if run.fault
    )
    yield from (f"{fault}, in {number} of them" for fault, number in faults.items())


CPU, CPU_TIME, PAUSE, RSS = "CPU", "CPU time", "longest pause", "peak rss"
_FIGURES: tuple[tuple[str, str, Callable[[Run], float]], ...] = (
    (CPU, "", lambda run: run.cpu_cost),
    (CPU_TIME, "s", lambda run: run.cpu_seconds),
    ("of it in the collector", "s", lambda run: run.gc_seconds),
    ("wall time", "s", lambda run: run.wall_seconds),
    (RSS, "B", lambda run: run.peak_rss_bytes),
    (PAUSE, "s", lambda run: run.pause_seconds),
)


def _figures(pairs: Sequence[Pair]) -> Iterator[Figure]:
    for name, unit, cost in _FIGURES:
        yield _figure(name, unit, pairs, cost)
    for kind in sorted({kind for pair in pairs for kind in pair.default.operations}):
        yield _figure(f"{kind} a second", "1/s", pairs, _rate_of(kind))


def _rate_of(kind: str) -> Callable[[Run], float]:
    return lambda run: run.operations.get(kind, 0) / run.wall_seconds


def _figure(name: str, unit: str, pairs: Sequence[Pair], cost: Callable[[Run], float]) -> Figure:
    both = [(cost(pair.default), cost(pair.candidate)) for pair in pairs]
    before, after = map(median, zip(*both))
    ratios = [other / own for own, other in both if own and other]
    told = len(ratios) == len(both) > 1
    return Figure(name, unit, before, after, paired(ratios, _EACH) if told else None)


def _told(
    pairs: Sequence[Pair], figures: Mapping[str, Figure], question: Question
) -> tuple[str, str]:
    """The verdict and the reason for it."""
    faults = [pair.candidate.fault for pair in pairs if pair.candidate.fault]
    if faults and not any(pair.default.fault for pair in pairs):
        return Verdict.REVERT, f"under these settings the program {faults[0]}"
    if sum(pair.sound for pair in pairs) < LOOKS[0]:
        return Verdict.UNDECIDED, f"it takes {LOOKS[0]} pairs of runs at least"
    rss = figures[RSS]
    return _of_memory(rss, question.budget) or _of_cpu(figures, question.precision)


def _of_memory(rss: Figure, budget: Size | Ratio) -> tuple[str, str] | None:
    if rss.ratio is None:
        return None
    allowed = 1 + (budget if isinstance(budget, Ratio) else budget / rss.before)
    if rss.ratio.low > allowed:
        return Verdict.REVERT, f"the peak of rss grows by {rss.ratio.value - 1:.1%}, over budget"
    if rss.ratio.value > allowed:
        return Verdict.UNDECIDED, "the peak of rss may be over budget"
    return None


def _of_cpu(figures: Mapping[str, Figure], precision: float) -> tuple[str, str]:
    ratio, plain = figures[CPU].ratio, figures[CPU_TIME].ratio
    if ratio is None or plain is None:
        return Verdict.UNDECIDED, "no CPU time was measured"
    if plain.low > 1 + precision:  # outside the collector, which the share does not show
        return Verdict.REVERT, f"takes {plain.value - 1:.1%} more CPU time"
    if ratio.value <= 1 - precision and ratio.high < 1:
        return Verdict.KEEP, f"saves {1 - ratio.value:.1%} of CPU time"
    if ratio.low <= 1 - precision:
        return Verdict.UNDECIDED, f"whether CPU time differs by {precision:.1%} cannot be told"
    return _of_the_rest(figures, ratio, precision)


def _of_the_rest(figures: Mapping[str, Figure], cpu: Interval, precision: float) -> tuple[str, str]:
    """The verdict on settings that save no CPU time worth speaking of."""
    better = _better(figures)
    if better and cpu.high < 1 + precision:
        return Verdict.KEEP, f"{better}, at no more CPU time"
    if better and cpu.low <= 1:
        return Verdict.UNDECIDED, f"{better}, but may take more CPU time"
    if cpu.low > 1:
        return Verdict.REVERT, f"takes {cpu.value - 1:.1%} more CPU time"
    return (
        Verdict.REVERT,
        f"saves less than {precision:.1%} of CPU time, and neither pauses nor memory",
    )


def _better(figures: Mapping[str, Figure]) -> str:
    """What gets better besides CPU time; empty if nothing does."""
    pause, rss = figures[PAUSE], figures[RSS]
    if pause.before >= _NOTICEABLE_SECONDS and _surely(pause.ratio, _SHORTER):
        return "shortens the longest pause"
    if _surely(rss.ratio, _SMALLER):
        return "takes less memory"
    return ""


def _surely(ratio: Interval | None, most: float) -> bool:
    """Whether a figure shrinks for sure, and to `most` of what it was as far as known."""
    return ratio is not None and ratio.high < 1 and ratio.value <= most
