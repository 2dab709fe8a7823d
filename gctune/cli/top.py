"""`gctune top`: programs as they run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar

import click
from rich.console import Group
from rich.live import Live

from gctune.cli.console import console
from gctune.cli.interruption import interrupt_at_any_end
from gctune.cli.observed import Process
from gctune.cli.parameters import read_by
from gctune.cli.remote import PATIENCE, Remote
from gctune.errors import GctuneError, ProfileError, problem
from gctune.report.paced import Paced, block, paced_of, words
from gctune.report.top import Row, line, rows_of, table
from gctune.secret import masked
from gctune.settings.quantities import duration

T = TypeVar("T")

_MOST_BYTES = 4 << 20  # of an answer
_GLANCE = 2.0  # seconds to answer, where it is not known who does


class View(NamedTuple):
    """What there is to show at one instant: the processes, and what adaptive mode does in one."""

    rows: list[Row]
    paced: Paced | None

    def lines(self) -> Iterator[str]:
        """A line each process."""
        for row in self.rows:
            own = self.paced if self.paced and self.paced.pid == row.pid else None
            yield f"{line(row)}  {words(own)}" if own else line(row)

    def laid_out(self) -> Group:
        """The same as tables."""
        return Group(table(self.rows), *([block(self.paced)] if self.paced else ()))


Look: TypeAlias = Callable[[], View]


@click.command()
@click.option("--pid", type=click.IntRange(1), help="The process, on this machine.")
@click.option("--url", help="Where a program serves its endpoints: http://HOST:PORT or unix:PATH.")
@click.option(
    "--interval",
    metavar="DURATION",
    default="1s",
    show_default=True,
    callback=read_by(partial(duration, least=0.1)),
    help="From one reading to the next.",
)
@click.option("--count", type=click.IntRange(1), help="Stop after so many readings.")
def top(pid: int | None, url: str | None, interval: float, count: int | None) -> None:
    """Show a program's memory, collections and alerts as they go.

    \b
    gctune top --pid 1234
    gctune top --url http://127.0.0.1:6060

    With --pid, from its endpoints too: where monitor.http of its environment
    says they are, or wherever it or a worker beside it listens and answers with
    gctune's metrics of it. What only they know is left out else. A table on a
    terminal, else a line a process and reading; with what adaptive mode did last
    in the process that answers.
    """  # noqa: D301 - click wants the character itself
    if (pid is None) == (url is None):
        raise click.UsageError("give --pid or --url")
    views = _every(interval, count, _by_url(url) if url else _by_pid(int(pid or 0)))
    with suppress(KeyboardInterrupt):  # how one leaves it
        _show(views)


def _show(views: Iterator[View]) -> None:
    screen = console()
    if not screen.is_terminal:
        for view in views:
            for each in view.lines():
                click.echo(each)
        return
    interrupt_at_any_end()
    with Live(console=screen, auto_refresh=False) as live:
        for view in views:
            live.update(view.laid_out(), refresh=True)


def _every(interval: float, count: int | None, look: Look) -> Iterator[View]:
    yield look()
    while count is None or count > 1:
        time.sleep(interval)
        yield look()
        count = count and count - 1


def _by_url(url: str, patience: float = PATIENCE) -> Look:
    remote = Remote(url, patience)

    def look() -> View:
        """What it tells of each process. Raises ProfileError."""
        return View(_told(remote, url, "/metrics.json", rows_of), _paced(remote, url))

    return look


def _paced(remote: Remote, url: str) -> Paced | None:
    """What adaptive mode did last; None also where only metrics are to be had."""
    try:
        return _told(remote, url, "/debug/gctune", paced_of)
    except ProfileError:
        return None


def _told(remote: Remote, url: str, path: str, read: Callable[[Any], T]) -> T:
    content = remote.read(path, _MOST_BYTES)
    try:
        return read(json.loads(content))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        wrong, remedy = "answers something else than gctune's metrics", "give gctune's address"
        raise ProfileError(problem("--url", masked(url), wrong, remedy)) from error


def _by_pid(pid: int) -> Look:
    process = Process(pid)
    address = process.endpoints() or _serving(pid, process.listening())
    inside = _by_url(address) if address else lambda: View([], None)

    def look() -> View:
        """What is seen of it from both sides. Raises ProfileError."""
        outside, (rows, paced) = process.row(), inside()
        ours = paced if paced and paced.pid == str(pid) else None
        return View([outside.with_more(_of(pid, rows))], ours)

    return look


def _serving(pid: int, urls: Iterable[str]) -> str | None:
    """The first of the addresses at which a process tells gctune's metrics of itself."""
    return next((url for url in urls if _tells_of(pid, url)), None)


def _tells_of(pid: int, url: str) -> bool:
    try:
        return any(row.pid == str(pid) for row in _by_url(url, _GLANCE)().rows)
    except GctuneError:  # something else that it serves
        return False


def _of(pid: int, rows: Iterable[Row]) -> Row:
    return next((row for row in rows if row.pid == str(pid)), Row(str(pid)))
