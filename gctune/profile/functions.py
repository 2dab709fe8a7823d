"""Which function a line belongs to, told from the source.

tracemalloc knows files and lines only. The source is compiled, not run, unless
Python keeps what it compiled. Each line is looked up in the line tables of the
functions that come of it, so that lambdas and comprehensions are told apart as
this interpreter does.

A line may belong to several functions, such as one that makes a lambda and the
lambda itself. Then the rest of the stack decides: the outermost function is
taken that is not at work already. What cannot be told: two lambdas on one line,
a source that has changed since it was imported, and code that has no file. That
bears the name of its file instead (`<string>`, `<frozen importlib._bootstrap>`).
"""

from __future__ import annotations

import marshal
import struct
import sys
import warnings
from collections.abc import Iterable, Iterator
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import TypeAlias

from gctune.profile.file import opened
from gctune.profile.sites import Frame, Function, Stack

_HEADER = 16  # bytes of a .pyc before its code
_MOST_BYTES = 16 * 2**20  # of a source; longer ones stay nameless
_MODULE = "<module>"
_FROZEN = "<frozen "  # importlib and runpy, which alone run modules
_Lines = dict[int, list[Function]]
Place: TypeAlias = tuple[str, int]  # a file, and a line of it


class Names:
    """Names the functions of stacks; reads each source once."""

    def __init__(self) -> None:
        self._files: dict[str, _Lines] = {}
        self._frames: dict[Place, list[Frame]] = {}

    def stack(self, places: Iterable[Place]) -> Stack:
        """Turn files and lines, the outermost first, into a stack, leaf first."""
        callers: list[Frame] = []
        for place in places:
            frames = self._frames.get(place) or self._candidates(place)
            callers.append(frames[0] if len(frames) == 1 else _choose(frames, callers))
        return tuple(reversed(callers))

    def frame(self, name: str, file: str, line: int) -> Frame:
        """The frame of a function of which no more is known than what `co_name` says."""
        place = file, line
        for frame in self._frames.get(place) or self._candidates(place):
            if frame.function.name.rpartition(".")[2] == name:
                return frame
        return Frame(Function(name, file, 0), line)

    def _candidates(self, place: Place) -> list[Frame]:
        """What may be at work at a place, the outermost function first."""
        file, line = place
        if file not in self._files:
            self._files[file] = _lines(file)
        functions = self._files[file].get(line) or [Function(Path(file).name, file, 0)]
        self._frames[place] = [Frame(function, line) for function in functions]
        return self._frames[place]


def _choose(candidates: list[Frame], callers: list[Frame]) -> Frame:
    """Choose the first whose function `callers` could have called."""
    active = {frame.function for frame in callers}
    for frame in candidates:
        if frame.function not in active and _can_begin(frame.function, callers):
            return frame
    return candidates[-1]


def _can_begin(function: Function, callers: list[Frame]) -> bool:
    """Whether it is no module, or called by what runs modules."""
    if function.name != _MODULE or not callers:
        return True
    return callers[-1].function.file.startswith(_FROZEN)


def _lines(file: str) -> _Lines:
    """The functions that each line of a file can belong to, the outermost first."""
    lines: _Lines = {}
    code = _code(file)
    for function, numbers in _walk(code, file, "") if code else ():
        for number in numbers:
            lines.setdefault(number, []).append(function)
    return lines


def _code(file: str) -> CodeType | None:
    """The code of a source: as Python keeps it, or compiled; None where it cannot be had."""
    try:
        kept = _kept(Path(file)) if file.endswith(".py") else None
        return kept or _compile(_read(Path(file)), file)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _kept(file: Path) -> CodeType | None:
    """The code that Python keeps of a source that it has imported; None where it is not up to date.

    Unlike compiling, reading it is quick, and warns of nothing.
    """
    try:
        content = _read(Path(cache_from_source(file)))
        found = file.stat()
        if content[:_HEADER] == _header(found.st_mtime, found.st_size):
            code = marshal.loads(content[_HEADER:])  # noqa: S302 - what Python itself would run
            return code if isinstance(code, CodeType) else None
    except (OSError, EOFError, ValueError, TypeError, NotImplementedError):
        pass
    return None


def _header(changed: float, size: int) -> bytes:
    """What stands before the code of a source that was changed then, by PEP 552."""
    number = 0xFFFFFFFF
    return MAGIC_NUMBER + struct.pack("<3I", 0, int(changed) & number, size & number)


def _compile(source: bytes, file: str) -> CodeType:
    # To silence warnings changes what all threads see, so only one that is alone may.
    if len(sys._current_frames()) > 1:
        return compile(source, file, "exec", dont_inherit=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, file, "exec", dont_inherit=True)


def _read(file: Path) -> bytes:
    with opened(file) as stream:
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("too long")
    return content


def _walk(code: CodeType, file: str, within: str) -> Iterator[tuple[Function, set[int]]]:
    """Yield a code object and those within it, each as a function with its lines."""
    name = f"{within}{code.co_name}"
    numbers = {line for _, _, line in code.co_lines() if line}
    yield Function(name, file, code.co_firstlineno), numbers
    inner = "" if name == _MODULE else f"{name}."
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _walk(constant, file, inner)
