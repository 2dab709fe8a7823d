"""`gctune validate`: a configuration checked, every environment at once."""

from __future__ import annotations

import json

import click

from gctune.cli.streams import say
from gctune.errors import ConfigError
from gctune.settings.sources import load_each


@click.command()
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def validate(file: str | None, as_json: bool) -> None:
    """Check FILE, or the configuration found here, every environment at once.

    The one in effect, which variables name, has to be one of them.

    Each problem is named once, on stderr, with exit status 1; so is a file
    that was not read, and is no problem as it says nothing to gctune.
    """
    try:
        each = load_each(file=file)
    except ConfigError as error:
        if as_json:
            click.echo(json.dumps({"environments": [], "problems": error.problems}, indent=2))
        raise
    for note in dict.fromkeys(note for loaded in each for note in loaded.notes):
        say(f"gctune: {note}")
    environments = [loaded.environment for loaded in each]
    if as_json:
        click.echo(json.dumps({"environments": environments, "problems": []}, indent=2))
    else:
        click.echo(f"no problem in {', '.join(environments)}")
