"""`gctune recommend`: what to change, from profiles."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import click

from gctune.cli.console import console
from gctune.cli.output import folder_problems
from gctune.cli.parameters import memory_budget
from gctune.cli.streams import say
from gctune.errors import UsageError, cut
from gctune.host.container import read_container
from gctune.host.interpreter import Interpreter, collector_of, stock
from gctune.profile.file import Profile
from gctune.profile.siblings import read_all
from gctune.recommender.recommendation import Recommendation
from gctune.recommender.recommendation import recommend as recommended
from gctune.recommender.search import Goal
from gctune.report.data import as_data
from gctune.report.recommendation import explained, render
from gctune.settings.quantities import Ratio, Size

_VERSION = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
_OLDEST = (3, 10, 0)
_LONGEST_NAME = 64  # of an environment
_USUAL = "production"
_WORDS = 60  # characters of a program's name


def _target(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> Interpreter | None:
    if value is None:
        return None
    if not re.fullmatch(_VERSION, value):
        raise click.BadParameter("give a whole version, like 3.13.1")
    major, minor, micro = map(int, value.split("."))
    version = (major, minor, micro)
    if version < _OLDEST:
        raise click.BadParameter("gctune tunes CPython 3.10 and later")
    return stock("cpython", version, collector_of("cpython", version, gil=True))


def _environment(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> str | None:
    if value is None:
        return None
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST_NAME:
        raise click.BadParameter(f"give a name of 1 to {_LONGEST_NAME} printable characters")
    return value


@click.command()
@click.argument(
    "profiles",
    nargs=-1,
    required=True,
    metavar="PROFILE...",
    type=click.Path(readable=False, path_type=Path),
)
@click.option(
    "--goal",
    type=click.Choice(Goal.ALL),
    default=Goal.THROUGHPUT,
    show_default=True,
    help="What to improve.",
)
@memory_budget
@click.option(
    "--for-python",
    "target",
    metavar="X.Y.Z",
    callback=_target,
    help="Recommend for this CPython rather than the captured one.",
)
@click.option(
    "--write",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Merge what to change into this gctune.toml, keeping the rest of it.",
)
@click.option(
    "--environment",
    metavar="NAME",
    callback=_environment,
    help=f"The environment that --write sets; {_USUAL} if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def recommend(
    profiles: tuple[Path, ...],
    goal: str,
    budget: Size | Ratio,
    target: Interpreter | None,
    file: Path | None,
    environment: str | None,
    as_json: bool,
) -> None:
    """Say what to change, from PROFILEs of one program.

    The profiles PROFILE.<pid> of its children, beside a PROFILE, are taken along.
    """
    if environment is not None and file is None:
        raise click.UsageError("--environment names what --write sets: give --write FILE, too")
    if file is not None:
        _check(file)
    taken = read_all(*profiles)
    _tell_of_programs([each for each in taken if each.path in profiles])
    answer = recommended(taken, goal, budget, read_container().limit, target)
    if as_json:
        click.echo(json.dumps(as_data(answer), indent=2))
    else:
        console().print(render(answer))
    if file is not None:
        _write(file, environment or _USUAL, answer)


def _tell_of_programs(profiles: Sequence[Profile]) -> None:
    """Say so where profiles that somebody gave are not of one program."""
    programs = {profile.header.program: profile.path.name for profile in profiles}
    if len(programs) > 1:
        told = ", ".join(f"{cut(ascii(each), _WORDS)} ({of})" for each, of in programs.items())
        say(
            f"gctune: these are different programs: {told}; ask for each apart, unless they are one"
        )


def _check(file: Path) -> None:
    """Refuse a file that cannot be written in the end, before all that takes time.

    Raises UsageError for its folder, and ConfigError for what stands there.
    """
    from gctune.recommender import config  # with pydantic and tomlkit: a tenth of a second

    problems = list(folder_problems("--write", file))
    if problems:
        raise UsageError("\n".join(problems))
    if os.path.lexists(file):
        config.write(file, _USUAL, {})  # with nothing to set it reads, and leaves all as it is


def _write(file: Path, environment: str, answer: Recommendation) -> None:
    from gctune.recommender import config
    from gctune.settings.document import find
    from gctune.settings.environments import canonical

    known = find({}, Path(), str(file)).environments
    replaced = list(config.replaced(file, environment, answer.settings))
    if config.write(file, environment, answer.settings, explained(answer)):
        say(f"gctune: wrote {file}")
    else:
        say(f"gctune: {file} stays as it is")
    if answer.settings and canonical(environment) not in known:
        say(f"gctune: {environment!a} is a new environment; those there were: {', '.join(known)}")
    obstacles = config.obstacles(file, environment, answer.settings) if answer.settings else ()
    for told in dict.fromkeys((*replaced, *obstacles)):
        say(f"gctune: {told}")
