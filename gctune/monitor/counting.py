"""Operations that the program says it has done, so that what is measured has its throughput.

The program counts without a lock: each thread adds to a cell of its own. The
cells go by thread identifiers, which the system gives out again, so that there
are never more of them than threads that have lived at the same time.
"""

from __future__ import annotations

from _operator import index
from _thread import get_ident  # threading costs a bare interpreter 4 ms

_MOST = 2**63 - 1  # operations of one call; no more can stand in a profile
_MOST_NAMES = 16  # kinds of operations; a name made up for each request must cost no memory

_asked = False
_cells: dict[str, dict[int, int]] = {}


def count(n: int = 1, name: str = "operations") -> None:
    """Say that the program has done `n` more operations of the kind `name`.

    A request, a job, a document: what its users would count. Costs some tens
    of nanoseconds, and does nothing until a capture asks for it. Takes no lock;
    a call from a signal handler may be lost that interrupts another in the same
    thread. More than 16 kinds are not kept apart: the others are not counted,
    nor is what is no whole number above 0, or of a kind whose name is no text.
    Never raises.
    """
    if _asked and _countable(n, name):
        _add(index(n), name, get_ident())


def start() -> None:
    """Have operations counted from now on, in this process and those that it forks."""
    global _asked  # noqa: PLW0603 - the one flag that makes `count` next to free
    _asked = True


def totals() -> dict[str, int]:
    """The operations counted so far, by kind, in all threads together."""
    # A copy is one step, with the GIL and without; a tuple of the items is one with it alone.
    return {name: sum(cells.copy().values()) for name, cells in _cells.copy().items()}


def _countable(n: object, name: object) -> bool:
    try:
        return isinstance(name, str) and 0 < index(n) <= _MOST  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - whatever it is, no request may fail for being counted
        return False


def _add(n: int, name: str, thread: int) -> None:
    cells = _cells.get(name)
    if cells is None:
        if len(_cells) >= _MOST_NAMES:
            return
        cells = _cells.setdefault(name, {})
    cells[thread] = cells.get(thread, 0) + n
