"""The verdict on settings: what was measured before and after, and which to use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gctune.recommender.bootstrap import Interval
from gctune.settings.quantities import Ratio, Size

CPU, CPU_TIME, PAUSE, RSS = "CPU", "CPU time", "longest pause", "peak rss"
COLLECTION_SECONDS = 1e-6  # that one takes at least: in ratios of pauses, none counts as much
_NOTICEABLE_SECONDS = 0.01  # a pause that somebody might notice
_SHORTER = 0.5  # times the longest pause, that is worth settings for itself
_SMALLER = 0.99  # times the peak of rss, likewise
_AS_MANY = 2.0  # times the operations: runs that do more than that are of another kind


def per_operation(kind: str) -> str:
    """The name of the figure of what one operation of a kind takes."""
    return f"{CPU_TIME} of one of the {kind}"


def number_of(kind: str) -> str:
    """The name of the figure of how many operations of a kind a run does."""
    return f"number of {kind}"


class Verdict:
    """What becomes of the settings that were tried."""

    KEEP = "keep"
    REVERT = "revert"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Figure:
    """One thing measured before and after, and the ratio of after to before.

    Of pairs of runs, before is the median at the program's own settings, and
    after that at the others; `greatest` is the ratio of the greatest of all runs
    to that at the program's own settings, where it matters. `ratio` is None where
    there is too little to tell it from, or nothing to divide by.
    """

    name: str
    unit: str
    before: float
    after: float
    ratio: Interval | None
    greatest: float | None = None


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


def decide(
    figures: Mapping[str, Figure], question: Question, kinds: Sequence[str] = ()
) -> tuple[str, str]:
    """Tell the verdict from figures by their names, and the reason for it.

    `kinds` are those of the operations that runs count; CPU time is that of one of the first.
    """
    rss, allowed = figures[RSS], question.budget
    verdict, reason = _over(rss, allowed) or _of_cpu(figures, question.precision, kinds)
    doubt = _doubt(rss, allowed) if verdict == Verdict.KEEP else ""
    return (Verdict.UNDECIDED, f"{reason}, but {doubt}") if doubt else (verdict, reason)


def _over(rss: Figure, budget: Size | Ratio) -> tuple[str, str] | None:
    if rss.ratio is None or rss.ratio.low <= _allowed(rss, budget):
        return None
    return Verdict.REVERT, f"the peak of rss grows by {rss.ratio.value - 1:.1%}, over budget"


def _doubt(rss: Figure, budget: Size | Ratio) -> str:
    """What speaks against keeping settings, though it does not tell against them for sure.

    One run that takes too much is what the system kills, however little others take.
    """
    if rss.ratio is None:
        return ""
    if rss.ratio.value > _allowed(rss, budget):
        return "the peak of rss may be over budget"
    if rss.greatest and rss.greatest > _allowed(rss, budget):
        return (
            f"the greatest peak of rss is {rss.greatest:.3g} times that of all runs at the"
            " program's own settings, over budget"
        )
    return ""


def _allowed(rss: Figure, budget: Size | Ratio) -> float:
    """What the peak of rss may be, times that at the program's own settings."""
    return 1 + (budget if isinstance(budget, Ratio) else budget / rss.before)


def _of_cpu(
    figures: Mapping[str, Figure], precision: float, kinds: Sequence[str]
) -> tuple[str, str]:
    share = figures[CPU].ratio
    if share is None:
        return Verdict.UNDECIDED, "too little CPU time was measured"
    plain = figures.get(per_operation(kinds[0]) if kinds else CPU_TIME)
    dearer = plain and extra_cost(plain, precision)
    if dearer:
        return Verdict.REVERT, dearer
    different = next(_different_work(figures, precision, kinds), "")
    if different:
        return Verdict.UNDECIDED, f"{different}: runs of different work cannot be compared"
    return _of_gain(figures, precision, *_cost(share, plain if kinds else None))


def extra_cost(plain: Figure, precision: float) -> str:
    """What plain CPU time grew by, that outside the collector too, which no share shows.

    Empty unless that is sure.
    """
    if plain.ratio is None or plain.ratio.low <= 1 + precision:
        return ""
    return f"takes {plain.ratio.value - 1:.1%} more {plain.name}"


def _different_work(
    figures: Mapping[str, Figure], precision: float, kinds: Sequence[str]
) -> Iterator[str]:
    """Of which operations other settings make runs do surely fewer, or far more."""
    for kind in kinds:
        ratio = figures[number_of(kind)].ratio
        if ratio and _surely(ratio, 1 - precision):
            yield f"does {1 - ratio.value:.1%} fewer of the {kind}"
        elif ratio and ratio.low > 1 and ratio.value > _AS_MANY:
            yield f"does {ratio.value:.3g} times as many of the {kind}"


def _cost(share: Interval, operation: Figure | None) -> tuple[str, Interval]:
    """What is compared, and the ratio of it.

    The collector's share is the surer of the two, unless what an operation takes belies it.
    """
    taken = operation and operation.ratio
    if operation and taken and not taken.low <= share.value <= taken.high:
        return operation.name, taken
    return CPU_TIME, share


def _of_gain(
    figures: Mapping[str, Figure], precision: float, cost: str, ratio: Interval
) -> tuple[str, str]:
    if ratio.value <= 1 - precision and ratio.high < 1:
        return Verdict.KEEP, f"saves {1 - ratio.value:.1%} of {cost}"
    if ratio.low <= 1 - precision:
        return Verdict.UNDECIDED, f"whether {cost} differs by {precision:.1%} cannot be told"
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
        f"saves less than {precision:.1%} of CPU time, and neither pauses nor memory for sure",
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
