"""`gctune capture`: a profile of a real run."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click

from gctune.cli.output import file_problems, folder_problems
from gctune.cli.parameters import positive
from gctune.cli.streams import say
from gctune.errors import UsageError, problem
from gctune.profile.earlier import earlier_files
from gctune.profile.file import absolute, looks_like_profile
from gctune.profile.siblings import siblings
from gctune.runtime.launch import bootstrap_environment, execute, find
from gctune.startup import DISABLED, disabled


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
    metavar="DURATION",
    callback=positive,
    help="Stop recording after so many seconds, or 5m, of each process; the program goes on.",
)
@click.option(
    "--explore",
    is_flag=True,
    help="Try other thresholds meanwhile, in short windows and under a bound for memory.",
)
@click.option("--force", is_flag=True, help="Replace an earlier PROFILE, and its PROFILE.<pid>.")
@click.option(
    "--url",
    metavar="URL",
    help="Record the program that serves its endpoints there, 30 seconds if not given.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def capture(
    output: Path,
    seconds: float | None,
    explore: bool,
    force: bool,
    url: str | None,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND at its own settings, and record a profile of it; or of a program under way.

    \b
    gctune capture -o app.profile -- python app.py
    gctune capture -o web.profile --seconds 600 -- gunicorn -w 2 app:app
    gctune capture -o web.profile --explore -- python -m uvicorn app:app
    gctune capture -o web.profile --seconds 30 --url http://127.0.0.1:6060

    COMMAND keeps its process id, signals and exit status.
    """  # noqa: D301 - click wants the character itself
    if bool(url) == bool(command):
        raise click.UsageError("give either -- COMMAND, or --url URL")
    if url and explore:
        raise click.UsageError("--explore tries settings on a COMMAND, not on a --url")
    typed, output = output, absolute(output)
    problems = list(_objections(typed, force=force))
    if problems:
        raise UsageError("\n".join(problems))
    if url:
        _fetch(url, output, seconds)
    else:
        _run(command, output, seconds, explore)


def _fetch(url: str, output: Path, seconds: float | None) -> None:
    from gctune.cli.fetch import USUAL_SECONDS, keep, record

    parts = record(url, seconds or USUAL_SECONDS)
    say(f"gctune: recording to {output}; {_next_step(output)}")
    keep(output, parts, earlier_files(_existing(output)))


def _run(command: Sequence[str], output: Path, seconds: float | None, explore: bool) -> NoReturn:
    earlier = earlier_files(_existing(output))
    asked: dict[str, object] = {"path": str(output), "seconds": seconds, "explore": explore}
    asked |= {"earlier": earlier} if earlier else {}
    environ = bootstrap_environment(GCTUNE_CAPTURE=json.dumps(asked))
    find(command[0], environ)  # before anything is said of it
    say(f"gctune: {_intention(output, disabled(environ))}")
    execute(command, environ)


def _existing(output: Path) -> list[Path]:
    return [path for path in (output, *siblings(output)) if os.path.lexists(path)]


def _objections(output: Path, *, force: bool) -> Iterator[str]:
    for earlier in _existing(output):
        if earlier.is_dir() or not force:
            yield from file_problems("-o", earlier, "give another name, or --force")
        elif not looks_like_profile(earlier):
            yield problem("-o", str(earlier), "not a profile", "remove it yourself")
    yield from folder_problems("-o", output)


def _intention(output: Path, idle: bool) -> str:
    if idle:
        return f"{DISABLED}: no profile will be written"
    return f"recording to {output}; {_next_step(output)}"


def _next_step(output: Path) -> str:
    return f"afterwards: gctune recommend {shlex.quote(str(output))}"
