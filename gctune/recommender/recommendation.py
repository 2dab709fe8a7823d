"""What to change, or to leave alone, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gctune.errors import ProfileError, problem
from gctune.host.container import Limit
from gctune.host.interpreter import Interpreter, stock
from gctune.profile.file import Profile
from gctune.profile.records import Header
from gctune.recommender.adaptive import Adaptive, adaptive, told
from gctune.recommender.budget import Budget, budget_of
from gctune.recommender.exploration import explored, too_short
from gctune.recommender.judgement import Verdict, judge
from gctune.recommender.processes import Captured, Processes
from gctune.recommender.remarks import notes, risks
from gctune.recommender.search import Goal, choose
from gctune.recommender.tradeoff import SHARES, tradeoff
from gctune.settings.quantities import Ratio, Size
from gctune.simulator.conduct import Thresholds
from gctune.simulator.estimate import Estimate
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import Generation, Summary, summarise


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

    `cpu` is a ratio of CPU times, to those of runs like the captured one, whose
    collections take `usual_seconds`.
    `pause_seconds` is the longest collection in CPU time, `settled_seconds` the
    longest once the program has started up, which was `settled_before`.
    `extra_bytes` is what the peak of rss grows by.
    """

    cpu: Estimate
    gc_seconds: Estimate
    usual_seconds: float
    pause_seconds: Estimate
    settled_seconds: float
    settled_before: float
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
    verdict; None where there are none. `adaptive` is that of adaptive mode, None
    where that would leave the program alone, or takes too long to tell.
    """

    verdict: str
    reason: str
    goal: str
    target: str
    changes: tuple[Change, ...]
    captured: Captured
    predicted: Predicted | None
    adaptive: Adaptive | None
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
    target: Interpreter | None = None,
) -> Recommendation:
    """Recommend settings for `target` from profiles of one program's processes, or runs.

    Without a `target` they are for the interpreter that was captured.
    `budget` bounds what the peak of rss may grow by, in bytes or as a share of
    it; `limit` is the memory limit here, for profiles that know of none. Raises
    ProfileError where a profile is of another kind of collector, of another
    Python than the rest, or of adaptive mode.
    """
    return next(recommendations(profiles, [goal], budget, limit, target))


def recommendations(
    profiles: Sequence[Profile],
    goals: Iterable[str],
    budget: Size | Ratio,
    limit: Limit | None,
    target: Interpreter | None = None,
) -> Iterator[Recommendation]:
    """Yield what `recommend` says for each goal, in less time: they share what was replayed."""
    target = target or _interpreter(profiles[0].header)
    _check(profiles, target)
    processes = Processes.of(map(summarise, profiles))
    captured = processes.captured
    limit = _captured_limit(profiles) or limit
    allowed = budget_of(budget, limit, captured.peak_rss_bytes)
    larger = _larger(allowed, limit, captured.peak_rss_bytes)
    seen = explored(profiles)
    paced = adaptive(processes, allowed.bytes)
    for goal in goals:
        choice = choose(processes, goal, allowed.bytes, seen)
        verdict, reason = judge(processes, choice.best, goal)
        chosen = choice.best if verdict == Verdict.CHANGE else None
        yield Recommendation(
            verdict=verdict,
            reason=reason,
            goal=goal,
            target=target.tag,
            changes=tuple(_changes(processes.thresholds, chosen, target)) if chosen else (),
            captured=captured,
            predicted=_predicted(choice.best) if choice.best else None,
            adaptive=paced,
            budget=allowed,
            evidence=tuple(map(_evidence, processes.summaries)),
            risks=tuple(risks(processes, chosen, allowed)) if chosen else (),
            notes=(
                *notes(processes, choice.passed_over, target),
                *(seen.told() if seen else too_short(profiles)),
                *(told(paced, chosen, captured) if paced else ()),
                *(tradeoff(processes, choice, larger) if _may_trade(goal, verdict) else ()),
            ),
        )


def _check(profiles: Sequence[Profile], target: Interpreter) -> None:
    first = profiles[0].header
    for profile in profiles:
        header = profile.header
        if profile.paced:
            wrong = "of adaptive mode, whose thresholds are not the program's own"
            raise _refused(profile, wrong, "capture with GCTUNE_GC__MODE=static")
        if header.collector != target.collector:
            wrong = (
                f"of the {header.collector} collector of {header.python},"
                f" and {target.tag} has the {target.collector} one"
            )
            raise _refused(profile, wrong, "capture under the interpreter to tune")
        if header.version[:2] != first.version[:2]:
            wrong = f"of {header.python}, and {profiles[0].path} is of {first.python}"
            raise _refused(profile, wrong, "ask for each Python apart")


def _larger(allowed: Budget, limit: Limit | None, peak_bytes: int) -> dict[Ratio, Budget]:
    """Larger budgets than what is allowed, as far as the limit allows for them."""
    budgets = {share: budget_of(share, limit, peak_bytes) for share in SHARES}
    return {
        share: budget
        for share, budget in budgets.items()
        if allowed.bytes < budget.bytes == int(peak_bytes * share)
    }


def _may_trade(goal: str, verdict: str) -> bool:
    return goal == Goal.THROUGHPUT and verdict in (Verdict.CHANGE, Verdict.LEAVE_ALONE)


def _interpreter(header: Header) -> Interpreter:
    return stock(header.implementation, header.version, header.collector)


def _refused(profile: Profile, wrong: str, remedy: str) -> ProfileError:
    return ProfileError(problem("PROFILE", str(profile.path), wrong, remedy))


def _captured_limit(profiles: Sequence[Profile]) -> Limit | None:
    limits = [
        Limit(profile.header.limit_bytes, profile.header.limit_source)
        for profile in profiles
        if profile.header.limit_bytes
    ]
    return min(limits, default=None)


def _predicted(choice: Prediction) -> Predicted:
    return Predicted(
        cpu=choice.cpu,
        gc_seconds=choice.gc_seconds,
        usual_seconds=choice.was_seconds,
        pause_seconds=choice.pause_seconds,
        settled_seconds=choice.settled_seconds,
        settled_before=choice.settled_before,
        extra_bytes=choice.extra_bytes,
        collections=choice.collections,
    )


def _changes(old: Thresholds, choice: Prediction, target: Interpreter) -> Iterator[Change]:
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
