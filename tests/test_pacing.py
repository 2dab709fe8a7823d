"""Adaptive mode's policy: its bounds hold on any trace, and it comes to rest on a steady one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gctune.pacing import moves, policy
from gctune.pacing.amounts import MUCH, NURSERY, OLD_NS, nursery, outgrown
from gctune.pacing.pace import Act, Decision, Goal, Reading, Regime, State
from gctune.pacing.piles import room, stays, too_much
from gctune.pacing.thresholds import NEVER, USUAL, thresholds_of
from gctune.pacing.waiting import due_ns

MS, SECOND, MIB = 1_000_000, 1_000_000_000, 1 << 20
GOAL = Goal(10 * MS, 0.1)
BEFORE = (2000, 10, 10)
SCAN_NS, FREE_NS = 100, 300  # what the process below takes for an object
FROZEN = 3  # above the oldest generation


class Process:
    """A process that allocates as it is told, and collects by the thresholds that it is given.

    Of what it allocates, `garbage` containers in a hundred are garbage, which
    any collection that looks at them finds.
    """

    rate = 200  # containers a millisecond

    def __init__(self, rss: int = 100 * MIB, each: int = 150) -> None:
        self.at_ns, self.rss, self.each = 0, rss, each
        self.collections, self.collected = [0, 0, 0], [0, 0, 0]
        self.generations = [0, 0, 0]  # containers of each that live
        self.waiting = [0, 0, 0]  # garbage of each
        self.counts = [0, 0, 0]
        self.pauses: list[int] = []
        self.examined = 0
        self.longest_ns = 0
        self.frozen_garbage = self.thawed = 0
        self.frozen = False
        self.decision = policy.begin(self.reading(), BEFORE, GOAL)
        self.act()

    @property
    def state(self) -> State:
        return self.decision.state

    @property
    def garbage_bytes(self) -> int:
        return (sum(self.waiting) + self.frozen_garbage) * self.each

    def reading(self) -> Reading:
        pauses, self.pauses = tuple(self.pauses), []
        examined, self.examined = self.examined, 0
        thawed, self.thawed = self.thawed, 0
        young, middle, full = self.collections
        found = (self.collected[0], self.collected[1], self.collected[2])
        return Reading(
            self.at_ns,
            self.counts[0],
            (young, middle, full),
            found,
            pauses,
            examined,
            self.rss,
            freezes=True,
            frozen=self.frozen,
            pressed=False,
            thawed=thawed,
        )

    def run(self, containers: int, garbage: int) -> None:
        """Allocate until the policy looks again and after."""
        while containers > 0:
            until = self.at_ns + self.decision.pause_ns
            while self.at_ns < until and containers > 0:
                self.allocate(min(100, containers), garbage)
                containers -= 100
            self.look()

    def rest(self, ns: int) -> None:
        end = self.at_ns + ns
        while self.at_ns < end:
            self.at_ns += self.decision.pause_ns
            self.look()

    def allocate(self, containers: int, garbage: int) -> None:
        self.at_ns += containers * MS // self.rate
        dead = containers * garbage // 100
        self.generations[0] += containers - dead
        self.waiting[0] += dead
        self.counts[0] += containers
        self.rss += containers * self.each
        young, middle, full = self.state.thresholds
        if self.counts[0] > young:
            oldest = 2 if self.counts[2] > full else 1 if self.counts[1] > middle else 0
            self.collect(oldest)

    def collect(self, oldest: int) -> None:
        found = sum(self.waiting[: oldest + 1])
        alive = sum(self.generations[: oldest + 1])
        self.pauses.append((alive + found) * SCAN_NS + found * FREE_NS)
        self.longest_ns = max(self.longest_ns, self.pauses[-1])
        self.collections[oldest] += 1
        self.examined += self.counts[0]
        self.collected[oldest] += found
        self.rss -= found * self.each
        for generation in range(oldest + 1):
            self.generations[generation] = self.waiting[generation] = 0
            self.counts[generation] = 0
        self.generations[min(oldest + 1, 2)] += alive
        if oldest < 2:
            self.counts[oldest + 1] += 1

    def look(self) -> None:
        reading = self.reading()
        rest_ns = policy.rest_ns(self.state, reading)
        if rest_ns:
            self.decision = self.decision._replace(pause_ns=rest_ns)
        else:
            self.decision = self.decide(reading)
            self.act()

    def decide(self, reading: Reading) -> Decision:
        return policy.decide(self.state, reading, GOAL, self.count_older)

    def count_older(self) -> int:
        return sum(self.generations[1:]) + sum(self.waiting[1:])

    def act(self) -> None:
        for act in self.decision.acts:
            if act == Act.FREEZE:
                self.frozen, self.counts = True, [0, 0, 0]
                self.frozen_garbage += sum(self.waiting)
                self.generations, self.waiting = [0, 0, 0], [0, 0, 0]
            elif act == Act.THAW:
                self.frozen = False
                self.waiting[2] += self.frozen_garbage
                self.frozen_garbage = 0
            else:
                self.collections[2] += 1


class Sessions(Process):
    """A slow process that keeps so many of its last containers; older ones are garbage."""

    rate = 20

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.alive: deque[list[int]] = deque()  # the generation of each hundred, or where it is
        super().__init__()

    def allocate(self, containers: int, garbage: int = 0) -> None:
        self.alive.append([0])
        super().allocate(containers, garbage)
        while len(self.alive) * 100 > self.kept:
            (generation,) = self.alive.popleft()
            if generation == FROZEN:
                self.frozen_garbage += 100
            else:
                self.generations[generation] -= 100
                self.waiting[generation] += 100

    def collect(self, oldest: int) -> None:
        super().collect(oldest)
        for each in self.alive:
            if each[0] <= oldest:
                each[0] = min(oldest + 1, 2)

    def act(self) -> None:
        super().act()
        for each in self.alive if Act.FREEZE in self.decision.acts else ():
            each[0] = FROZEN


Phases = st.lists(st.tuples(st.integers(1000, 300_000), st.integers(0, 100)), max_size=8)


def phases(process: Process, trace: list[tuple[int, int]]) -> Iterator[Decision]:
    for containers, garbage in trace:
        process.run(containers, garbage)
        yield process.decision


@given(Phases)
def test_thresholds_and_waits_stay_within_their_bounds(trace: list[tuple[int, int]]) -> None:
    process = Process()
    for decision in phases(process, trace):
        young, middle, full = decision.state.thresholds
        assert 1 <= young <= GOAL.pause_ns / 20  # the least that an object can take
        assert 0 <= middle <= 20 or middle == NEVER
        assert full in (0, NEVER)
        assert 0 < decision.pause_ns <= SECOND // 4


@given(Phases)
def test_the_same_readings_lead_to_the_same_decisions(trace: list[tuple[int, int]]) -> None:
    first, second = Process(), Process()
    assert list(phases(first, trace)) == list(phases(second, trace))


@given(Phases)
def test_garbage_held_stays_within_the_budget_and_what_one_reaction_lets_pass(
    trace: list[tuple[int, int]],
) -> None:
    process = Process()
    for _ in phases(process, trace):
        state = process.state
        budget = GOAL.budget_bytes(process.rss) * (1 << state.doublings)
        window = 2 * GOAL.pause_ns / OLD_NS * process.each
        assert process.garbage_bytes <= 2 * budget + window


def test_garbage_that_starts_when_a_sample_has_just_found_none_is_found() -> None:
    process = Process()
    process.run(2_000_000, 0)
    assert process.state.regime != Regime.WATCH
    process.run(400_000, 100)
    assert process.state.regime in (Regime.WATCH, Regime.LOOK)
    assert process.garbage_bytes <= 1.5 * GOAL.budget_bytes(process.rss)


def test_no_more_is_skipped_between_two_samples_than_the_budget() -> None:
    process = Process()
    for _ in range(400):
        process.run(5_000, 0)
        if process.state.regime == Regime.SKIP:
            skipped = process.rss - process.state.sampled
            assert skipped <= GOAL.budget_bytes(process.rss) / 2 + SECOND // 4 / MS * 200 * 150


def test_a_sample_is_left_to_a_thread_of_the_program() -> None:
    process = Process()
    while process.state.regime != Regime.SAMPLE:
        process.run(1_000, 0)
    assert process.state.thresholds[0] > process.counts[0] + 10


def until(process: Process, reason: str, garbage: int = 0) -> None:
    """Have it allocate until the policy has decided something for that reason."""
    while process.decision.reason != reason:
        process.run(1_000, garbage)


def test_a_sample_that_takes_long_to_gather_takes_what_there_is() -> None:
    """Containers that others die for are not counted, and are looked at all the same."""
    process = Process()
    until(process, "growth")
    assert process.state.sample > process.counts[0] + 1_000
    process.rest(SECOND)
    assert process.state.sample < process.counts[0] + 100


def test_two_readings_at_one_instant_are_survived() -> None:
    never = float("inf")
    state = Process().state._replace(regime=Regime.WATCH, frozen=0)
    watched = state._replace(until_young=never, until_rss=never)
    assert 0 < policy.rest_ns(watched, watched.last) <= SECOND // 4


def test_what_comes_after_growth_was_garbage_is_looked_at_before_it_is_frozen() -> None:
    process = Process()
    until(process, "growth")
    until(process, "garbage", 40)
    while not process.decision.acts and process.state.regime != Regime.LOOK:
        process.run(1_000, 2)
    assert process.state.regime == Regime.LOOK


def test_what_came_in_bulk_counts_whatever_the_threshold() -> None:
    """What is parsed at once takes one young collection, and many thresholds of objects."""
    watched = Process().state._replace(regime=Regime.WATCH, calm_enough=9)
    reading = watched.last._replace(at_ns=SECOND, collections=(1, 0, 1), examined=30_000)
    assert policy.advance(watched, reading._replace(frozen=True), GOAL).state.kept == 30_000


def test_what_a_long_collection_left_is_told_by_what_it_took() -> None:
    reading = Process().reading()._replace(collections=(1, 0, 0), pauses_ns=(100 * MS,))
    state = policy.advance(Process().state, reading._replace(at_ns=SECOND), GOAL).state
    assert state.kept == 100 * MS // OLD_NS


def test_a_look_at_what_is_young_tells_what_an_object_takes() -> None:
    watched = Process().state._replace(regime=Regime.WATCH, kept=0, frozen=10**6)
    grown = watched.last._replace(at_ns=SECOND, young=30_000, rss=200 * MIB, frozen=True)
    looking = policy.advance(watched, grown, GOAL).state
    assert looking.regime == Regime.LOOK
    looked = grown._replace(at_ns=2 * SECOND, young=0, collections=(1, 1, 2), pauses_ns=(3 * MS,))
    assert policy.advance(looking, looked, GOAL).state.old_ns < watched.old_ns


def test_what_grows_old_once_a_sample_found_garbage_is_looked_at() -> None:
    process = Process()
    until(process, "garbage", 40)
    while process.state.regime != Regime.LOOK:
        process.run(1_000, 40)
        assert Act.FREEZE not in process.decision.acts


def looked_at(objects: int, state: State) -> State:
    """Have a look find no garbage among so many new objects."""
    state = state._replace(regime=Regime.LOOK, kept=objects, fresh=objects)
    young, middle, full = state.last.collections
    collections, took = (young + 1, middle + 1, full + 1), (objects * OLD_NS,)
    reading = state.last._replace(collections=collections, pauses_ns=took, frozen=True)
    return policy.advance(state, reading._replace(at_ns=SECOND), GOAL).state


def test_what_a_middle_collection_finds_just_before_a_look_counts_for_it() -> None:
    looking = Process().state._replace(regime=Regime.LOOK, kept=40_000, fresh=40_000)
    reading = looking.last._replace(at_ns=SECOND, collections=(2, 1, 2), collected=(0, 10_000, 200))
    state = policy.advance(looking, reading._replace(pauses_ns=(5 * MS,), frozen=True), GOAL).state
    assert state.late == 10_200 / 40_000


@pytest.mark.parametrize(("nursery", "middle"), [(2000, 10), (5000, 4), (NURSERY, 2)])
def test_middle_collections_come_after_as_many_containers_as_the_program_had_them(
    nursery: int, middle: int
) -> None:
    """What a freeze comes before is frozen with its garbage."""
    assert thresholds_of(watching(nursery=float(nursery)), GOAL)[1] == middle


def watching(**fields: float) -> State:
    return Process(rss=1024 * MIB).state._replace(regime=Regime.WATCH, **fields)


@pytest.mark.parametrize(("left_ns", "middle"), [(50.0, 2), (300.0, 1), (500.0, 0), (900.0, NEVER)])
def test_a_middle_collection_looks_at_no_more_than_a_pause_allows(
    left_ns: float, middle: int
) -> None:
    """Young ones take 2 ms; what each left takes so many ns for each container it looked at."""
    state = watching(nursery=float(NURSERY), scan_ns=200.0, left_ns=left_ns)
    assert thresholds_of(state, GOAL)[1] == middle


@pytest.mark.parametrize("field", ["pressed", "freezes"])
def test_where_full_collections_come_by_themselves_middle_ones_do(field: str) -> None:
    """Near the memory limit, and where others have frozen: CPython counts the middle ones."""
    state = watching(nursery=float(NURSERY), scan_ns=200.0, left_ns=900.0)
    state = state._replace(last=state.last._replace(**{field: field == "pressed"}))
    assert thresholds_of(state, GOAL)[1:] == (2, USUAL)


def test_what_a_middle_collection_took_is_learned() -> None:
    state = watching(scan_ns=200.0, thresholds=(5000, 2, NEVER))
    young, middle, full = state.last.collections
    reading = state.last._replace(
        at_ns=SECOND,
        collections=(young + 2, middle + 1, full),
        examined=15_000,
        pauses_ns=(MS, MS, 7 * MS),
        frozen=True,
    )
    assert policy.advance(state, reading, GOAL).state.left_ns == 6 * MS / 15_000


def test_no_young_collection_takes_longer_than_a_pause() -> None:
    """Half is garbage, of which each takes 3 us to free."""
    state = watching(nursery=float(NURSERY), scan_ns=200.0, free_ns=3000.0, young_yield=0.5)
    assert thresholds_of(state, GOAL)[0] * 1.7 <= GOAL.pause_ns / 1000


@pytest.mark.parametrize(("bare", "middle"), [(True, NEVER), (False, 0)])
def test_where_garbage_is_old_what_survives_waits_for_the_look(bare: bool, middle: int) -> None:
    """Unless a full one has to come after: then two middle ones take no longer than one."""
    assert thresholds_of(watching(nursery=1e6, bare=bare), GOAL)[1] == middle


def test_a_middle_collection_is_a_look_where_nothing_else_is_old() -> None:
    looking = moves.look(watching(kept=20_000, bare=True))
    looking = looking._replace(thresholds=thresholds_of(looking, GOAL))
    assert looking.thresholds[1:] == (0, NEVER)
    young, middle, full = looking.last.collections
    reading = looking.last._replace(at_ns=SECOND, pauses_ns=(5 * MS,), frozen=True)
    passed = reading._replace(collections=(young + 1, middle, full))
    assert policy.advance(looking, passed, GOAL).state.regime == Regime.LOOK
    looked = reading._replace(collections=(young + 1, middle + 1, full))
    assert policy.advance(looking, looked, GOAL).state.regime != Regime.LOOK


def test_what_a_middle_collection_left_is_old() -> None:
    process = Process()
    assert process.state.bare
    young, middle, full = process.state.last.collections
    passed = process.reading()._replace(collections=(young, middle + 1, full), frozen=True)
    assert not policy.advance(process.state, passed, GOAL).state.bare


@pytest.mark.parametrize("threshold0", [-1, 0, 1])
def test_whatever_threshold0_a_program_came_with_there_are_thresholds(threshold0: int) -> None:
    begun = policy.begin(Process().reading(), (threshold0, 10, 10), GOAL).state
    forked = policy.resume(begun, begun.last, GOAL).state
    assert forked.regime == Regime.WATCH
    assert forked.thresholds[0] >= 1
    assert forked.thresholds[1] >= 0


def test_a_look_at_little_that_finds_none_tells_nothing_of_what_is_older() -> None:
    found = Process().state._replace(late=0.3)
    assert looked_at(10_000, found).late == 0.3
    assert looked_at(50_000, found).late == 0.0


def test_what_grows_old_after_another_collected_everything_is_looked_at() -> None:
    process = Process()
    collected = process.state.last._replace(at_ns=SECOND, collections=(0, 0, 2), frozen=False)
    state = policy.advance(process.state, collected, GOAL).state
    assert (state.regime, state.late) == (Regime.WATCH, MUCH)


@given(st.integers(1, 5000), st.integers(0, 20_000))
def test_a_pile_is_read_again_before_it_is_more_than_a_look_can_look_at(
    per_ms: int, survived: int
) -> None:
    """However fast it grows, down to the shortest wait there is."""
    process = Process()
    until(process, "garbage", 40)
    grows = process.state._replace(kept=survived, fresh=survived, flow=per_ms / 1e6)
    waited = due_ns(grows, GOAL)
    assert waited <= max(20 * MS, room(grows, GOAL) / grows.flow)
    assert 0 < waited <= SECOND // 4


def test_what_is_in_flight_is_not_frozen_where_looks_left_less_before() -> None:
    left = Process().state._replace(kept=60_000, late=0.5)
    assert stays(left._replace(least=15_000), GOAL)
    assert not stays(left._replace(least=60_000), GOAL)
    assert not stays(left._replace(least=15_000, late=0.0), GOAL)


def test_a_look_that_is_likely_to_find_much_may_look_at_more() -> None:
    """What is not looked at is frozen with its garbage."""
    piled = Process().state._replace(kept=50_000, fresh=50_000)
    found_none, found_much = piled, piled._replace(late=0.5)
    assert too_much(found_none, GOAL)
    assert not too_much(found_much, GOAL)
    assert room(found_much, GOAL) > room(found_none, GOAL)


def counted(older: int, told: int = 40_000, right: int = 0, looks: int = 0) -> Decision:
    """What is decided where the collector tells of some containers, and there are others."""
    process = Process()
    piled = process.state._replace(kept=told, fresh=told, frozen=0, late=0.5)
    watched = piled._replace(regime=Regime.WATCH, right=right, uncounted=looks)
    process.decision = process.decision._replace(state=watched)
    process.frozen, process.generations = False, [0, older, 0]
    process.at_ns = 20 * MS
    return process.decide(process.reading())


def test_what_a_look_is_to_look_at_is_counted_before() -> None:
    """The collector's counts are lowered by what dies elsewhere meanwhile."""
    as_told, more, fewer = counted(40_000), counted(200_000), counted(5_000)
    assert as_told.state.regime == Regime.LOOK
    assert (more.reason, more.acts) == ("too much", (Act.FREEZE,))
    assert (fewer.state.regime, fewer.state.kept, fewer.acts) == (Regime.WATCH, 5_000, ())


