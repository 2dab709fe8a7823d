"""Options that several commands take, read and refused the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from gctune.errors import UsageError, problem
from gctune.settings.quantities import (
    Duration,
    duration,
    ratio,
    refusal,
    share,
)

T = TypeVar("T")


def read_by(
    read: Callable[[object], T],
) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """A callback that reads an option's text by one of `settings.quantities`."""

    def callback(
        context: click.Context,
        parameter: click.Parameter,
        value: str | None,
    ) -> T | None:
        """Read the text; None where the option is not given. Raises click.UsageError."""
        try:
            return None if value is None else read(value)
        except ValueError as error:
            wrong, _, remedy = str(error).partition("; ")
            told = problem(parameter.opts[0], value, wrong, remedy or "give another")
            raise click.UsageError(told, context) from error

    return callback


def check_environment(name: str | None, file: str | None = None) -> None:
    """Refuse an --environment that there is not, as other bad usage. Raises UsageError."""
    if name is None:
        return
    from gctune.settings.environments import canonical
    from gctune.settings.sources import in_effect  # with pydantic, which not every command takes

    document = in_effect(file=file)
    if not document.faults and canonical(name) not in document.environments:
        raise UsageError(document.unknown("--environment", name))


def _span(text: object) -> Duration:
    """Read how long something is to take, in seconds or as a duration. Raises ValueError."""
    span = duration(text)
    if not span:
        raise refusal("out of range", "give a duration above 0")
    return span


positive = read_by(_span)  # a callback that reads a duration that somebody can wait for


memory_budget = click.option(
    "--memory-budget",
    "budget",
    default="10%",
    show_default=True,
    callback=read_by(share),
    help="What the peak of rss may grow by: a share of it, or a size.",
)
least_difference = click.option(
    "--precision",
    default="1%",
    show_default=True,
    callback=read_by(ratio),
    help="The least difference in CPU time that is to be told.",
)
