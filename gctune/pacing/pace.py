"""The words of pacing: what is read, what is held to, what is done, what is remembered."""

from __future__ import annotations

from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Three: TypeAlias = tuple[int, int, int]


LEAST_BYTES = 3 << 20  # of a budget that is a share: an interpreter takes 10 MB that never grow


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
    limit. `thawed` counts objects that were not known of, or frozen, before.
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

    `own` are the thresholds that the program came with, and `nursery` is how
    many containers a young collection looks at where there is garbage.
    `scan_ns` is what a young collection takes for each object that it looks
    at, `free_ns` what freeing one takes besides, and `old_ns` what a look takes
    for each that was counted, freeing included. `object_bytes` is what a
    container takes with all that it holds. `base` is the memory when what is
    new was last looked at, or less, and `doublings` how often what it may grow
    by has been doubled. `kept` counts containers that
    are neither young nor frozen, `fresh` those of them that are new since
    then, `least` the fewest that looks have left lately, `counted` all that came
    since then, `frozen` what is frozen: all as if none were freed in between.
    `found` is the garbage of the look under way. `sampled` is the memory at the
    last sample, or less, `sampled_at_ns` when the one under way was asked for, and
    `sample` how many are to gather for it; `deep` says that it is to show
    why memory has grown. `young_yield` is the share of garbage in young
    collections, `late` in the last look. `seen` and `garbage` are of the batch
    under way; `calm` counts batches in a row without garbage, and from
    `calm_enough` on what is new is skipped. `braked` says that the collector
    may hold off full collections, `looked` that one was asked for just now.
    `rate` is how many containers come in a nanosecond, or came lately, `flow` how
    many come to stay, over the last second or so. `look_ns` is what the
    look under way has taken. `until_young` and `until_rss` are where something
    is due. `deep_at_ns` is when all was last looked at, `deep_rss` the memory
    then, or less, and `deep_late` the share of garbage in it. `vain` is how often
    what came slowly was frozen since a look last found garbage, and `settled`
    is the memory when what came last came faster, or less.
    """

    regime: str
    last: Reading
    thresholds: Three
    own: Three
    nursery: float
    scan_ns: float
    free_ns: float
    old_ns: float
    object_bytes: float
    base: int
    doublings: int
    kept: int
    fresh: int
    least: int
    counted: int
    found: int
    frozen: int
    sampled: int
    sampled_at_ns: int
    sample: int
    deep: bool
    young_yield: float
    late: float
    seen: int
    garbage: int
    calm: int
    calm_enough: int
    braked: bool
    looked: bool
    rate: float
    flow: float
    look_ns: int
    until_young: float
    until_rss: float
    deep_at_ns: int
    deep_rss: int
    deep_late: float
    vain: int
    settled: int


class Decision(Record):
    """What to do, when to read again, and why; the reason is empty where nothing changes."""

    state: State
    acts: tuple[str, ...]
    pause_ns: int
    reason: str
