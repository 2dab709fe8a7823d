"""`gctune alerts`: what somebody is to hear of, also as a rules file for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from gctune.cli.console import console
from gctune.cli.output import write
from gctune.cli.parameters import check_environment
from gctune.errors import ConfigError, problem
from gctune.report.alert_rules import render, rules_file
from gctune.settings.sources import Loaded, load


@click.command()
@click.option("--environment", metavar="NAME", help="The environment, whatever the variables say.")
@click.option("--prometheus", is_flag=True, help="Write a rules file for Prometheus.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --prometheus, write to FILE, over what it holds.",
)
def alerts(environment: str | None, prometheus: bool, output: Path | None) -> None:
    """Show the alerts that the settings ask for, or write them as rules for Prometheus."""
    if output and not prometheus:
        raise click.UsageError("-o takes the rules file of --prometheus")
    check_environment(environment)
    loaded = load(environment=environment)
    _check(loaded)
    if prometheus:
        write(rules_file(loaded), output)
    else:
        console().print(render(loaded))


def _check(loaded: Loaded) -> None:
    if loaded.settings.monitor.level == "off":
        wrong, remedy = "nothing is watched, so no alert is ever raised", "set it to basic or more"
        raise ConfigError([problem("monitor.level", "off", wrong, remedy)])
