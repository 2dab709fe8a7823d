"""The words of pacing: what is read, what is held to, what is done, what is remembered."""

from __future__ import annotations

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.generations import Three

LEAST_BYTES = 3 << 20  # of a budget that is a share: an interpreter takes 10 MB that never grow


def starts_by_itself(enabled: bool, thresholds: Three) -> bool:
    """Whether collections do, of a collector so set: at a threshold0 of 0 none does either."""
    return enabled and thresholds[0] != 0


class Regime:
    """What the collector is had to do just now."""

    WATCH = "watch"  # let nothing be frozen unseen
    SAMPLE = "sample"  # let one young collection look at a little
    SKIP = "skip"  # let what is new grow old unseen: there was none
    LOOK = "look"  # a full collection is due, and comes with the next allocations


class Act:
    """What is done besides moving thresholds."""

    FREEZE = "freeze"  # have what exists looked at no more
    THAW = "thaw"  # have what was frozen looked at again
    FORGET = "forget"  # have the collector forget how much its last full collection left


class Goal(Record):
    """What pacing is held to.

    `pause_ns` is what a collection should take at most; `budget` is what
    garbage may take that waits: bytes, or where it is at most 1 a share of the
    memory.
    """

    pause_ns: int
    budget: float

    def budget_bytes(self, memory: int) -> float:
        """What garbage may take of so much memory."""
        return max(memory * self.budget, LEAST_BYTES) if self.budget <= 1 else self.budget


class Reading(Record):
    """The process at one instant.

    `young` is the collector's count of container allocations less
    deallocations since the last collection. `collections` and `collected` are
    its totals by generation. `pauses_ns` is what each collection since the
    last reading took, in CPU time, and `examined` the young containers that they
    looked at, 0 where nothing tells. `freezes` says whether anything may be
    frozen, `frozen` whether what was is, and `pressed` that memory is near its
    limit. `thawed` counts objects that were not known of, or frozen, before,
    `older` those that are neither young nor frozen; -1 where they were not counted.
    """

    at_ns: int
    young: int
    collections: Three
    collected: Three
    pauses_ns: tuple[int, ...]
    examined: int
    rss: int
    freezes: bool
    frozen: bool
    pressed: bool
    thawed: int
    older: int = -1

    @property
    def may_freeze(self) -> bool:
        """Whether to: near the limit nothing is to hold garbage back."""
        return self.freezes and not self.pressed


class Since(Record):
    """What happened between two readings.

    `examined` counts the containers that collections looked at and that were
    new to them, `found` the garbage among those.
    """

    collections: Three
    found: int
    examined: int


class State(Record):
    """What the policy remembers from one reading to the next.

    Memory is rss in bytes, and what is remembered of it goes down with it. Counts are
    of containers, as if none were freed in between.
    """

    regime: str
    last: Reading
    thresholds: Three
    own: Three  # those that the program came with

    # What a collection takes, and what comes
    nursery: float  # containers that a young one looks at where there is garbage
    scan_ns: float  # that a young one takes for each that it looks at
    free_ns: float  # that freeing one takes besides
    left_ns: float  # that a middle one takes for each that young ones had looked at before
    old_ns: float  # that a look takes for each that was counted, freeing included
    object_bytes: float  # that a container takes with all that it holds

    # Growth
    base: int  # memory when what is new was last looked at
    doublings: int  # of what it may grow by

    # What there is
    kept: int  # neither young nor frozen
    fresh: int  # of those, new since `base`
    least: int  # that looks have left lately
    counted: int  # all that came since `base`
    unseen: float  # times as many that came to stay as the collector's counts tell
    right: int  # counts in a row of what there is that were as expected
    uncounted: int  # looks that came since the last of these
    found: int  # garbage, by the look under way
    frozen: int
    bare: bool  # nothing else has grown old: a middle collection looks at all that is not

    # Samples
    sampled: int  # memory at the last one
    sampled_at_ns: int  # when the one under way was asked for
    sample: int  # how many are to gather for it
    deep: bool  # it is to show why memory has grown

    # Garbage
    young_yield: float  # its share in young collections
    late: float  # in the last look
    seen: int  # looked at in the batch under way
    garbage: int  # of that
    calm: int  # batches in a row without any, and samples since
    calm_enough: int  # batches, from which on what is new is skipped

    braked: bool  # the collector may hold off full collections
    looked: bool  # one was asked for just now

    rate: float  # containers that come in a nanosecond, or came lately
    flow: float  # that come to stay, over the last second or so
    look_ns: int  # that the look under way has taken
    until_young: float  # where something is due
    until_rss: float

    # The last look at all that there is
    deep_at_ns: int
    deep_rss: int
    deep_late: float  # the share of garbage in it, or half of that in the one before

    vain: int  # how often what came slowly was frozen since a look last found garbage
    settled: int  # memory when what came last came faster


class Decision(Record):
    """What to do, when to read again, and why; the reason is empty where nothing changes."""

    state: State
    acts: tuple[str, ...]
    pause_ns: int
    reason: str
