"""What more memory would buy: settings beyond the budget that save much more CPU time."""

from __future__ import annotations

from collections.abc import Iterator

from gctune.recommender.budget import Budget
from gctune.recommender.processes import Processes
from gctune.recommender.search import RISK, Choice
from gctune.settings.quantities import Ratio
from gctune.simulator.conduct import slashed
from gctune.simulator.simulator import Prediction

SHARES = (Ratio(0.25), Ratio(0.5), Ratio(1.0))  # of the peak of rss, that there may be to spare
_MUCH = 0.05  # of CPU time: less is not worth as much memory


def tradeoff(processes: Processes, choice: Choice, budgets: dict[Ratio, Budget]) -> Iterator[str]:
    """Tell the least of the budgets, by the share that they are, that would save much more."""
    own = max(choice.best.gain, 0.0) if choice.best else 0.0
    for share, budget in budgets.items():
        better = _best(processes, choice, budget.bytes, own + _MUCH)
        if better:
            instead = f" instead of {own:.0%}" if own else ""
            yield (
                f"--memory-budget {share} would allow {slashed(better.thresholds)}, which saves"
                f" about {better.gain:.0%} of CPU time{instead}"
            )
            return


def _best(
    processes: Processes, choice: Choice, budget_bytes: int, least: float
) -> Prediction | None:
    """What saves most within a budget, looked at as closely as what is recommended.

    None where that is less than `least`.
    """
    within = [one for one in choice.tried if one.risk(budget_bytes) <= RISK]
    best = max(within, key=lambda one: one.gain, default=None)
    if best is None or best.gain < least:
        return None
    closely = processes.predict_about(best.thresholds, best.freeze)
    return closely if closely.gain >= least and closely.risk(budget_bytes) <= RISK else None
