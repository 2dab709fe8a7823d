"""What a metric is: a number that gctune tells, and how several processes' become one."""

from __future__ import annotations

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from gctune.monitor.alerts import State
    from gctune.monitor.sample import Sample

    Number: TypeAlias = int | float
    Key: TypeAlias = tuple[str, ...]  # a metric's name, then the values of its labels
    Row: TypeAlias = tuple[Key, Number]  # the values of the labels alone
    Snapshot: TypeAlias = dict[Key, Number]
    Read: TypeAlias = Callable[["Reading"], Iterable[Row]]

PID = "pid"  # the label of what each process keeps for itself
LE, SUM = "le", "sum"  # a histogram's last label, and what it is where all are added up
ALERT, SAMPLED = "gctune_alert", "gctune_sample_timestamp_seconds"  # what rules go by


class Kind:
    """What sort of number a metric is, by the word that Prometheus has for it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across:
    """How one number is made of those of several processes."""

    SUM = "sum"  # of all, those that have ended too
    ALIVE = "alive"  # the sum of those that are alive
    EACH = "each"  # it is not: each process keeps its own, under the label `pid`
    SHARED = "shared"  # all of them tell of the same thing; the greatest counts


class Reading(Record):
    """What the metrics are read from: a sample, and what is known besides.

    `alerts` says of each rule where it stands; `about` describes the process
    and its settings in words.
    """

    sample: Sample
    alerts: Mapping[str, State]
    about: Mapping[str, str]


class Metric(Record):
    """One thing that is told: its name, what it is, and how it comes from a reading.

    `read` gives a row for each combination of labels, in units of which `per`
    make the one in the name. The last label of a histogram is `le`, with the
    number of durations below a bound and not below the one before it, or, as
    `sum`, all of them added up.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    across: str
    read: Read
    per: int

    @property
    def own(self) -> bool:
        """Whether nobody but gctune tells it."""
        return self.name.startswith("gctune_")
