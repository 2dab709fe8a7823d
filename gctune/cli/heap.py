"""`gctune heap`: which lines of a program hold its memory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console, RenderableType

from gctune.cli.output import folder_problems
from gctune.cli.parameters import positive
from gctune.cli.streams import say
from gctune.errors import ProfileError, UsageError, problem
from gctune.profile.file import absolute
from gctune.profile.heap import FORMATS, format_of, is_capture, is_heap, read_heap
from gctune.profile.sites import Heap, difference
from gctune.profile.tracing import COST, MOST_FRAMES, USUAL_FRAMES
from gctune.profile.writer import fill, write_new
from gctune.report.heap import matching, render_list, render_peek, render_top
from gctune.runtime.launch import bootstrap_environment, execute
from gctune.startup import DISABLED, disabled

_USUAL_ROWS = 20
_PIPED_WIDTH = 1000  # columns, so that no line that a program reads is cut or folded
_PATH = click.Path(path_type=Path)


def _compiled(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    pattern: str | None,
) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise click.BadParameter(f"not a regular expression: {error}") from error


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=_PATH,
    help="Run COMMAND, and write its heap to FILE when it ends;"
    " each further Python process makes FILE.<pid>.",
)
@click.option("--before", metavar="FILE", type=_PATH, help="Write the heap as COMMAND starts, too.")
@click.option(
    "--url",
    metavar="URL",
    help="Instead of COMMAND's, write the heap of the program that serves its endpoints there.",
)
@click.option(
    "--seconds",
    type=float,
    callback=positive,
    help="With --url, write what is allocated within so many seconds and still in use;"
    " or with --before, the heap before and after them.",
)
@click.option(
    "--frames",
    type=click.IntRange(1, MOST_FRAMES),
    help=f"Keep so many frames of each stack; {USUAL_FRAMES} if not given.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="What to write; if not given, what the ending of FILE says (.json is speedscope,"
    " .collapsed or .folded collapsed, .html a flame graph), else pprof.",
)
@click.option("--top", is_flag=True, help="Show the functions of FILE that allocated most.")
@click.option(
    "--list",
    "listed",
    metavar="FUNCTION",
    callback=_compiled,
    help="Show the source of the functions of FILE that match, line by line.",
)
@click.option(
    "--peek",
    "peeked",
    metavar="REGEX",
    callback=_compiled,
    help="Show the functions of FILE that match, with their callers and callees.",
)
@click.option("--web", is_flag=True, help="Show FILE as a flame graph, in a browser.")
@click.option("--base", metavar="OTHER", type=_PATH, help="Show what FILE has more than OTHER.")
@click.option(
    "--allocated",
    is_flag=True,
    help="Count all that was allocated, freed or not, where FILE tells that.",
)
@click.option(
    "--leaks",
    is_flag=True,
    help="Of a memray capture, count what was never freed, not what was in use at the peak.",
)
@click.option(
    "-n",
    "--rows",
    type=click.IntRange(min=1),
    help=f"With --top, show so many functions; {_USUAL_ROWS} if not given.",
)
@click.argument("operands", nargs=-1, metavar="COMMAND... | FILE", type=click.UNPROCESSED)
def heap(
    output: Path | None,
    before: Path | None,
    url: str | None,
    seconds: float | None,
    frames: int | None,
    form: str | None,
    top: bool,
    listed: re.Pattern[str] | None,
    peeked: re.Pattern[str] | None,
    web: bool,
    base: Path | None,
    allocated: bool,
    leaks: bool,
    rows: int | None,
    operands: tuple[str, ...],
) -> None:
    """Write the heap of COMMAND by allocation site, or show one that was written.

    \b
    gctune heap -o mem.prof -- python app.py
    gctune heap -o mem.prof --url http://127.0.0.1:6060 --seconds 30
    gctune heap --top mem.prof
    gctune heap --list 'Store.load' mem.prof
    gctune heap --peek '<lambda>' --base mem.prof mem_final.prof
    gctune heap --leaks memray-app.py.42.bin
    gctune heap -o mem.json memray-app.py.42.bin
    gctune heap --web mem.prof

    Flat is what a function allocated itself and is still in use, cumulative
    (cum) what it and all that it called did. FILE is a heap profile in pprof's
    format, Go's too, or a capture of memray, which counts what was in use at
    the peak; `go tool pprof` reads what is written here. COMMAND keeps its
    process id, signals and exit status. One that is killed writes nothing.
    """  # noqa: D301 - click wants the character itself
    showing = sum(map(bool, (top, listed, peeked, web)))
    choosing = base or allocated or leaks
    running = before or frames or url or seconds
    file = Path(operands[0]) if len(operands) == 1 else None
    written = file is not None and (showing or is_heap(file))
    if file and written and output and not (showing or rows or running):
        _convert(_read(file, base, allocated, leaks, totals=True), absolute(output), form)
    elif file and written and showing <= 1 and not (output or form or running):
        shown = _read(file, base, allocated, leaks, totals=allocated)
        if web:
            _browse(shown)
        else:
            _print(_view(shown, file, listed, peeked, rows or _USUAL_ROWS))
    elif output and operands and not (showing or choosing or rows or url or seconds):
        _run(operands, absolute(output), before and absolute(before), frames, form)
    elif (
        output
        and url
        and not (showing or choosing or rows or operands or frames or (before and not seconds))
    ):
        _fetch(url, absolute(output), before and absolute(before), seconds, form)
    else:
        raise click.UsageError(
            "give either -o FILE -- COMMAND, with --before, --frames or --format;"
            " or -o FILE --url URL, with --seconds, --before or --format;"
            " or a FILE, with one of --top, --list, --peek and --web, or -o to convert it;"
            " and --base, --allocated, --leaks or -n"
        )


def _run(
    command: Sequence[str], output: Path, before: Path | None, frames: int | None, form: str | None
) -> NoReturn:
    _check(output, before)
    wanted = {
        "path": str(output),
        "form": form or format_of(output),
        "frames": frames or USUAL_FRAMES,
        "before": before and str(before),
    }
    environ = bootstrap_environment(GCTUNE_HEAP=json.dumps(wanted))
    say(f"gctune: {_intention(output, disabled(environ))}")
    execute(command, environ)


def _fetch(
    url: str, output: Path, before: Path | None, seconds: float | None, form: str | None
) -> None:
    from gctune.cli.fetch import fetch_heap, fetch_heaps

    _check(output, before)
    if before and seconds:
        fetch_heaps(url, before, output, seconds, form)
    else:
        fetch_heap(url, output, seconds, form)


def _check(output: Path, before: Path | None) -> None:
    problems = [*_objections("-o", output), *(_objections("--before", before) if before else ())]
    if before == output:
        problems.append(problem("--before", str(before), "the file of -o", "give another name"))
    if problems:
        raise UsageError("\n".join(problems))


def _objections(option: str, file: Path) -> Iterator[str]:
    if os.path.lexists(file):
        yield problem(option, str(file), "exists already", "give another name, or remove it")
    else:
        yield from folder_problems(option, file)


def _intention(output: Path, idle: bool) -> str:
    if idle:
        return f"{DISABLED}: no heap profile will be written"
    return f"{COST}\ngctune: the heap goes to {output} when the program ends"


def _convert(heap: Heap, output: Path, form: str | None) -> None:
    _check(output, None)
    write_new(output, [FORMATS[form or format_of(output)](heap)])


def _browse(heap: Heap) -> None:
    """Put a flame graph into a new file that only this user reads, and open a browser at it."""
    import tempfile
    import webbrowser

    try:
        descriptor, name = tempfile.mkstemp(".html", "gctune-heap-")
    except OSError as error:
        wrong = error.strerror or str(error)
        raise ProfileError(problem("TMPDIR", tempfile.gettempdir(), wrong, "give -o")) from error
    file = Path(name)
    fill(file, descriptor, [FORMATS["html"](heap)])
    say(f"gctune: the flame graph is {file}")
    if not webbrowser.open(file.as_uri()):
        say("gctune: no browser is to be had here; open it elsewhere")


def _view(
    shown: Heap,
    file: Path,
    listed: re.Pattern[str] | None,
    peeked: re.Pattern[str] | None,
    rows: int,
) -> RenderableType:
    pattern = listed or peeked
    if pattern is None:
        return render_top(shown, rows)
    functions = matching(shown, pattern)
    if not functions:
        wrong = f"no function of {file} matches"
        option = "--list" if listed else "--peek"
        raise ProfileError(problem(option, pattern.pattern, wrong, "see them with --top"))
    return (render_list if listed else render_peek)(shown, functions)


def _read(file: Path, base: Path | None, allocated: bool, leaks: bool, *, totals: bool) -> Heap:
    """Read a FILE less its base; `totals` tells whether all that was allocated matters."""
    heap, *rest = (_choose(each, allocated, leaks, totals) for each in (file, base) if each)
    return difference(heap, *rest) if rest else heap


def _choose(file: Path, allocated: bool, leaks: bool, totals: bool) -> Heap:
    heap = _read_one(file, leaks, totals)
    if not allocated:
        return heap
    if heap.allocated is None:
        wrong = "tells only of what is in use"
        raise ProfileError(problem("FILE", str(file), wrong, "leave --allocated out"))
    return replace(heap, sites=heap.allocated)


def _read_one(file: Path, leaks: bool, totals: bool) -> Heap:
    if is_capture(file):
        from gctune.integrations.memray import read_capture

        return read_capture(file, leaks=leaks, totals=totals)
    if leaks:
        wrong = "no capture of memray"
        raise ProfileError(problem("FILE", str(file), wrong, "leave --leaks out"))
    return read_heap(file)


def _print(view: RenderableType) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(view)
