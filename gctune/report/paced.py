"""What adaptive mode did last in a process, as its endpoints tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gctune.host.files import printable
from gctune.settings.quantities import about
from gctune.simulator.conduct import slashed

_SHOWN = 5  # changes
_MINUTE = 60.0


class Change(NamedTuple):
    """One thing that it did: how long ago, why, what, to what thresholds; and the rss then."""

    seconds_ago: float
    reason: str
    acts: str
    thresholds: str
    rss_bytes: int


class Paced(NamedTuple):
    """A process in adaptive mode: the thresholds in force, and the last changes, newest first."""

    pid: str
    thresholds: str
    changes: tuple[Change, ...]


def paced_of(answer: Mapping[str, Any]) -> Paced | None:
    """What an answer of `/debug/gctune` tells of adaptive mode; None where it did nothing.

    Raises ValueError for what is no such answer.
    """
    try:
        changes = tuple(map(_change, reversed(answer.get("paced") or ())))
        if not changes:
            return None
        return Paced(printable(str(answer["pid"])), _thresholds(answer), changes)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("tells of no process") from error


def block(paced: Paced) -> Group:
    """Lay the last changes out below what they are of, in 80 columns."""
    laid_out = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    for justify in ("right", "left", "left", "left", "right"):
        laid_out.add_column(justify=justify)
    for change in islice(paced.changes, _SHOWN):
        laid_out.add_row(*map(Text, _cells(change)))
    title = f"adaptive mode of {paced.pid}, thresholds {paced.thresholds}"
    return Group(Text(), Text(title, style="dim"), laid_out)


def words(paced: Paced) -> str:
    """The same in a line, for what is no terminal: the thresholds, and the last change."""
    ago, reason, *_ = _cells(paced.changes[0])
    return f"thresholds {paced.thresholds}  last {reason} {ago} ago"


def _change(told: Mapping[str, Any]) -> Change:
    return Change(
        float(told["seconds_ago"]),
        printable(str(told["reason"])),
        printable(" ".join(told["acts"])),
        _thresholds(told),
        int(told["rss"]),
    )


def _thresholds(told: Mapping[str, Any]) -> str:
    young, middle, full = map(int, told["thresholds"])
    return slashed((young, middle, full))


def _cells(change: Change) -> tuple[str, ...]:
    seconds, reason, acts, thresholds, rss = change
    ago = f"{seconds:.1f}s" if seconds < _MINUTE else f"{seconds / _MINUTE:.0f}m"
    return ago, reason, acts, thresholds, about(rss)
