"""The soft limit's policy, on memory that is made up: bounded, without flapping, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gctune.memory.budget import WINDOW_NS, Budget
from gctune.memory.limit import ORDER, decide, did, initial
from gctune.memory.relief import ADVISORY_SHARE, ENFORCED_SHARE, Act, Mood, Reading, State

MIB, MS, SECOND = 1 << 20, 1_000_000, 1_000_000_000
LIMIT, END = 448 * MIB, 512 * MIB
SWITCH_NS = 5 * MS  # what a busy program takes to let the thread run


class Program:
    """A made-up program: what lives, how fast it makes garbage, and what each act costs and frees.

    `frees` is the share of the garbage that an act frees; `costs_ms` of each act.
    """

    def __init__(
        self,
        live: float = 100 * MIB,
        rate: float = 0.0,
        *,
        end: int | None = END,
        enforced: bool = True,
        share: float = 1.0,
        frees: dict[str, float] | None = None,
        costs_ms: dict[str, float] | None = None,
    ) -> None:
        self.live, self.rate, self.garbage = live, rate, 0.0
        self.end, self.enforced, self.share = end, enforced, share
        self.frees = {Act.FULL: 1.0} if frees is None else frees
        self.costs_ns = {act: int(ms * MS) for act, ms in (costs_ms or {}).items()}
        self.now_ns, self.peak, self.looks = 0, live, 0
        self.done: list[tuple[int, str, int]] = []  # when, what, for how long
        self.moods: list[tuple[int, str]] = []

    def run(self, seconds: float) -> Program:
        """Look as often as the policy says, and do what it says."""
        state, stop = initial(self.reading()), self.now_ns + int(seconds * SECOND)
        while self.now_ns < stop:
            state = self._look(state)
            self._pass(self._pause_ns + SWITCH_NS)
        return self

    def reading(self) -> Reading:
        used = int(self.live + self.garbage)
        bound = (LIMIT, self.end, self.enforced)
        return Reading(self.now_ns, used, int(used * self.share), 0, *bound, 0.5)

    @property
    def acts(self) -> list[str]:
        return [act for _, act, _ in self.done]

    def spent_ns(self, since_ns: int, until_ns: int) -> int:
        """What was spent on acts that began in a window."""
        return sum(cost for at, _, cost in self.done if since_ns <= at < until_ns)

    def worst_window_ns(self) -> int:
        return max((self.spent_ns(at, at + WINDOW_NS) for at, _, _ in self.done), default=0)

    def _look(self, state: State) -> State:
        self.looks += 1
        decision = decide(state, self.reading())
        while decision.act is not None:
            cost_ns = self.costs_ns.get(decision.act, 0)
            self.done.append((self.now_ns, decision.act, cost_ns))
            self.now_ns += cost_ns
            self.garbage *= 1 - self.frees.get(decision.act, 0.0)
            state = did(decision.state, decision.act, cost_ns)
            decision = decide(state, self.reading())
        assert decision.state.budget.spent_ns >= 0
        assert decision.pause_ns > 0
        self._pause_ns = decision.pause_ns
        if not self.moods or self.moods[-1][1] != decision.state.mood:
            self.moods.append((self.now_ns, decision.state.mood))
        return decision.state

    def _pass(self, time_ns: int) -> None:
        self.now_ns += time_ns
        self.garbage += self.rate * time_ns / SECOND
        self.peak = max(self.peak, self.live + self.garbage)


def reading(
    used: int,
    at_ns: int = 0,
    *,
    own: int | None = None,
    free: int = 0,
    limit: int = LIMIT,
    end: int | None = END,
    chance: float = 0.0,
) -> Reading:
    """What is read of a process that has its group for itself, unless `own` is less than all."""
    own = used if own is None else own
    return Reading(at_ns, used, own, free, limit, end, enforced=True, chance=chance)


COSTS_MS = {Act.SHRINK: 0.1, Act.YOUNG: 1.0, Act.FULL: 40.0, Act.TRIM: 20.0}


def test_quiet_memory_costs_ten_looks_a_second_at_most() -> None:
    program = Program().run(60)
    assert program.acts == []
    assert program.looks <= 720
    assert program.moods == [(0, Mood.OK)]


def test_memory_far_from_the_limit_is_looked_at_once_a_second_or_so() -> None:
    state = initial(reading(100 * MIB, limit=8192 * MIB, end=None))
    later = reading(100 * MIB, SECOND, limit=8192 * MIB, end=None)
    assert decide(state, later).pause_ns == SECOND


@pytest.mark.parametrize(("rate", "seconds"), [(10, 60), (300, 20), (2048, 10)])
def test_a_climb_of_garbage_never_reaches_92_percent_of_the_end(rate: int, seconds: int) -> None:
    program = Program(rate=rate * MIB, costs_ms=COSTS_MS).run(seconds)
    assert Act.FULL in program.acts
    assert program.peak <= 0.92 * END


def test_acts_come_in_order_and_stop_when_enough_is_free() -> None:
    program = Program(rate=100 * MIB, frees={Act.YOUNG: 1.0}, costs_ms=COSTS_MS).run(20)
    assert set(program.acts) == {Act.SHRINK, Act.YOUNG}
    program = Program(live=460 * MIB, frees={}, costs_ms=COSTS_MS).run(0.03)
    assert tuple(program.acts) == ORDER


def test_pools_and_the_program_are_asked_once_a_second_at_most() -> None:
    program = Program(rate=2048 * MIB, costs_ms=COSTS_MS).run(10)
    asked = [at for at, act, _ in program.done if act == Act.SHRINK]
    assert len(asked) > 3
    assert all(after - before >= SECOND for before, after in pairwise(asked))


def test_live_memory_above_the_limit_is_thrashing_within_five_seconds_and_costs_little() -> None:
    program = Program(live=460 * MIB, rate=20 * MIB, end=None, costs_ms=COSTS_MS).run(60)
    thrashing = next(at for at, mood in program.moods if mood == Mood.THRASHING)
    assert thrashing <= 5 * SECOND
    assert program.moods[-1] == (thrashing, Mood.THRASHING)
    assert program.worst_window_ns() <= ENFORCED_SHARE * WINDOW_NS
    assert program.spent_ns(30 * SECOND, 60 * SECOND) <= 0.15 * 30 * SECOND


@pytest.mark.parametrize("full_ms", [1000.0, 4000.0])
def test_collections_that_take_seconds_are_told_as_thrashing_too(full_ms: float) -> None:
    costs_ms = {**COSTS_MS, Act.FULL: full_ms}
    program = Program(live=460 * MIB, frees={}, end=None, costs_ms=costs_ms).run(30)
    after_first = full_ms * MS
    told = next(at for at, mood in program.moods if mood == Mood.THRASHING)
    assert told <= after_first + 5 * SECOND


def test_thrashing_ends_when_memory_falls() -> None:
    program = Program(live=460 * MIB, frees={}, costs_ms=COSTS_MS)
    program.run(5)
    program.live = 200 * MIB
    assert program.moods[-1][1] == Mood.THRASHING
    assert program.run(2).moods[-1][1] == Mood.OK


def test_near_the_end_garbage_is_collected_whatever_the_budget_says() -> None:
    slow = {**COSTS_MS, Act.FULL: 600.0}
    program = Program(live=300 * MIB, rate=150 * MIB, costs_ms=slow).run(30)
    assert program.peak < END


def test_an_emergency_that_collecting_does_not_help_takes_no_more_than_the_budget() -> None:
    program = Program(live=505 * MIB, frees={}, costs_ms=COSTS_MS).run(60)
    assert program.worst_window_ns() <= ENFORCED_SHARE * WINDOW_NS
    assert program.spent_ns(30 * SECOND, 60 * SECOND) <= 0.15 * 30 * SECOND


def test_an_advisory_limit_takes_two_percent_at_most() -> None:
    costs_ms = {**COSTS_MS, Act.FULL: 10.0, Act.TRIM: 5.0}
    program = Program(live=460 * MIB, rate=5 * MIB, enforced=False, costs_ms=costs_ms).run(60)
    assert Act.YOUNG in program.acts
    assert program.worst_window_ns() <= ADVISORY_SHARE * WINDOW_NS


def test_what_frees_enough_is_no_flapping() -> None:
    program = Program(rate=200 * MIB, costs_ms=COSTS_MS).run(60)
    assert program.moods == [(0, Mood.OK)]


def test_memory_that_is_free_in_the_allocator_needs_no_relief() -> None:
    full = reading(450 * MIB, SECOND)
    state = initial(full._replace(at_ns=0))
    assert decide(state, full).act == Act.SHRINK
    assert decide(state, full._replace(free=200 * MIB)).act is None


def test_what_is_free_in_the_allocator_is_given_back_when_it_is_no_use() -> None:
    above = reading(475 * MIB, SECOND, free=400 * MIB)
    assert decide(initial(above._replace(at_ns=0)), above).act == Act.SHRINK


def _relieve(before: Reading, after: dict[str, Reading], vain: int = 0) -> tuple[list[str], State]:
    """The acts of one relief from a reading on, where each act leaves what `after` says."""
    acts: list[str] = []
    now = before
    decision = decide(initial(before._replace(at_ns=0))._replace(vain=vain), before)
    while decision.act is not None:
        acts.append(decision.act)
        now = after.get(decision.act, now)
        decision = decide(did(decision.state, decision.act, MS), now)
    return acts, decision.state


def test_room_that_a_collection_makes_in_the_allocator_is_not_given_back() -> None:
    full = reading(430 * MIB, SECOND)
    acts, state = _relieve(full, {Act.FULL: full._replace(free=200 * MIB)})
    assert acts == [Act.SHRINK, Act.YOUNG, Act.FULL]
    assert (state.mood, state.vain) == (Mood.OK, 0)


def test_what_was_free_before_a_collection_is_no_room_that_it_made() -> None:
    full = reading(462 * MIB, SECOND, free=200 * MIB)
    acts, _ = _relieve(full, {})
    assert acts[-1] == Act.TRIM


def test_what_one_of_many_keeps_free_is_given_back() -> None:
    full = reading(430 * MIB, SECOND, own=200 * MIB)
    acts, _ = _relieve(full, {Act.FULL: full._replace(free=100 * MIB)})
    assert acts[-1] == Act.TRIM


def test_a_relief_that_frees_its_share_while_others_take_as_much_rests_less() -> None:
    full = reading(430 * MIB, SECOND, own=200 * MIB)
    _, vain = _relieve(full, {}, vain=4)
    _, outdone = _relieve(full, {Act.FULL: full._replace(own=150 * MIB)}, vain=4)
    assert outdone.rest_ns - full.at_ns == (vain.rest_ns - full.at_ns) // 4


def test_processes_that_share_a_limit_begin_one_after_the_other() -> None:
    def begins(chance: float) -> int:
        for used in range(LIMIT // 2, LIMIT, MIB):
            now = reading(used, own=used // 4, chance=chance)
            if decide(initial(now), now).act:
                return used
        raise AssertionError("never")

    assert begins(1.0) < begins(0.5) < begins(0.0)


def test_a_small_part_of_what_is_shared_counts_as_worth_its_share() -> None:
    """A quarter of 2% of the limit is what one of four processes needs to free."""
    program = Program(live=445 * MIB, share=0.25, frees={Act.YOUNG: 1.0}, costs_ms=COSTS_MS)
    program.garbage = 3 * MIB
    program.run(0.04)
    assert program.moods[-1][1] == Mood.RELIEVING


_FREES = st.dictionaries(st.sampled_from(ORDER), st.floats(0, 1))
_COSTS_MS = st.fixed_dictionaries({act: st.floats(0.01, 450) for act in ORDER})


@settings(deadline=None, max_examples=30)
@given(
    live=st.floats(0, 480),
    rate=st.floats(0, 60),
    frees=_FREES,
    costs_ms=_COSTS_MS,
    enforced=st.booleans(),
    share=st.floats(0.01, 1),
)
def test_no_window_has_more_than_the_budget_and_one_act_whose_cost_nobody_knew(
    live: float,
    rate: float,
    frees: dict[str, float],
    costs_ms: dict[str, float],
    enforced: bool,
    share: float,
) -> None:
    program = Program(
        live * MIB,
        rate * MIB,
        end=None,
        enforced=enforced,
        share=share,
        frees=frees,
        costs_ms=costs_ms,
    ).run(12)
    allowed = (ENFORCED_SHARE if enforced else ADVISORY_SHARE) * WINDOW_NS
    unknown = sum(program.costs_ns.values())  # each is done once before its cost is known
    assert program.worst_window_ns() <= allowed + unknown
    assert program.spent_ns(6 * SECOND, 12 * SECOND) <= 3 * allowed + max(program.costs_ns.values())


def _spending(steps: list[tuple[float, float]], share: float) -> Iterator[tuple[int, int, Budget]]:
    budget, now_ns = Budget(0, 0), 0
    for pause, wish in steps:
        now_ns += int(pause * SECOND)
        budget = budget.leaked(now_ns, share)
        cost_ns = int(wish * share * WINDOW_NS / 2)
        if not budget.wait_ns(cost_ns, share):
            budget = budget.spend(cost_ns)
            yield now_ns, cost_ns, budget


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), max_size=80),
    st.sampled_from([ENFORCED_SHARE, ADVISORY_SHARE]),
)
def test_a_budget_is_never_exceeded_in_any_window_and_never_negative(
    steps: list[tuple[float, float]], share: float
) -> None:
    spent = list(_spending(steps, share))
    assert all(budget.spent_ns >= 0 for _, _, budget in spent)
    for at_ns, _, _ in spent:
        window = [cost for now, cost, _ in spent if at_ns <= now < at_ns + WINDOW_NS]
        assert sum(window) <= share * WINDOW_NS + len(window)


@given(st.integers(0, 10**11), st.integers(0, 10**10), st.sampled_from([0.5, 0.02]))
def test_what_had_to_wait_may_be_spent_when_the_wait_is_over(
    spent_ns: int, cost_ns: int, share: float
) -> None:
    budget = Budget(0, spent_ns)
    wait_ns = budget.wait_ns(cost_ns, share)
    assert budget.leaked(wait_ns + 100, share).wait_ns(cost_ns, share) == 0


def test_a_clock_that_goes_back_leaks_nothing() -> None:
    assert Budget(SECOND, 7).leaked(0, 0.5) == Budget(SECOND, 7)
