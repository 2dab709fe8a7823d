"""`gctune schema`: the JSON Schema of gctune.toml."""

from __future__ import annotations

import click

from gctune.settings.schema import text


@click.command()
def schema() -> None:
    """Print the JSON Schema of gctune.toml, for editors and checkers."""
    click.echo(text(), nl=False)