def test_what_is_too_much_is_counted_before_it_is_frozen() -> None:
    """What is frozen holds on to all that it refers to, and garbage waits there for long."""
    fewer, as_told = counted(5_000, told=200_000), counted(200_000, told=200_000)
    assert (fewer.state.kept, fewer.acts) == (5_000, ())
    assert (as_told.reason, as_told.acts) == ("too much", (Act.FREEZE,))


def test_what_a_middle_collection_found_among_older_ones_is_kept_no_more() -> None:
    state = watching(kept=50_000, fresh=50_000)
    young, middle, full = state.last.collections
    counts = {"collections": (young, middle + 1, full), "examined": 10_000}
    reading = state.last._replace(**counts, collected=(0, 30_000, 0), frozen=True)
    assert policy.advance(state, reading._replace(at_ns=SECOND), GOAL).state.kept == 30_000


def test_counts_that_told_too_little_are_believed_less() -> None:
    assert counted(40_000).state.unseen == 1
    assert counted(30_000).state.unseen < 1
    assert counted(60_000).state.unseen > 1


def test_counts_that_came_to_what_was_expected_come_more_seldom() -> None:
    """Each takes a tenth to a quarter of the look, and as long a pause."""

    def is_counted(right: int, looks: int) -> bool:
        return counted(40_000, right=right, looks=looks).state.last.older >= 0

    assert [is_counted(0, 1), is_counted(1, 1), is_counted(1, 2)] == [True, False, True]
    assert [is_counted(3, 7), is_counted(3, 8)] == [False, True]
    assert counted(40_000, right=1, looks=2).state.right == 2
    assert counted(60_000, right=1, looks=2).state.right == 0


