"""`gctune doctor`: what this interpreter, container and allocator allow."""

from __future__ import annotations

import json

import click

from gctune.cli.console import USUAL, console
from gctune.report.data import as_data
from gctune.report.diagnosis import diagnose
from gctune.report.doctor import render


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the same facts as JSON.")
def doctor(as_json: bool) -> None:
    """Say what this interpreter, container and allocator allow.

    Reads only; the facts are those of the command's own process.
    """
    diagnosis = diagnose()
    if as_json:
        click.echo(json.dumps(as_data(diagnosis), indent=2))
    else:
        console(piped=USUAL).print(render(diagnosis))
