"""What a reader of a recommendation should mind."""

from __future__ import annotations

from collections.abc import Iterator

from gctune.host.interpreter import Interpreter
from gctune.recommender.budget import Budget
from gctune.recommender.phases import StartUp
from gctune.recommender.processes import Processes
from gctune.simulator.conduct import apart, slashed
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import Summary

_RISING = 3.0  # times as much garbage as before, that spans of a steady program do not differ by
_CONTRADICTS = 0.01  # of its own CPU time, that one profile loses while all together gain


def risks(processes: Processes, chosen: Prediction, budget: Budget) -> Iterator[str]:
    """What may go otherwise than predicted."""
    if apart(chosen.thresholds) > apart(processes.thresholds):
        yield "garbage waits longer to be found; objects that hold much memory each make it more"
    if not chosen.collections[2]:
        yield (
            "no full collection falls within a run as long as the captured one:"
            " old garbage piles up until there is one"
        )
    if any(map(_rising, processes.summaries)):
        yield "garbage only began to pile up as the recording ended: a longer run may hold more"
    if not all(summary.whole for summary in processes.summaries):
        yield "the program ran on after the recording; what it does later was not seen"
    if budget.limit is None:
        yield "no memory limit is known: nothing stops the program's memory from growing"
    if chosen.freeze:
        yield "freeze acts where the program calls gctune.warmup_done(); what it froze stays"
        yield from map(_startup, filter(None, processes.starts[:1]))
    if any(summary.conduct.steers for summary in processes.summaries):
        yield (
            "the program sets its thresholds itself: these hold only where gctune.apply()"
            " comes after that, or in place of it"
        )


def _rising(summary: Summary) -> bool:
    stretches = summary.stretches[-1:]
    return any(stretch.timeline.garbage.rising > _RISING for stretch in stretches)


def _startup(start: StartUp) -> str:
    return (
        f"its heap had its later size after {start.seconds:.1f} s, with"
        f" {start.objects} objects: call gctune.warmup_done() no earlier"
    )


def notes(
    processes: Processes, passed_over: Prediction | None, target: Interpreter
) -> Iterator[str]:
    """How the profiles differ from each other, and from what is recommended for."""
    summaries = processes.summaries
    versions = {summary.header.version for summary in summaries}
    if versions != {target.version}:
        seen = ", ".join(map(_dotted, sorted(versions)))
        yield f"captured under {seen}, recommended for {_dotted(target.version)}"
    if len({summary.thresholds for summary in summaries}) > 1:
        yield "the profiles were captured at different thresholds"
    if passed_over is not None and len(summaries) > 1:
        yield from _contradictions(processes, passed_over)


def _contradictions(processes: Processes, better: Prediction) -> Iterator[str]:
    best = f"{slashed(better.thresholds)}, the best for all together,"
    for summary in processes.summaries:
        loss = Processes.of([summary]).predict(better.thresholds, better.freeze).worst - 1
        if loss > _CONTRADICTS:
            yield f"{summary.name} contradicts: {best} would take {loss:.1%} more of its CPU time"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
