"""The end of a command that judges settings: the finding, and the verdict as exit status."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

import click

from gctune.cli.console import console
from gctune.report.data import as_data
from gctune.report.verify import render
from gctune.verifier.verdict import Finding, Verdict

_EXITS = {Verdict.KEEP: 0, Verdict.REVERT: 3, Verdict.UNDECIDED: 4}


def conclude(finding: Finding, columns: tuple[str, str], as_json: bool) -> NoReturn:
    """Print a finding and exit with its verdict; `columns` name the two sides."""
    if as_json:
        click.echo(json.dumps(as_data(finding), indent=2))
    else:
        console().print(render(finding, columns))
    sys.exit(_EXITS[finding.verdict])
