"""How far a command has come: a bar on a terminal, else a line for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gctune.cli.console import console
from gctune.cli.streams import say


@contextmanager
def progress(start: str) -> Iterator[Callable[[int, int, str], object]]:
    """Show on standard error what is going on, from `start` on.

    What is yielded is called with the steps done, how many it will take as
    far as is known, and what to say.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda done, total, text: say(f"gctune: {text}")  # noqa: ARG005
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(start, total=None)
        yield lambda done, total, text: bar.update(
            task, completed=done, total=total, description=text
        )
