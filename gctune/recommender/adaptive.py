"""What adaptive mode would do for a captured program, and whether that is worth telling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gctune.defaults import GARBAGE_BUDGET, PAUSE_TARGET
from gctune.pacing.pace import Goal
from gctune.recommender.processes import Captured, Processes
from gctune.simulator.estimate import Estimate, greatest, spread, total
from gctune.simulator.generations import OLD
from gctune.simulator.paced import Paced, pace
from gctune.simulator.simulator import Prediction
from gctune.simulator.summary import Summary

_GOAL = Goal(int(PAUSE_TARGET * 1e9), GARBAGE_BUDGET)  # as nothing is set
_RUNS = 0.3  # of GC's CPU time, of which two runs alike differ by 0.2
_FACTOR = 2.0  # times the longest pause, likewise
_WORTH = 0.01  # of CPU time: less is within the noise
_SHORTER = 1 / _FACTOR  # times the longest pause, that is no error of the prediction
# Of what full collections look at: more garbage dies old, and piles up where adaptive mode has it
# frozen. A choice: of gctune's own profiles eleven have 0.07 at most, six 0.17 or more.
_DIES_OLD = 0.1
_NOTICEABLE_SECONDS = 0.01  # a pause that somebody might notice


@dataclass(frozen=True)
class Adaptive:
    """A captured run in adaptive mode (gc.mode), against what it was.

    `cpu` is a ratio of CPU times, `pause_seconds` the longest collection in
    CPU time; the ranges are between garbage that lived as long as it may have and
    as short. Peaks of rss cannot be told so: `over_budget` says that garbage which
    is not looked at may take more than may be, as where much of it dies old.
    """

    cpu: Estimate
    pause_seconds: Estimate
    over_budget: bool


def adaptive(processes: Processes, budget_bytes: int) -> Adaptive | None:
    """Predict adaptive mode for all processes together, whose peak may grow by so many bytes.

    None where it would leave one of them alone, where one takes too long to
    replay, and where no CPU time was captured.
    """
    runs = [_both(summary) for summary in processes.summaries]
    known = [run for run in runs if run]
    captured = processes.captured
    whole, other = captured.cpu_seconds, captured.cpu_seconds - captured.gc_seconds
    if len(known) < len(runs) or not whole:
        return None
    gc_seconds, pauses, grown = zip(*known)
    memory = [total([grown[place] for place in crowd]) for crowd in processes.crowds]
    return Adaptive(
        total(list(gc_seconds)).map(1 / whole, other / whole),
        greatest(list(pauses)),
        greatest(memory).high > budget_bytes or any(map(_dies_old, processes.summaries)),
    )


def _dies_old(summary: Summary) -> bool:
    old = summary.generations[OLD]
    return old.collected > _DIES_OLD * old.examined


def told(one: Adaptive, choice: Prediction | None, captured: Captured) -> Iterator[str]:
    """Tell of it where it takes much shorter pauses than `choice`, or for certain less CPU time."""
    cpu = choice.cpu.expected if choice else 1.0
    pause = choice.pause_seconds.expected if choice else captured.pause_seconds
    ours = one.pause_seconds.expected
    shorter = pause >= _NOTICEABLE_SECONDS and ours <= _SHORTER * pause
    fits = not one.over_budget and one.cpu.expected < 1 + _WORTH
    if fits and (shorter or one.cpu.high <= cpu - _WORTH):
        yield (
            f'gc.mode = "adaptive" would take pauses of {_ms(ours)} instead of {_ms(pause)},'
            f" {_saved(one.cpu, cpu)}"
        )


def _saved(ours: Estimate, theirs: float) -> str:
    if ours.high >= 1:
        return "at about the same CPU time"
    instead = f" instead of {1 - theirs:.0%}" if theirs < 1 else ""
    return f"and save about {1 - ours.expected:.0%} of CPU time{instead}"


def _both(summary: Summary) -> tuple[Estimate, Estimate, Estimate] | None:
    """GC's seconds, the longest pause and the memory, by long lives of garbage and by short."""
    own = summary.conduct
    if own.steers or own.disabled:
        return None
    long, short = pace(summary, _GOAL), pace(summary, _GOAL, short=True)
    return _estimates(long, short) if long and short else None


def _estimates(*runs: Paced) -> tuple[Estimate, Estimate, Estimate]:
    return (
        spread([_by(run.gc_seconds, 1 - _RUNS, 1 + _RUNS) for run in runs]),
        spread([_by(run.pause_seconds, 1 / _FACTOR, _FACTOR) for run in runs]),
        spread([run.grown_bytes for run in runs]),
    )


def _by(figure: float, low: float, high: float) -> Estimate:
    return Estimate(figure, low * figure, high * figure)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"
