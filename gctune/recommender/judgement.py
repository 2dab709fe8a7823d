"""Whether to change anything, and why."""

from __future__ import annotations

from gctune.recommender.processes import Processes
from gctune.recommender.search import UNNOTICED_SECONDS, Goal, is_free
from gctune.settings.quantities import about
from gctune.simulator.simulator import Prediction

_WORTH = 0.01  # of CPU time: less is within the noise of most programs
_WORTH_MEMORY = 0.05  # of the peak of rss, at least: what it costs in CPU time is not as sure
_LEAST_CPU_SECONDS = 0.5  # of a run that is to say anything about the next one
_LEAST_COLLECTIONS = 8  # that are to say what one costs
_LEAST_RECORDED = 0.9  # of the collections: what is missing errs the cost by as much
_NONE = {
    Goal.LATENCY: "no other settings shorten the longest pause by much",
    Goal.MEMORY: "no other settings take much from the peak of rss",
}
_SHORTER = 0.7  # times the longest pause, that is worth a change for itself
_DEAR = 0.05  # of CPU time, that nobody spends unasked on what may save some, or a shorter pause
_RISK = 0.25  # the chance of that, which is taken


class Verdict:
    """What a recommendation comes to."""

    CHANGE = "change"
    LEAVE_ALONE = "leave it alone"
    NOT_ENOUGH = "not enough evidence"


def judge(processes: Processes, choice: Prediction | None, goal: str) -> tuple[str, str]:
    """The verdict and the reason for it."""
    if processes.disabled:
        return Verdict.LEAVE_ALONE, "the program keeps the collector disabled: no threshold acts"
    lacking = _lacking(processes)
    if lacking:
        return Verdict.NOT_ENOUGH, lacking
    if choice is None:
        return Verdict.LEAVE_ALONE, "no other settings serve the goal within the memory budget"
    if choice.thresholds == processes.thresholds and not choice.freeze:
        return Verdict.LEAVE_ALONE, _none_better(processes, goal)
    return _GOALS[goal](processes, choice)


def _lacking(processes: Processes) -> str:
    """What the evidence lacks; empty where it is enough."""
    captured = processes.captured
    costly = captured.gc_seconds >= _WORTH * captured.cpu_seconds
    few = costly and processes.collections < _LEAST_COLLECTIONS
    if captured.cpu_seconds < _LEAST_CPU_SECONDS or few:
        return f"{_seen(processes)}; capture a longer run"
    if processes.recorded < _LEAST_RECORDED:
        return f"{processes.recorded:.0%} of the collections were recorded; capture again"
    if processes.leaves_unseen:
        return (
            "generation 1 finds garbage, and no full collection came that would tell how much"
            " it leaves; capture a longer run"
        )
    return ""


def _seen(processes: Processes) -> str:
    took = f"{processes.captured.cpu_seconds:.2f} s of CPU time"
    return f"{processes.collections} collections in {took}"


def _share(processes: Processes) -> str:
    return f"{processes.captured.gc_seconds / processes.captured.cpu_seconds:.1%}"


def _none_better(processes: Processes, goal: str) -> str:
    if goal != Goal.THROUGHPUT:
        return _NONE[goal]
    share = _share(processes)
    return (
        f"the collector takes {share} of CPU time, and no other settings within the memory"
        " budget do better"
    )


def _throughput(processes: Processes, choice: Prediction) -> tuple[str, str]:
    cpu = choice.cpu
    gain = 1 - cpu.expected
    if gain >= _WORTH and cpu.high < 1 + gain:  # it may cost less than it is to save
        return Verdict.CHANGE, f"saves {gain:.1%} of CPU time"
    if gain >= 0 and choice.gain >= _WORTH and not _may_well_cost_much(choice):
        return Verdict.CHANGE, _likely(choice.gain, choice.gain - gain)
    if _shorter(choice) and _is_surely_free(choice, processes):
        return Verdict.CHANGE, "shortens the longest pause, at no more CPU time"
    if gain >= _WORTH:
        doubt = f"{cpu.low:.3f} to {cpu.high:.3f} times the CPU time"
        return Verdict.NOT_ENOUGH, f"{_seen(processes)} allow for {doubt}; capture a longer run"
    return Verdict.LEAVE_ALONE, (
        f"the collector takes {_share(processes)} of CPU time, and other settings would save"
        f" {max(gain, 0):.1%}: within the noise"
    )


def _likely(gain: float, soon: float) -> str:
    """Why to change what is foretold to gain, though not for sure; `soon` is what of it is ahead.

    On programs that this was tried on such settings gained more often than they cost.
    """
    if soon >= _WORTH:
        return f"saves {gain:.1%} of CPU time in a longer run: a full collection was about to come"
    return f"is likely to save {gain:.1%} of CPU time"


def _is_surely_free(choice: Prediction, processes: Processes) -> bool:
    """Whether it costs no more CPU time, and for all that is in doubt not much more."""
    return is_free(choice, processes) and not _may_well_cost_much(choice)


def _may_well_cost_much(choice: Prediction) -> bool:
    return choice.cpu.chance_above(1 + _DEAR) > _RISK


def _latency(processes: Processes, choice: Prediction) -> tuple[str, str]:
    if _shorter(choice, "settled_seconds") and _is_surely_free(choice, processes):
        since = "" if _shorter(choice) else " once the program has started up"
        return Verdict.CHANGE, f"shortens the longest pause{since}, at no more CPU time"
    return Verdict.LEAVE_ALONE, _NONE[Goal.LATENCY]


def _memory(processes: Processes, choice: Prediction) -> tuple[str, str]:
    less = -choice.extra_bytes.high
    if less >= _WORTH_MEMORY * processes.captured.peak_rss_bytes:
        return Verdict.CHANGE, f"takes {about(round(less))} from the peak of rss"
    return Verdict.LEAVE_ALONE, _NONE[Goal.MEMORY]


_GOALS = {Goal.THROUGHPUT: _throughput, Goal.LATENCY: _latency, Goal.MEMORY: _memory}


def _shorter(choice: Prediction, pause: str = "pause_seconds") -> bool:
    was: float = getattr(choice.was, pause)
    will: float = getattr(choice.toll, pause)
    return will <= _SHORTER * was and was > UNNOTICED_SECONDS
