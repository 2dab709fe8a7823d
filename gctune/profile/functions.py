"""Which function a line belongs to, told from the source.

tracemalloc knows files and lines only. The source is compiled, not run, and
each line is looked up in the line tables of the functions that come of it, so
that lambdas and comprehensions are told apart as this interpreter does.

A line may belong to several functions, such as one that makes a lambda and the
lambda itself. Then the rest of the stack decides: the outermost function is
taken that is not at work already. What cannot be told: two lambdas on one line,
a source that has changed since it was imported, and code that has no file. That
bears the name of its file instead (`<string>`, `<frozen importlib._bootstrap>`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType

from gctune.profile.file import opened
from gctune.profile.sites import Frame, Function, Stack

_MOST_BYTES = 16 * 2**20  # of a source; longer ones stay nameless
_MODULE = "<module>"
_FROZEN = "<frozen "  # importlib and runpy, which alone run modules
_Lines = dict[int, list[Function]]


class Names:
    """Names the functions of stacks; reads each source once."""

    def __init__(self) -> None:
        self._files: dict[str, _Lines] = {}
        self._frames: dict[tuple[Function, int], Frame] = {}

    def stack(self, places: Iterable[tuple[str, int]]) -> Stack:
        """Turn files and lines, the outermost first, into a stack, leaf first."""
        callers: list[Frame] = []
        for file, line in places:
            function = _choose(self._candidates(file, line), callers)
            callers.append(self._frame(function, line))
        return tuple(reversed(callers))

    def _candidates(self, file: str, line: int) -> list[Function]:
        if file not in self._files:
            self._files[file] = _lines(file)
        return self._files[file].get(line) or [Function(Path(file).name, file, 0)]

    def _frame(self, function: Function, line: int) -> Frame:
        return self._frames.setdefault((function, line), Frame(function, line))


def _choose(candidates: list[Function], callers: list[Frame]) -> Function:
    """Choose among functions, the outermost first, the one that `callers` could have called."""
    if len(candidates) > 1:
        active = {frame.function for frame in callers}
        for function in candidates:
            if function not in active and _can_begin(function, callers):
                return function
    return candidates[-1]


def _can_begin(function: Function, callers: list[Frame]) -> bool:
    """Whether it is no module, or called by what runs modules."""
    if function.name != _MODULE or not callers:
        return True
    return callers[-1].function.file.startswith(_FROZEN)


def _lines(file: str) -> _Lines:
    """The functions that each line of a file can belong to, the outermost first."""
    lines: _Lines = {}
    code = _compile(file)
    for function, numbers in _walk(code, file, "") if code else ():
        for number in numbers:
            lines.setdefault(number, []).append(function)
    return lines


def _compile(file: str) -> CodeType | None:
    """Compile a source; None where it cannot be read or is no Python."""
    try:
        with opened(Path(file)) as stream:
            source = stream.read(_MOST_BYTES + 1)
        if len(source) > _MOST_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, file, "exec", dont_inherit=True)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _walk(code: CodeType, file: str, within: str) -> Iterator[tuple[Function, set[int]]]:
    """Yield a code object and those within it, each as a function with its lines."""
    name = f"{within}{code.co_name}"
    numbers = {line for _, _, line in code.co_lines() if line}
    yield Function(name, file, code.co_firstlineno), numbers
    inner = "" if name == _MODULE else f"{name}."
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _walk(constant, file, inner)
