"""Options that several commands take, read and refused the same way."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

import click

from gctune.errors import problem
from gctune.settings.quantities import Ratio, Size, ratio, size_or_ratio

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


def positive(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    seconds: float | None,
) -> float | None:
    """A callback that refuses seconds that nobody can wait for."""
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise click.BadParameter("give a number of seconds above 0")
    return seconds


def _budget(text: object) -> Size | Ratio:
    """Read what memory may grow by: bytes, a size, or a share. Raises ValueError."""
    digits = re.fullmatch("[0-9]{1,19}", str(text))
    return size_or_ratio(int(str(text)) if digits else text)


memory_budget = click.option(
    "--memory-budget",
    "budget",
    default="10%",
    show_default=True,
    callback=read_by(_budget),
    help="What the peak of rss may grow by: a share of it, or a size.",
)
least_difference = click.option(
    "--precision",
    default="1%",
    show_default=True,
    callback=read_by(ratio),
    help="The least difference in CPU time that is to be told.",
)