def test_young_collections_that_find_garbage_are_as_large_as_the_budget_allows() -> None:
    """Of what is young for longer less has to be looked at again."""
    small, large = Process(rss=20 * MIB).state, Process(rss=1024 * MIB).state
    assert nursery(small, GOAL) == 0.4 * 3 * MIB / 150
    assert nursery(large, GOAL) == NURSERY
    assert nursery(small._replace(object_bytes=10_000.0), GOAL) == BEFORE[0]


@pytest.mark.parametrize(("garbage", "grown"), [(0.5, 17), (0.125, 33), (0.0, 257)])
def test_all_is_looked_at_the_sooner_again_the_more_garbage_that_found(
    garbage: float, grown: int
) -> None:
    state = Process(rss=40 * MIB).state._replace(deep_late=garbage)

    def at(growth: int) -> State:
        return state._replace(last=state.last._replace(rss=(40 + growth) * MIB))

    assert outgrown(at(grown))
    assert not outgrown(at(grown - 2))


def test_growth_without_garbage_is_looked_at_less_and_less() -> None:
    process = Process()
    process.run(3_000_000, 0)
    process.collections, before = [0, 0, 0], process.at_ns
    process.decision = process.decision._replace(
        state=process.state._replace(last=process.reading())
    )
    process.run(1_000_000, 0)
    assert process.at_ns > before
    assert sum(process.collections) * NURSERY < 500_000  # half of what came, or less


