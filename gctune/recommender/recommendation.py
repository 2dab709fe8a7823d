"""What to change, or to leave alone, with the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gctune.errors import ProfileError, problem
from gctune.host.container import Limit
from gctune.host.interpreter import Interpreter
from gctune.profile.file import Profile
from gctune.recommender.budget import Budget, budget_of
from gctune.recommender.estimate import Estimate
from gctune.recommender.search import Captured, Goal, best, predict
from gctune.recommender.simulator import Prediction
from gctune.recommender.summary import Generation, Summary, summarise
from gctune.recommender.timeline import Thresholds
from gctune.settings.quantities import Ratio, Size, about

_WORTH = 0.01  # of CPU time, or of memory: less is within the noise of most programs
_LEAST_CPU_SECONDS = 0.5  # of a run that is to say anything about the next one
_NOTICEABLE_SECONDS = 0.01  # a pause that somebody might notice
_SHORTER = 0.5  # times the longest pause, that is worth a change for itself
_CONTRADICTS = 0.01  # of its own CPU time, that one profile loses while all together gain


class Verdict:
    """What a recommendation comes to."""

    CHANGE = "change"
    LEAVE_ALONE = "leave it alone"
    NOT_ENOUGH = "not enough evidence"


@dataclass(frozen=True)
class Change:
    """One setting, as captured and as recommended."""

    setting: str
    old: int | str
    new: int | str
    meaning: str


@dataclass(frozen=True)
class Predicted:
    """What the settings lead to, against the captured run.

    `cpu` is a ratio of CPU times, `pause_seconds` the longest collection in
    CPU time, `extra_bytes` what the peak of rss grows by.
    """

    cpu: Estimate
    gc_seconds: Estimate
    pause_seconds: Estimate
    extra_bytes: Estimate
    collections: tuple[int, int, int]


@dataclass(frozen=True)
class Evidence:
    """What one profile showed."""

    profile: str
    python: str
    command: tuple[str, ...]
    thresholds: Thresholds
    cpu_seconds: float
    peak_rss_bytes: int
    generations: tuple[Generation, Generation, Generation]
    told: tuple[str, ...]


@dataclass(frozen=True)
class Recommendation:
    """The answer: `changes` is empty unless the verdict is to change something.

    `predicted` is that of the best settings within the budget, whatever the
    verdict; None where there are none.
    """

    verdict: str
    reason: str
    goal: str
    target: str
    changes: tuple[Change, ...]
    captured: Captured
    predicted: Predicted | None
    budget: Budget
    evidence: tuple[Evidence, ...]
    risks: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def settings(self) -> dict[str, int | str]:
        """What puts the changes in force; empty without any.

        All three thresholds, the unchanged too: the prediction is of the three
        together, and the file may hold others.
        """
        if not self.changes:
            return {}
        captured = self.evidence[0].thresholds
        thresholds = {f"gc.threshold{number}": each for number, each in enumerate(captured)}
        return {**thresholds, **{change.setting: change.new for change in self.changes}}


def recommend(
    profiles: Sequence[Profile],
    goal: str,
    budget: Size | Ratio,
    limit: Limit | None,
    target: Interpreter,
) -> Recommendation:
    """Recommend settings for `target` from profiles of one program's processes.

    `budget` bounds what the peak of rss may grow by, in bytes or as a share of
    it; `limit` is the memory limit here, for profiles that know of none. Raises
    ProfileError where a profile is of another kind of collector.
    """
    for profile in profiles:
        _check_target(profile, target)
    summaries = sorted(map(summarise, profiles), key=lambda one: one.cpu_ns, reverse=True)
    captured = Captured.of(summaries)
    allowed = budget_of(budget, _captured_limit(profiles) or limit, captured.peak_rss_bytes)
    choice = best(summaries, goal, allowed.bytes)
    predicted = _predicted(choice, captured) if choice else None
    verdict, reason = _judge(summaries, captured, choice, predicted, goal)
    chosen = choice if verdict == Verdict.CHANGE else None
    return Recommendation(
        verdict=verdict,
        reason=reason,
        goal=goal,
        target=target.tag,
        changes=tuple(_changes(summaries[0].thresholds, chosen, target)),
        captured=captured,
        predicted=predicted,
        budget=allowed,
        evidence=tuple(map(_evidence, summaries)),
        risks=tuple(_risks(summaries, chosen, allowed)),
        notes=tuple(_notes(summaries, chosen, target)),
    )


def _check_target(profile: Profile, target: Interpreter) -> None:
    header = profile.header
    if header.collector != target.collector:
        wrong = (
            f"of the {header.collector} collector of {header.python},"
            f" and {target.tag} has the {target.collector} one"
        )
        raise ProfileError(
            problem("PROFILE", str(profile.path), wrong, "capture under the interpreter to tune")
        )


def _captured_limit(profiles: Sequence[Profile]) -> Limit | None:
    limits = [
        Limit(profile.header.limit_bytes, profile.header.limit_source)
        for profile in profiles
        if profile.header.limit_bytes
    ]
    return min(limits, default=None)


def _predicted(choice: Prediction, captured: Captured) -> Predicted:
    return Predicted(
        cpu=choice.cpu_ratio(captured.gc_seconds),
        gc_seconds=choice.gc_seconds,
        pause_seconds=choice.pause_seconds,
        extra_bytes=choice.extra_bytes,
        collections=choice.collections,
    )


def _judge(
    summaries: Sequence[Summary],
    captured: Captured,
    choice: Prediction | None,
    predicted: Predicted | None,
    goal: str,
) -> tuple[str, str]:
    """The verdict and the reason for it."""
    collections = sum(sum(summary.collections) for summary in summaries)
    seen = f"{collections} collections in {captured.cpu_seconds:.2f} s of CPU time"
    if captured.cpu_seconds < _LEAST_CPU_SECONDS:
        return Verdict.NOT_ENOUGH, f"{seen}; capture a longer run"
    if choice is None or predicted is None:
        return Verdict.LEAVE_ALONE, "no other settings serve the goal within the memory budget"
    if choice.thresholds == summaries[0].thresholds and not choice.freeze:
        return Verdict.LEAVE_ALONE, "the settings that it ran with are the best found"
    return _GOALS[goal](captured, predicted, seen)


def _throughput(captured: Captured, predicted: Predicted, seen: str) -> tuple[str, str]:
    gain = 1 - predicted.cpu.expected
    if gain >= _WORTH and predicted.cpu.high < 1:
        return Verdict.CHANGE, f"saves {gain:.1%} of CPU time"
    if _shorter(captured, predicted):
        return Verdict.CHANGE, "shortens the longest pause, at no more CPU time"
    if gain >= _WORTH:
        doubt = f"{predicted.cpu.low:.3f} to {predicted.cpu.high:.3f} times the CPU time"
        return Verdict.NOT_ENOUGH, f"{seen} allow for {doubt}; capture a longer run"
    share = captured.gc_seconds / captured.cpu_seconds
    return (
        Verdict.LEAVE_ALONE,
        f"the collector takes {share:.1%} of CPU time, and other settings would save"
        f" {max(gain, 0):.1%}: within the noise",
    )


def _latency(captured: Captured, predicted: Predicted, seen: str) -> tuple[str, str]:  # noqa: ARG001
    if _shorter(captured, predicted):
        return Verdict.CHANGE, "shortens the longest pause, at no more CPU time"
    return Verdict.LEAVE_ALONE, "no other settings shorten the longest pause by much"


def _memory(captured: Captured, predicted: Predicted, seen: str) -> tuple[str, str]:  # noqa: ARG001
    less = -predicted.extra_bytes.high
    if less >= _WORTH * captured.peak_rss_bytes:
        return Verdict.CHANGE, f"takes {about(round(less))} from the peak of rss"
    return Verdict.LEAVE_ALONE, "no other settings take much from the peak of rss"


_GOALS = {Goal.THROUGHPUT: _throughput, Goal.LATENCY: _latency, Goal.MEMORY: _memory}


def _shorter(captured: Captured, predicted: Predicted) -> bool:
    return (
        captured.pause_seconds >= _NOTICEABLE_SECONDS
        and predicted.pause_seconds.expected <= _SHORTER * captured.pause_seconds
        and predicted.cpu.expected <= 1
    )


def _changes(old: Thresholds, choice: Prediction | None, target: Interpreter) -> Iterator[Change]:
    if choice is None:
        return
    for number, (before, after) in enumerate(zip(old, choice.thresholds)):
        if before != after:
            knob = f"threshold{number}"
            yield Change(f"gc.{knob}", before, after, target.meaning(knob))
    if choice.freeze:
        yield Change("gc.freeze", "never", "startup", target.meaning("freeze"))


def _evidence(summary: Summary) -> Evidence:
    return Evidence(
        profile=summary.name,
        python=summary.header.python,
        command=summary.header.command,
        thresholds=summary.thresholds,
        cpu_seconds=summary.cpu_ns / 1e9,
        peak_rss_bytes=summary.peak_rss_bytes,
        generations=summary.generations,
        told=summary.told,
    )


def _risks(
    summaries: Sequence[Summary], choice: Prediction | None, budget: Budget
) -> Iterator[str]:
    if choice is None:
        return
    yield "garbage waits longer to be found; objects that hold much memory each make it more"
    if not choice.collections[2]:
        yield (
            "no full collection falls within a run as long as the captured one:"
            " old garbage piles up until there is one"
        )
    if not all(summary.whole for summary in summaries):
        yield "the program ran on after the recording; what it does later was not seen"
    if budget.limit is None:
        yield "no memory limit is known: nothing stops the program's memory from growing"
    if choice.freeze:
        yield "freeze acts where the program calls gctune.warmup_done(); what it froze stays"


def _notes(
    summaries: Sequence[Summary], choice: Prediction | None, target: Interpreter
) -> Iterator[str]:
    versions = {summary.header.version for summary in summaries}
    if versions != {target.version}:
        seen = ", ".join(map(_dotted, sorted(versions)))
        yield f"captured under {seen}, recommended for {_dotted(target.version)}"
    if len({summary.thresholds for summary in summaries}) > 1:
        yield "the profiles were captured at different thresholds"
    if choice is not None and len(summaries) > 1:
        yield from _contradictions(summaries, choice)


def _contradictions(summaries: Sequence[Summary], choice: Prediction) -> Iterator[str]:
    for summary in summaries:
        alone = predict([summary], choice.thresholds, choice.freeze)
        loss = alone.cpu_ratio(summary.gc_ns / 1e9).expected - 1
        if loss > _CONTRADICTS:
            yield f"{summary.name} contradicts: it would take {loss:.1%} more CPU time"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
