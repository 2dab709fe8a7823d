"""The command line: one file a command; the one place that catches errors and prints.

A command is a module of this folder with a click command of the module's name
(`run.py` holds `run`). It is imported when it is used, so that `gctune run`
does not pay for what `gctune recommend` needs.
"""

from __future__ import annotations

import sys
from errno import EBADF
from importlib import import_module

import click

from gctune import __version__
from gctune.cli.streams import (
    discard_output,
    escape_output,
    forgive_errors,
    mind_closed_output,
    say,
)
from gctune.errors import GctuneError, cut
from gctune.host.files import reason
from gctune.startup import disable_problem

COMMANDS = {
    "run": "run a program with the plan of its environment put on it",
    "capture": "record a profile of a real run",
    "recommend": "say what to change, from profiles",
    "verify": "run a program at its own settings and at others in turn, and say which to use",
    "compare": "compare two profiles of a service, before and after a change",
    "show": "show the settings, where each comes from, and the plan on this host",
    "validate": "check a configuration, every environment at once",
    "heap": "profile what a program holds by allocation site, and read such profiles",
    "top": "show a program's memory, collections and alerts as they go",
    "alerts": "show the alerts that the settings ask for, or write rules for Prometheus",
    "dashboard": "write a dashboard for Grafana",
    "doctor": "say what this interpreter, container and allocator allow",
    "schema": "print the JSON Schema of gctune.toml",
}

_LONGEST = 500  # characters of what click says of a command line


class _Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002
        """The names of the commands, in the order of use rather than of the alphabet."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"gctune.cli.{name}"), name)
        return command

    def invoke(self, context: click.Context) -> object:
        """Run the command; a usage error repeats no argument without end."""
        doubt = disable_problem()
        if doubt:
            say(f"gctune: {doubt}")
        try:
            return super().invoke(context)
        except click.UsageError as error:
            raise click.UsageError(cut(error.format_message(), _LONGEST), error.ctx) from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands with what each does, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="gctune")
def gctune() -> None:
    """Tune CPython's garbage collector and memory."""


def main() -> None:
    """Run the command line; what is wrong goes to stderr, a line for each problem."""
    mind_closed_output()
    escape_output()
    forgive_errors()
    try:
        gctune(prog_name="gctune")
    except GctuneError as error:
        say(str(error))
        sys.exit(error.exit_status)
    except OSError as error:
        say(_told(error))
        discard_output()
        sys.exit(1)


def _told(error: OSError) -> str:
    """Word a failure that no command foresaw; what fails in writing output names no file."""
    if error.filename is None and error.errno == EBADF:
        return "standard output: closed; have it go to a terminal, a file or a pipe"
    if error.filename is None:
        return f"standard output: {reason(error).lower()}; write to a place with room"
    return f"{cut(ascii(error.filename))}: {reason(error).lower()}; see that it can be used"
