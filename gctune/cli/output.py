"""What a command makes: files, or text on standard output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from gctune.errors import UsageError, problem
from gctune.host.files import reason
from gctune.saving import save


def file_problems(option: str, file: Path, remedy: str) -> Iterator[str]:
    """Say so where `file`, which `option` named, cannot be made; `remedy` is for one there is."""
    if file.is_dir():
        yield problem(option, str(file), "a folder", "give the name of a file")
    elif os.path.lexists(file):
        yield problem(option, str(file), "exists already", remedy)
    else:
        yield from folder_problems(option, file)


def folder_problems(option: str, file: Path) -> Iterator[str]:
    """Say so where no file can be made in the folder of `file`, which `option` named."""
    if not os.access(file.parent, os.W_OK | os.X_OK):
        yield problem(option, str(file), "its folder cannot be written", "give another folder")


def write(text: str, output: Path | None) -> None:
    """Write what a command made to the file that -o named, else to standard output.

    Raises UsageError where the file cannot be written; then it holds what it held.
    """
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        save(output, text.encode())
    except OSError as error:
        remedy = "give another file"
        raise UsageError(problem("-o", str(output), reason(error).lower(), remedy)) from error
