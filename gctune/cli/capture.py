"""`gctune capture`: a profile of a real run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import click

from gctune.cli.output import folder_problems
from gctune.cli.streams import say
from gctune.errors import UsageError, problem
from gctune.profile.file import absolute, looks_like_profile, siblings
from gctune.runtime.launch import bootstrap_environment, execute, find
from gctune.startup import DISABLED, disabled


def _positive(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    seconds: float | None,
) -> float | None:
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise click.BadParameter("give a number of seconds above 0")
    return seconds


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "-o",
    "--output",
    metavar="PROFILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to make; each further Python process makes PROFILE.<pid>.",
)
@click.option(
    "--seconds",
    type=float,
    callback=_positive,
    help="Stop recording after so many seconds of each process; the program goes on.",
)
@click.option("--force", is_flag=True, help="Remove an earlier PROFILE, and its PROFILE.<pid>.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def capture(output: Path, seconds: float | None, force: bool, command: tuple[str, ...]) -> None:
    """Run COMMAND at its own settings, and record a profile of it.

    \b
    gctune capture -o app.profile -- python app.py
    gctune capture -o web.profile --seconds 600 -- gunicorn -w 2 app:app

    COMMAND keeps its process id, signals and exit status.
    """  # noqa: D301 - click wants the character itself
    output = absolute(output)
    problems = list(_objections(output, force=force))
    if problems:
        raise UsageError("\n".join(problems))
    environ = bootstrap_environment(
        GCTUNE_CAPTURE=json.dumps({"path": str(output), "seconds": seconds})
    )
    find(command[0], environ)  # before anything is removed for it
    for earlier in _existing(output):
        earlier.unlink()
    say(f"gctune: {_intention(output, disabled(environ))}")
    execute(command, environ)


def _existing(output: Path) -> list[Path]:
    return [path for path in (output, *siblings(output)) if os.path.lexists(path)]


def _objections(output: Path, *, force: bool) -> Iterator[str]:
    for earlier in _existing(output):
        if not force:
            yield problem("-o", str(earlier), "exists already", "give another name, or --force")
        elif not looks_like_profile(earlier):
            yield problem("-o", str(earlier), "not a profile", "remove it yourself")
    yield from folder_problems("-o", output)


def _intention(output: Path, idle: bool) -> str:
    if idle:
        return f"{DISABLED}: no profile will be written"
    return f"recording to {output}; afterwards: gctune recommend {output}"
