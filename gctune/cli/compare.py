"""`gctune compare`: two captures of one service, before and after a change."""

from __future__ import annotations

from pathlib import Path

import click

from gctune.cli.conclusion import conclude
from gctune.cli.parameters import least_difference, memory_budget
from gctune.profile.siblings import read_all
from gctune.settings.quantities import Ratio, Size
from gctune.verifier.compare import compare as compared
from gctune.verifier.verdict import Question

_PROFILE = click.Path(readable=False, path_type=Path)


@click.command()
@click.argument("before", metavar="BEFORE", type=_PROFILE)
@click.argument("after", metavar="AFTER", type=_PROFILE)
@least_difference
@memory_budget
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def compare(
    before: Path, after: Path, precision: Ratio, budget: Size | Ratio, as_json: bool
) -> None:
    """Compare two profiles of a service, and say whether to keep what was changed.

    The profiles PROFILE.<pid> of its children, beside each, are taken along.
    Exits with 0 for keep, 3 for revert, 4 for undecided.
    """
    finding = compared(read_all(before), read_all(after), Question(precision, budget))
    conclude(finding, ("before", "after"), as_json)
