"""`gctune show`: the settings, where each comes from, and the plan on this host."""

from __future__ import annotations

import json

import click
from rich.console import Console

from gctune.host import this_host
from gctune.report.settings import as_data, render
from gctune.settings.resolve import resolve
from gctune.settings.sources import load


@click.command()
@click.option(
    "--environment", metavar="NAME", help="The environment to show, whatever the variables say."
)
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(environment: str | None, as_json: bool) -> None:
    """Show the settings, where each comes from, and the plan on this host.

    Then what is in force in the command's own interpreter. Changes nothing.
    """
    loaded = load(environment=environment)
    plan = resolve(loaded, this_host())
    if as_json:
        click.echo(json.dumps(as_data(loaded, plan), indent=2))
    else:
        Console(highlight=False).print(render(loaded, plan))
