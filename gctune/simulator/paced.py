"""What a captured run would have taken in adaptive mode: the policy itself, stepped along a replay.

The program does what it did, as long as it took outside of collections; the
collector follows the thresholds that the policy sets, and what it freezes is
out of collections' reach. The policy reads what the thread would: counts and
collections as replayed, their CPU time by the cost model, memory by its blocks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import sub

from gctune.host.generations import three
from gctune.pacing import policy
from gctune.pacing.pace import Act, Decision, Goal, Reading
from gctune.simulator.arrivals import Arrival, Climbs, Counter
from gctune.simulator.conduct import Thresholds
from gctune.simulator.estimate import Estimate, greatest
from gctune.simulator.flow import Flow
from gctune.simulator.generations import AUTOMATIC, OLD, YOUNG, highest
from gctune.simulator.paced_heap import PacedHeap
from gctune.simulator.recapture import recapture
from gctune.simulator.simulator import KEPT
from gctune.simulator.stretch import Stretch
from gctune.simulator.summary import Summary

# What the thread takes, as measured on 3.13 beside an idle program and a busy one.
_BEGIN_NS = 10_000_000  # of CPU time: what it imports, and its first look
_LOOK_NS = 250_000  # of CPU time, each look
_COUNT_NS = 45  # of CPU time, each object that is counted before a look
_THAW_NS = 10  # of CPU time, each object that is counted as it is thawed
_SOON_NS = 20_000_000  # until the first look, as in services
_LATE_NS = 10_000_000  # a look: twice it waits the 5 ms after which the lock is handed over

_MOST_STEPS = 10_000  # collections and looks of a stretch: 0.3 s


@dataclass(frozen=True)
class Paced:
    """A captured run in adaptive mode: CPU seconds, those of gctune's thread among `gc_seconds`.

    `grown_bytes` is what the peak of rss grows by, with what garbage may keep besides its blocks.
    """

    gc_seconds: float
    pause_seconds: float
    grown_bytes: Estimate


def pace(summary: Summary, goal: Goal, *, short: bool = False) -> Paced | None:
    """Replay a captured run in adaptive mode; None where that takes too many steps.

    With `short`, what full collections found died as soon as it can have.
    """
    busy = [stretch for stretch in summary.stretches if stretch.timeline]
    runs = [_Run(summary, _short_lived(each) if short else each) for each in busy]
    if not all(run.go(goal) for run in runs):
        return None
    return Paced(
        summary.weight * sum(run.gc_ns for run in runs) / 1e9,
        max((run.longest_ns for run in runs), default=0.0) / 1e9,
        greatest([run.grown_bytes for run in runs] or [Estimate.exact(0.0)]),
    )


def _short_lived(stretch: Stretch) -> Stretch:
    """The same, with lives no longer than two spans of generation 1, which they outlived."""
    line = stretch.timeline
    middles = len(line) - line.columns.generation.count(YOUNG)
    longest = 2 * len(line) / max(1, middles)
    old = [one._replace(death=min(one.death, one.birth + longest)) for one in line.garbage.old]
    line = replace(line, garbage=replace(line.garbage, old=old))
    steps = list(recapture(line, stretch.heap()))
    live = array("d", (step.live for step in steps))
    held = array("d", (step.held_blocks for step in steps))
    return replace(stretch, timeline=line, live=live, held=held)


class _Run:
    """A stretch of a run in adaptive mode.

    A climb of the captured run takes the time that lay between its collections:
    `left` containers of it are yet to come, in `left_ns`.
    """

    def __init__(self, summary: Summary, stretch: Stretch) -> None:
        begun = stretch.heap()
        self.gc_ns, self.longest_ns = float(_BEGIN_NS) / summary.weight, 0.0
        self._summary, self._stretch, self._timeline = summary, stretch, stretch.timeline
        self._thresholds: Thresholds = summary.thresholds
        self._heap = PacedHeap(begun.settled, begun.count1, begun.count2)
        self._climbs, self._flow = Climbs(stretch.timeline), Flow(stretch.timeline, self._heap)
        self._counter = Counter()
        self._times = list(_times(summary, stretch))
        self._now_ns = self._position = self._steps = 0
        self._collections, self._collected = [0, 0, 0], [0, 0, 0]
        self._pauses: list[int] = []
        self._examined = 0  # young objects that collections looked at since the last reading
        self._thawed, self._frozen = stretch.start.objects, False
        captured = list(map(self._weigh, stretch.timeline.blocks, stretch.held))
        self._captured, self._most_bytes = greatest(captured), Estimate.exact(0.0)
        self._climb()

    def go(self, goal: Goal) -> bool:
        """Run to the end; whether that was reached in as many steps as are worth it."""
        self._advance(_SOON_NS)
        pause_ns = self._do(policy.begin(self._read(), self._thresholds, goal))
        while not self._over and self._steps < _MOST_STEPS:
            self._advance(self._now_ns + pause_ns + _LATE_NS)
            reading = self._read()
            rest_ns = policy.rest_ns(self._state, reading)
            pause_ns = rest_ns or self._do(
                policy.decide(self._state, reading, goal, self._count_older)
            )
        return self._over

    @property
    def grown_bytes(self) -> Estimate:
        """The most that was allocated, beyond that of the captured run."""
        expected, *bounds = map(sub, self._most_bytes, self._captured)
        return Estimate(expected, min(expected, *bounds), max(expected, *bounds))

    def _weigh(self, blocks: float, held: float) -> Estimate:
        """What blocks take, with what those of them keep that garbage holds."""
        own, kept = blocks * self._summary.bytes_per_block, held * self._summary.payload_per_block
        return Estimate(*(own + share * kept for share in KEPT))

    @property
    def _over(self) -> bool:
        return self._position >= len(self._timeline)

    def _climb(self) -> None:
        """Begin the next climb."""
        if self._over:
            return
        line, place = self._timeline, self._position
        self._counter.fall(line.descents[place])
        self._left = max(0, line.climbs[place] - line.steps[place]) + line.reused[place]
        self._left_ns = self._times[place]

    def _advance(self, until_ns: int) -> None:
        """Let the program go on until then, or to its end."""
        while self._now_ns < until_ns and not self._over and self._steps < _MOST_STEPS:
            if self._left or self._left_ns:
                self._go_on(until_ns - self._now_ns)
            else:
                self._top()

    def _go_on(self, most_ns: int) -> None:
        """Climb for so long at most, and no further than to a collection."""
        counter, left = self._counter, self._left
        due = max(0, self._most + 1 - counter.level) + counter.free
        coming = left * most_ns // self._left_ns if most_ns < self._left_ns else left
        climbed = min(coming, due)
        took = self._left_ns * climbed // left if climbed < coming else most_ns
        took = min(took, self._left_ns)
        counter.climb(climbed)
        self._left, self._left_ns = left - climbed, self._left_ns - took
        self._now_ns += took
        if counter.level > self._most:
            self._collect(AUTOMATIC)

    def _top(self) -> None:
        """The end of a climb, where the captured run collected."""
        line, place = self._timeline, self._position
        self._counter.level += line.steps[place]
        self._counter.garbage += line.garbage.young[place]
        self._position += 1
        asked = line.explicit[place]
        if self._counter.level > self._most or asked != AUTOMATIC:
            self._collect(asked)
        else:
            self._counter.garbage += line.garbage.in_flight[place]
        self._climb()

    def _collect(self, asked: int) -> None:
        heap, place = self._heap, self._position
        young = self._counter.collected(place, self._counter.level, asked)
        self._examined += young.objects
        arrival = self._look(young.objects)
        heap.lose(young.died)
        quarter = self._stretch.quarters[min(place, len(self._timeline) - 1)]
        automatic = asked == AUTOMATIC
        ripe = heap.ripeness >= quarter
        generation = heap.due(*self._thresholds[1:], ripe) if automatic else asked
        in_flight = self._flow.spare(generation, arrival)
        _, examined, freed = heap.collect(generation, young.objects, self._live, place)
        self._flow.land(generation, in_flight)
        self._count(generation, examined, freed)

    def _look(self, objects: int = 0) -> Arrival:
        """Let garbage arise up to here, and take note of the memory."""
        arrival = self._climbs.advance(self._position, objects)
        self._flow.arrive(arrival)
        place = max(0, self._position - 1)
        held = self._heap.held_blocks
        others = self._timeline.blocks[place] - self._stretch.held[place]
        self._most_bytes = greatest([self._most_bytes, self._weigh(others + held, held)])
        self._steps += 1
        return arrival

    def _count(self, generation: int, examined: float, freed: float) -> None:
        taken = self._summary.cost.cost_ns(generation, examined, freed)
        self._collections[generation] += 1
        self._collected[generation] += round(freed)
        self._pauses.append(round(taken))
        self._now_ns += round(taken)
        self.gc_ns += taken
        self.longest_ns = max(self.longest_ns, taken)

    @property
    def _most(self) -> int:
        return highest(self._thresholds[0])

    @property
    def _live(self) -> float:
        return self._stretch.live[max(0, self._position - 1)]

    def _read(self) -> Reading:
        self._look()
        self.gc_ns += _LOOK_NS
        pauses, self._pauses = tuple(self._pauses), []
        examined, self._examined = self._examined, 0
        thawed, self._thawed = self._thawed, 0
        return Reading(
            at_ns=self._now_ns,
            young=self._counter.level,
            collections=three(self._collections),
            collected=three(self._collected),
            pauses_ns=pauses,
            examined=examined,
            rss=self._rss,
            freezes=not self._summary.conduct.frozen,
            frozen=self._frozen,
            pressed=False,
            thawed=thawed,
        )

    @property
    def _rss(self) -> int:
        """What the process takes: memory that was freed seldom goes back to the system.

        Up to the captured peak in proportion, and beyond it by what garbage takes.
        """
        peak, most, captured = self._summary.peak_rss_bytes, self._most_bytes[0], self._captured[0]
        more = most - captured
        return max(1, round(peak + (more if more > 0 else more * peak / captured)))

    def _count_older(self) -> int:
        older = round(self._heap.older(self._live, self._counter.level))
        self.gc_ns += older * _COUNT_NS
        return older

    def _do(self, decision: Decision) -> int:
        """Do what was decided; how long to rest then."""
        for act in decision.acts:
            self._act(act)
        self._state = decision.state
        self._thresholds = decision.state.thresholds
        return decision.pause_ns

    def _act(self, act: str) -> None:
        if act == Act.FREEZE:
            self._heap.freeze(self._live, self._position)
            self._counter.level, self._frozen = 0, True
        elif act == Act.THAW:
            thawed = self._heap.thaw()
            self.gc_ns += thawed * _THAW_NS
            self._thawed, self._frozen = self._thawed + thawed, False
        else:
            self._heap.forget()
            self._collections[OLD] += 1


def _times(summary: Summary, stretch: Stretch) -> Iterator[int]:
    """How long each climb took, in nanoseconds; of a sampled run nothing tells of the first."""
    columns = stretch.timeline.columns
    last = columns.start_ns[0] if summary.sampled else summary.header.start_ns
    for start, pause in zip(columns.start_ns, columns.wall_ns):
        yield max(0, start - last)
        last = start + pause
