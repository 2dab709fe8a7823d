"""`gctune show`: the settings, where each comes from, and the plan on this host."""

from __future__ import annotations

import json

import click

from gctune.cli.console import console
from gctune.cli.parameters import check_environment
from gctune.host import this_host
from gctune.report.settings import as_data, render
from gctune.runtime.plan import Plan, Status
from gctune.settings.resolve import resolve
from gctune.settings.sources import load
from gctune.startup import DISABLED, disabled


@click.command()
@click.option(
    "--environment", metavar="NAME", help="The environment to show, whatever the variables say."
)
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(environment: str | None, as_json: bool) -> None:
    """Show the settings, where each comes from, and the plan on this host.

    Then what is in force in the command's own interpreter. Changes nothing.
    """
    check_environment(environment)
    loaded = load(environment=environment)
    plan = resolve(loaded, this_host())
    plan = _left_alone(plan) if disabled() else plan
    if as_json:
        click.echo(json.dumps(as_data(loaded, plan), indent=2))
    else:
        console().print(render(loaded, plan))


def _left_alone(plan: Plan) -> Plan:
    """The plan where gctune is turned off: nothing of it is put in force."""
    steps = tuple(
        step._replace(status=Status.LEFT_ALONE, reason=DISABLED)
        if step.status == Status.APPLIED
        else step
        for step in plan.steps
    )
    return plan._replace(steps=steps, warnings=())