def test_a_steady_program_is_left_as_it_is() -> None:
    process = Process()
    process.run(50_000, 0)
    process.rest(5 * SECOND)
    before = process.state.thresholds, process.state.regime
    for _ in range(20):
        process.rest(SECOND)
        assert (process.state.thresholds, process.state.regime) == before
    assert process.decision.pause_ns == SECOND // 4


def calm_enough_after(containers: int) -> int:
    """How many batches are to be calm after so much growth, where 8 were to be before it."""
    process = Process(each=1500)
    distrustful = process.state._replace(calm_enough=8)
    process.decision = process.decision._replace(state=distrustful)
    process.run(containers, 0)
    return process.state.calm_enough


def test_garbage_of_long_ago_is_forgotten() -> None:
    """A process of weeks is as ready to believe in calm as a new one."""
    assert calm_enough_after(40_000) == 8
    assert calm_enough_after(4_000_000) == 1


def test_steady_garbage_keeps_one_pair_of_thresholds() -> None:
    process = Process()
    process.run(500_000, 90)
    seen = set()
    for _ in range(20):
        process.run(20_000, 90)
        if process.state.regime == Regime.WATCH:
            seen.add(process.state.thresholds[0])
    assert len(seen) <= 2


def test_big_payloads_after_a_long_quiet_are_looked_at_by_what_memory_grows() -> None:
    process = Process()
    process.rest(3600 * SECOND)
    process.each = MIB
    process.run(40, 100)  # far fewer containers than any threshold
    for _ in range(10):
        process.rest(SECOND // 4)
    assert process.state.doublings or process.state.regime == Regime.LOOK


def test_garbage_that_dies_old_does_not_pile_up_where_it_comes_slowly() -> None:
    process = Sessions(kept=100_000)
    process.run(1_500_000, 0)
    held = process.garbage_bytes
    process.run(1_500_000, 0)
    assert process.garbage_bytes <= held + GOAL.budget_bytes(process.rss)


def test_what_piled_up_while_the_thread_was_late_is_frozen_if_a_look_took_too_long() -> None:
    process = Process()
    process.run(100_000, 50)
    process.run(100_000, 2)
    process.rate = 2000
    while process.at_ns < 3 * SECOND // 2:
        process.allocate(100, 2)
    process.run(100_000, 2)
    assert process.longest_ns < 2 * GOAL.pause_ns


def test_what_another_collected_is_frozen_again() -> None:
    process = Process()
    process.run(2_000_000, 0)
    assert process.frozen
    process.frozen, process.frozen_garbage = False, 0
    process.collect(2)
    process.look()
    assert process.decision.reason == "collected by another"
    assert process.frozen


def test_what_another_has_frozen_is_never_thawed() -> None:
    reading = Process().reading()._replace(freezes=False, frozen=False)
    decision = policy.begin(reading, BEFORE, GOAL)
    for number in range(1, 50):
        reading = reading._replace(
            at_ns=number * SECOND, rss=reading.rss + 5 * MIB, collections=(number, number, 0)
        )
        decision = policy.advance(decision.state, reading, GOAL)
        assert decision.acts == ()
        assert decision.reason != "too much"
        if decision.state.regime == Regime.WATCH:
            assert decision.state.thresholds[2] == USUAL


def test_near_the_memory_limit_nothing_stays_frozen() -> None:
    process = Process()
    process.run(500_000, 0)
    assert process.frozen
    reading = process.reading()._replace(pressed=True)
    assert policy.rest_ns(process.state, reading) == 0
    decision = policy.advance(process.state, reading, GOAL)
    assert decision.acts == (Act.THAW,)
    assert decision.reason == "the limit is near"
    assert decision.state.thresholds[2] == USUAL


def test_a_forked_child_starts_from_what_its_parent_has_learned() -> None:
    process = Process()
    process.run(500_000, 30)
    decision = policy.resume(process.state, process.reading()._replace(freezes=False), GOAL)
    assert decision.state.free_ns == process.state.free_ns
    assert decision.acts == ()
    assert decision.reason == "fork"
