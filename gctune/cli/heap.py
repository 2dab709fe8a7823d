"""`gctune heap`: which lines of a program hold its memory."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from gctune.cli.output import file_problems
from gctune.cli.parameters import positive
from gctune.cli.streams import say
from gctune.cli.view import Choice, browse, show
from gctune.errors import UsageError, problem
from gctune.profile.file import absolute
from gctune.profile.heap import FORMATS, format_of, is_heap
from gctune.profile.tracing import COST, MOST_FRAMES, USUAL_FRAMES
from gctune.profile.writer import write_new
from gctune.runtime.launch import bootstrap_environment, execute
from gctune.startup import DISABLED, disabled

_USUAL_ROWS = 20
_TAKEN = "give another name, or remove it"
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
    metavar="DURATION",
    callback=positive,
    help="With --url, write what is allocated within so many seconds, or 5m, and still in use;"
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
    the peak; alone it is shown as by --top, and `go tool pprof` reads what is
    written here. COMMAND keeps its process id, signals and exit status. One
    that is killed, or ends by os._exit, leaves FILE empty.
    """  # noqa: D301 - click wants the character itself
    showing = sum(map(bool, (top, listed, peeked, web)))
    choosing = base or allocated or leaks
    running = before or frames or url or seconds
    choice = Choice(Path(*operands[:1]), base, allocated, leaks)
    looking = len(operands) == 1 and (showing == 1 or output is None or is_heap(choice.file))
    if looking and output and not (showing or rows or running):
        _convert(choice, output, form)
    elif looking and web and not (output or form or rows or running or showing > 1):
        browse(choice)
    elif looking and not (output or form or running or showing > 1):
        show(choice, listed, peeked, rows or _USUAL_ROWS)
    elif output and operands and not (showing or choosing or rows or url or seconds):
        _run(operands, output, before, frames, form)
    elif (
        output
        and url
        and not (showing or choosing or rows or operands or frames or (before and not seconds))
    ):
        _fetch(url, output, before, seconds, form)
    elif operands and not (output or showing or choosing or rows or url):
        raise click.UsageError("-o is missing: give -o FILE -- COMMAND, to write its heap to FILE")
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
    file = absolute(output)
    _check(output, before)
    wanted = {
        "path": str(file),
        "form": form or format_of(file),
        "frames": frames or USUAL_FRAMES,
        "before": before and str(absolute(before)),
    }
    environ = bootstrap_environment(GCTUNE_HEAP=json.dumps(wanted))
    say(f"gctune: {_intention(file, disabled(environ))}")
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
    named = [("-o", output), *([("--before", before)] if before else ())]
    problems = [each for name, file in named for each in file_problems(name, file, _TAKEN)]
    if before and absolute(before) == absolute(output):
        problems.append(problem("--before", str(before), "the file of -o", "give another name"))
    if problems:
        raise UsageError("\n".join(problems))


def _intention(output: Path, idle: bool) -> str:
    if idle:
        return f"{DISABLED}: no heap profile will be written"
    return f"{COST}\ngctune: the heap goes to {output} when the program ends"


def _convert(choice: Choice, output: Path, form: str | None) -> None:
    _check(output, None)
    write_new(output, FORMATS[form or format_of(output)](choice.read(totals=True)))
