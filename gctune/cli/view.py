"""Heaps in files, read to be looked at or written in another form."""

from __future__ import annotations

import re
import tempfile
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rich.console import RenderableType

from gctune.cli.console import console
from gctune.cli.streams import say
from gctune.errors import ProfileError, problem
from gctune.host.files import reason
from gctune.profile.heap import FORMATS, is_capture, read_heap
from gctune.profile.sites import Heap, difference
from gctune.profile.writer import fill
from gctune.report.heap import matching, render_list, render_peek, render_top


class Choice(NamedTuple):
    """What is looked at: of a file, what it has more than `base` if there is one.

    All that was `allocated`, or the `leaks` of memray's captures, instead of
    what is in use.
    """

    file: Path
    base: Path | None
    allocated: bool
    leaks: bool

    def read(self, *, totals: bool) -> Heap:
        """Read it, with what was allocated besides if `totals` matter. Raises ProfileError."""
        heap = self._read(self.file, "FILE", totals)
        return difference(heap, self._read(self.base, "--base", totals)) if self.base else heap

    def _read(self, file: Path, where: str, totals: bool) -> Heap:
        if is_capture(file):
            heap = _captured(file, where, self.leaks, totals)
        elif self.leaks:
            wrong = "no capture of memray"
            raise ProfileError(problem(where, str(file), wrong, "leave --leaks out"))
        else:
            heap = read_heap(file, where)
        if not self.allocated:
            return heap
        if heap.allocated is None:
            wrong = "tells only of what is in use"
            raise ProfileError(problem(where, str(file), wrong, "leave --allocated out"))
        return replace(heap, sites=heap.allocated)


def _captured(file: Path, where: str, leaks: bool, totals: bool) -> Heap:
    from gctune.integrations.memray import read_capture

    return read_capture(file, where, leaks=leaks, totals=totals)


def show(
    choice: Choice, listed: re.Pattern[str] | None, peeked: re.Pattern[str] | None, rows: int
) -> None:
    """Print functions: their source, their callers and callees, or else the top of them.

    Raises ProfileError where none match, and as `Choice.read` does.
    """
    heap = choice.read(totals=choice.allocated)
    _print(_view(heap, choice.file, listed, peeked, rows))


def browse(choice: Choice) -> None:
    """Put a flame graph into a new file that only this user reads, and open a browser at it.

    Raises ProfileError where it cannot be read or written.
    """
    content = FORMATS["html"](choice.read(totals=choice.allocated))
    file = _temporary(content)
    say(f"gctune: the flame graph is {file}")
    if not webbrowser.open(file.as_uri()):
        say("gctune: no browser is to be had here; open it elsewhere")


def _temporary(content: bytes) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(".html", "gctune-heap-")
    except OSError as error:
        remedy = "name a folder that can be written, or give -o"
        raise ProfileError(
            problem("TMPDIR", tempfile.gettempdir(), reason(error), remedy)
        ) from error
    fill(Path(name), descriptor, content)
    return Path(name)


def _view(
    heap: Heap,
    file: Path,
    listed: re.Pattern[str] | None,
    peeked: re.Pattern[str] | None,
    rows: int,
) -> RenderableType:
    pattern = listed or peeked
    if pattern is None:
        return render_top(heap, rows)
    functions = matching(heap, pattern)
    if not functions:
        wrong = f"no function of {file} matches"
        option = "--list" if listed else "--peek"
        raise ProfileError(problem(option, pattern.pattern, wrong, "see them with --top"))
    return (render_list if listed else render_peek)(heap, functions)


def _print(view: RenderableType) -> None:
    console().print(view)
