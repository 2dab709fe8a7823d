"""Heaps and profiles of a program under way, fetched from its endpoints into files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from gctune.cli.remote import Remote
from gctune.cli.streams import say
from gctune.errors import ProfileError, problem
from gctune.profile import pprof
from gctune.profile.earlier import Earlier, replace_earlier
from gctune.profile.file import read
from gctune.profile.heap import FORMATS, format_of
from gctune.profile.siblings import new_sibling
from gctune.profile.sites import Heap
from gctune.profile.tracing import COST
from gctune.profile.writer import write_as_it_comes, write_new

USUAL_SECONDS = 30.0


def fetch_heap(url: str, output: Path, seconds: float | None, form: str | None) -> None:
    """Write what a program has in use, or what it allocates within so many seconds and keeps.

    Raises UsageError for a URL that makes no sense, ProfileError for all else.
    """
    if seconds is not None:
        say(f"gctune: {COST}")
    _write(output, form, _heap(Remote(url), seconds))


def fetch_heaps(url: str, before: Path, output: Path, seconds: float, form: str | None) -> None:
    """Write what a program has in use, and again after so many seconds. Raises as `fetch_heap`."""
    remote = Remote(url)
    _write(before, form, _heap(remote, None))
    time.sleep(seconds)
    _write(output, form, _heap(remote, None))


def record(url: str, seconds: float) -> Iterator[bytes]:
    """Begin to record a program for so many seconds; the parts of its profile, as they come.

    Raises UsageError for a URL that makes no sense, ProfileError where the
    program does not record; both before the first part is asked for.
    """
    parts = Remote(url).parts(f"/debug/gctune/profile?seconds={seconds:g}", seconds)
    return chain([next(parts, b"")], parts)


def keep(output: Path, parts: Iterable[bytes], earlier: Earlier) -> None:
    """Write a profile as it comes, and say what it lacks. Raises ProfileError.

    The `earlier` files are replaced once its beginning is written.
    """
    own = new_sibling(output) if output.name in earlier else output
    write_as_it_comes(own, _replacing(output, own, parts, earlier))
    for wrong in read(own if own.exists() else output).problems:
        say(f"gctune: {wrong}")


def _replacing(
    output: Path, own: Path, parts: Iterable[bytes], earlier: Earlier
) -> Iterator[bytes]:
    """The parts, as they are written."""
    rest = iter(parts)
    yield next(rest, b"")
    replace_earlier(output, own, earlier)
    yield from rest


def _heap(remote: Remote, seconds: float | None) -> bytes:
    target = "/debug/pprof/heap" if seconds is None else f"/debug/pprof/heap?seconds={seconds:g}"
    try:
        return remote.read(target, pprof.MOST_BYTES, seconds or 0.0)
    except ProfileError as error:  # the program names what its endpoint takes; here it is an option
        raise ProfileError(str(error).replace("?seconds=", "--seconds ")) from error


def _write(output: Path, form: str | None, content: bytes) -> None:
    write_new(output, FORMATS[form or format_of(output)](_decoded(content)))


def _decoded(content: bytes) -> Heap:
    try:
        return pprof.decode(content)
    except ValueError as error:
        remedy = "give the URL of gctune's endpoints"
        raise ProfileError(problem("--url", "its answer", str(error), remedy)) from error
