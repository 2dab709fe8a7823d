"""`gctune dashboard`: what the endpoint tells, as a dashboard for Grafana."""

from __future__ import annotations

from pathlib import Path

import click

from gctune.cli.output import write
from gctune.report.dashboard import dashboard as content


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE, over what it holds, and not to standard output.",
)
def dashboard(output: Path | None) -> None:
    """Write a dashboard for Grafana: pauses, CPU, memory, pools and alerts."""
    write(content(), output)
