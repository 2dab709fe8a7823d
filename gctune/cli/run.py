"""`gctune run`: a program with the plan of its environment put on it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from gctune.cli.parameters import check_environment
from gctune.cli.streams import say
from gctune.runtime.launch import bootstrap_environment, execute
from gctune.runtime.malloc import LIBRARIES, hand_down, operator_s_own
from gctune.startup import disabled, planned


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--environment",
    metavar="NAME",
    help="The environment to use, whatever the variables say.",
)
@click.option(
    "--malloc",
    type=click.Choice(LIBRARIES),
    help="The allocator to preload in glibc's place, if it is installed.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(environment: str | None, malloc: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND with the plan of its environment put on it.

    \b
    gctune run -- gunicorn --preload app:app
    gctune run --environment production -- python app.py
    gctune run --malloc jemalloc -- python app.py

    The plan is made once and handed down: COMMAND and every Python that it
    starts take it up, and it keeps its process id, signals and exit status.
    """  # noqa: D301 - click wants the character itself
    environ = operator_s_own()
    variables = {} if disabled() else _handed_down(environment, malloc, environ)
    execute(command, bootstrap_environment(environ, **variables))


def _handed_down(
    environment: str | None, malloc: str | None, environ: Mapping[str, str]
) -> dict[str, str]:
    check_environment(environment)
    planned_here, secrets = planned(environment)
    plan, variables = hand_down(planned_here, malloc, environ)
    for warning in plan.warnings:
        say(f"gctune: {warning}")
    return {"GCTUNE_PLAN": plan.to_text(), **variables, **secrets}
