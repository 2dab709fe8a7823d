"""`gctune verify`: whether settings are better than a program's own, by running it both ways."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import click

from gctune.cli.conclusion import conclude
from gctune.cli.interruption import interrupt_at_any_end
from gctune.cli.parameters import check_environment, least_difference, memory_budget, read_by
from gctune.cli.progress import progress
from gctune.errors import UsageError, problem
from gctune.host import this_host
from gctune.host.container import read_container
from gctune.host.interpreter import this_interpreter
from gctune.profile.siblings import read_all
from gctune.recommender.recommendation import recommend
from gctune.recommender.search import Goal
from gctune.runtime.launch import bootstrap_environment
from gctune.runtime.plan import Plan, Status, Step, is_own
from gctune.settings.quantities import Duration, Ratio, Size, duration
from gctune.settings.resolve import resolve
from gctune.settings.sources import load
from gctune.startup import DISABLED, disabled
from gctune.verifier.trial import TimeUpError, Trial
from gctune.verifier.verdict import Finding, Question
from gctune.verifier.verify import Pair, is_over, judge, next_look, so_far


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The settings to try; without it, the file that gctune run would take.",
)
@click.option(
    "--environment",
    default="production",
    metavar="NAME",
    show_default=True,
    help="The environment of the file to try.",
)
@click.option(
    "--profile",
    metavar="PROFILE",
    type=click.Path(readable=False, path_type=Path),
    help="Try what gctune recommend says of this profile, in place of a file.",
)
@click.option(
    "--max-time",
    "limit",
    default="10m",
    show_default=True,
    callback=read_by(partial(duration, least=1.0)),
    help="How long all runs together may take.",
)
@least_difference
@memory_budget
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def verify(
    config: Path | None,
    environment: str,
    profile: Path | None,
    limit: Duration,
    precision: Ratio,
    budget: Size | Ratio,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND at its own settings and at others in turn, and say which to use.

    \b
    gctune verify -- python report.py
    gctune verify --profile app.profile --max-time 30m -- python report.py

    COMMAND must come to an end by itself; it reads nothing, and what it writes
    is thrown away. Exits with 0 for keep (or nothing to verify), 3 for revert,
    4 for undecided.
    """  # noqa: D301 - click wants the character itself
    _check(config, profile)
    plan, nothing = _of_profile(profile, budget) if profile else _of_file(config, environment)
    if nothing:
        _print_nothing(nothing, as_json)
        return
    interrupt_at_any_end()
    trial = Trial(command, bootstrap_environment(), time.monotonic() + limit)
    conclude(_found(trial, plan, Question(precision, budget)), ("default", "tried"), as_json)


def _check(config: Path | None, profile: Path | None) -> None:
    if config and profile:
        wrong, remedy = "given together with --profile", "give one of them"
        raise UsageError(problem("--config", str(config), wrong, remedy))
    if disabled():
        wrong, remedy = f"nothing can be tried: {DISABLED}", "unset it"
        raise UsageError(problem("GCTUNE_DISABLE", "1", wrong, remedy))


def _of_file(config: Path | None, environment: str) -> tuple[Plan, str]:
    """The plan of what a settings file names, and why there is nothing to verify, if so.

    What only a preset says is left out: it is not what somebody wants to try.
    """
    file = str(config) if config else None
    check_environment(environment, file)
    plan = resolve(load(environment=environment, file=file), this_host())
    own = [step for step in plan.steps if step.status == Status.APPLIED and is_own(step.origin)]
    nothing = "" if own else f"nothing sets anything for {environment}"
    return plan._replace(steps=tuple(own)), nothing


def _of_profile(profile: Path, budget: Size | Ratio) -> tuple[Plan, str]:
    """The plan that a profile leads to, and why there is nothing to verify in it, if so."""
    limit, interpreter = read_container().limit, this_interpreter()
    answer = recommend(read_all(profile), Goal.THROUGHPUT, budget, limit, interpreter)
    steps = [
        Step(setting, value, Status.APPLIED, answer.reason, str(profile))
        for setting, value in answer.settings.items()
    ]
    nothing = "" if steps else f"{answer.verdict}: {answer.reason}"
    return Plan("recommended", interpreter.tag, tuple(steps), ()), nothing


def _print_nothing(reason: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"verdict": None, "reason": reason}, indent=2))
    else:
        click.echo(f"nothing to verify: {reason}")


def _found(trial: Trial, plan: Plan, question: Question) -> Finding:
    """Run pairs until the verdict can be told, the time is up, or somebody interrupts."""
    pairs: list[Pair] = []
    try:
        with progress("a first run, which is not counted") as tell:
            for pair in trial.pairs(plan._replace(steps=()), plan):
                pairs.append(pair)
                tell(len(pairs), next_look(pairs), so_far(pairs))
                if is_over(pairs, question):
                    break
    except TimeUpError as error:
        return judge(pairs, question, f"{error}, and --max-time allows for no more")
    except KeyboardInterrupt:
        return judge(pairs, question, "interrupted")
    return judge(pairs, question)
