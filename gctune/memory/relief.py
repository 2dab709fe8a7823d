"""The words of relief: what is read, what can be done, and what is remembered."""

from __future__ import annotations

from gctune.memory.budget import Budget
from gctune.record import Record

ENFORCED_SHARE, ADVISORY_SHARE = 0.5, 0.02  # of the time, in any two seconds


class Mood:
    """How the process stands to its limit."""

    OK = "ok"
    RELIEVING = "relieving"
    THRASHING = "thrashing"  # relief is due and is not to be had: it was in vain, or too dear


class Act:
    """A step of relief, in the order in which they are taken."""

    SHRINK = "shrink"  # the pools, and what the program releases when it is asked to
    YOUNG = "young"
    FULL = "full"
    TRIM = "trim"


_SLACK = 0.07  # of the limit: as much of what is free in the allocator need not be given back


class Reading(Record):
    """The memory that counts at one instant, and what it is held against.

    `own` of `used` is this process's, of which `free` is free in the allocator,
    as far as it is known. `limit` is what to stay under, `end` where the kernel
    kills; None is nowhere. `enforced` says whether relief may cost more than a
    little. `chance` is a random number from 0 to 1.
    """

    at_ns: int
    used: int
    own: int
    free: int
    limit: int
    end: int | None
    enforced: bool
    chance: float

    @property
    def share(self) -> float:
        """The part of what is used that is this process's own, above 0 and at most 1."""
        return min(1.0, self.own / self.used) if self.own > 0 and self.used > 0 else 1.0

    @property
    def alone(self) -> float:
        """From 0, where the half is others', to 1, where all is this process's own.

        What one process keeps free is no use to others that share the limit.
        """
        return max(0.0, 2 * self.share - 1)

    @property
    def taken(self) -> float:
        """What is used and not free; of what is free, no more than the slack is left out."""
        return self.used - min(self.free, self.limit * _SLACK * self.alone)

    @property
    def held(self) -> float:
        """What of its own the program holds: what is free is at hand, unless others need it."""
        return self.own - self.free * self.alone

    @property
    def cpu_share(self) -> float:
        """The share of the time that relief may take."""
        return ENFORCED_SHARE if self.enforced else ADVISORY_SHARE


class Relief(Record):
    """Relief under way: the acts still to come, how it was before, and what it cost so far."""

    acts: tuple[str, ...]
    before: Reading
    cost_ns: int


class State(Record):
    """What the policy remembers from one reading to the next.

    `due_ns` is when the next reading was due, and `late_ns` how late readings
    have been. `rate` is the growth in bytes a second. `left` is what the last full
    collection left. `vain` counts reliefs in a row that were in vain, and
    `rest_ns` is the instant until which that forbids the next one. `spread`,
    from 0 to 1, is this process's place among those that share the limit.
    `costs` and `done` hold what each act took the last time, and when.
    """

    mood: str
    at_ns: int
    taken: float
    due_ns: int
    late_ns: int
    rate: float
    left: float
    vain: int
    rest_ns: int
    spread: float
    budget: Budget
    relief: Relief | None
    costs: dict[str, int]
    done: dict[str, int]


class Decision(Record):
    """One act to do before the next reading; None is to look again after `pause_ns`."""

    act: str | None
    state: State
    pause_ns: int
