"""Snapshots: the numbers of one process at one instant, and those of several as one."""

from __future__ import annotations

import json

from gctune.metrics.catalogue import BUCKETS, METRICS
from gctune.metrics.metric import SUM, Across, Kind
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from gctune.metrics.metric import Key, Number, Reading, Snapshot

_MOST = 2**63  # no honest number is larger


class Told(Record):
    """What one process has told: `latest`, and what its counters `had` when they began anew.

    Those of a plan begin anew with the next plan, and those of the interpreter
    with the next program, where a process executes one (os.execv); the CPU time
    of a process never does.
    """

    latest: Snapshot
    had: Snapshot

    def then(self, now: Snapshot) -> Told:
        """What it has told once it tells `now`: what is lower than it was has begun anew.

        A generation's pauses, or another first label's numbers, begin anew
        together. A count that is not known any more stays what it was.
        """
        counted = lasting(self.latest)
        anew = {key[:2] for key, value in now.items() if value < counted.get(key, value)}
        over = {key: value for key, value in counted.items() if key[:2] in anew}
        going_on = {key: value for key, value in counted.items() if key[:2] not in anew}
        return Told(going_on | now, merge([self.had, over]))

    def encode(self) -> bytes:
        """Write it, in two lines."""
        return b"\n".join(map(encode, self))

    @classmethod
    def decode(cls, content: bytes) -> Told:
        """Read what `encode` wrote. Raises ValueError for anything else."""
        latest, *had = map(decode, content.split(b"\n"))
        return cls(latest, merge(had))


NOTHING_TOLD = Told({}, {})


def take(reading: Reading) -> Snapshot:
    """Every number of a process that is known."""
    return {
        (metric.name, *labels): value
        for metric in METRICS.values()
        for labels, value in metric.read(reading)
    }


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Make one snapshot of several, whatever their order."""
    merged: Snapshot = {}
    for snapshot in snapshots:
        for key, value in snapshot.items():
            merged[key] = _one(key, merged[key], value) if key in merged else value
    return merged


def of_process(snapshot: Snapshot, pid: int) -> Snapshot:
    """Label with `pid` what each process keeps for itself."""
    return {
        (*key, str(pid)) if _across(key) == Across.EACH else key: value
        for key, value in snapshot.items()
    }


def lasting(snapshot: Snapshot) -> Snapshot:
    """Keep what still counts when the process has ended."""
    return {key: value for key, value in snapshot.items() if _across(key) == Across.SUM}


def encode(snapshot: Snapshot) -> bytes:
    """Write a snapshot as JSON, a row a number."""
    return json.dumps([[value, *key] for key, value in snapshot.items()]).encode()


def decode(content: bytes) -> Snapshot:
    """Read what `encode` wrote; numbers that this version does not know are left out.

    Raises ValueError for anything else.
    """
    try:
        rows = json.loads(content)
        return {tuple(key): value for value, *key in rows if _known(key, value)}
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not a snapshot: {error}") from error


def _one(key: Key, number: Number, other: Number) -> Number:
    return max(number, other) if _across(key) in (Across.EACH, Across.SHARED) else number + other


def _across(key: Key) -> str:
    return METRICS[key[0]].across


def _known(key: list[Any], value: object) -> bool:
    """Whether this is a number of a metric there is, with as many labels as that has."""
    if not key or not all(isinstance(part, str) for part in key) or key[0] not in METRICS:
        return False
    metric = METRICS[key[0]]
    bucket = metric.kind != Kind.HISTOGRAM or key[-1] in (*BUCKETS, SUM)
    return _is_number(value) and len(key) == 1 + len(metric.labels) and bucket


def _is_number(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and -_MOST < value < _MOST  # type: ignore[operator]  # and nan is neither
