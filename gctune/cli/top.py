"""`gctune top`: programs as they run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

import click
from rich.console import Console
from rich.live import Live

from gctune.cli.observed import Process
from gctune.cli.parameters import read_by
from gctune.cli.remote import PATIENCE, Remote
from gctune.errors import GctuneError, ProfileError, problem
from gctune.report.top import Row, line, rows_of, table
from gctune.settings.quantities import duration

_MOST_BYTES = 4 << 20  # of an answer
_GLANCE = 2.0  # seconds to answer, where it is not known who does


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
    terminal, else a line a process and reading.
    """  # noqa: D301 - click wants the character itself
    if (pid is None) == (url is None):
        raise click.UsageError("give --pid or --url")
    readings = _every(interval, count, _by_url(url) if url else _by_pid(int(pid or 0)))
    with suppress(KeyboardInterrupt):  # how one leaves it
        _show(readings)


def _show(readings: Iterator[list[Row]]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        for rows in readings:
            for row in rows:
                click.echo(line(row))
        return
    with Live(console=console, auto_refresh=False) as live:
        for rows in readings:
            live.update(table(rows), refresh=True)


def _every(
    interval: float, count: int | None, read: Callable[[], list[Row]]
) -> Iterator[list[Row]]:
    yield read()
    while count is None or count > 1:
        time.sleep(interval)
        yield read()
        count = count and count - 1


def _by_url(url: str, patience: float = PATIENCE) -> Callable[[], list[Row]]:
    remote = Remote(url, patience)

    def read() -> list[Row]:
        """The row of each process that it tells of. Raises ProfileError."""
        content = remote.read("/metrics.json", _MOST_BYTES)
        try:
            return rows_of(json.loads(content))
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            wrong, remedy = "answers something else than gctune's metrics", "give gctune's address"
            raise ProfileError(problem("--url", url, wrong, remedy)) from error

    return read


def _by_pid(pid: int) -> Callable[[], list[Row]]:
    process = Process(pid)
    address = process.endpoints() or _serving(pid, process.listening())
    inside = _by_url(address) if address else None

    def read() -> list[Row]:
        """Its own row, of what is seen from both sides. Raises ProfileError."""
        outside = process.row()
        return [outside.with_more(_of(pid, inside() if inside else ()))]

    return read


def _serving(pid: int, urls: Iterable[str]) -> str | None:
    """The first of the addresses at which a process tells gctune's metrics of itself."""
    return next((url for url in urls if _tells_of(pid, url)), None)


def _tells_of(pid: int, url: str) -> bool:
    try:
        return any(row.pid == str(pid) for row in _by_url(url, _GLANCE)())
    except GctuneError:  # something else that it serves
        return False


def _of(pid: int, rows: Iterable[Row]) -> Row:
    return next((row for row in rows if row.pid == str(pid)), Row(str(pid)))
