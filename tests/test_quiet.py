"""When a full collection in a service is due, worth a quiet, and not to wait any longer."""

from __future__ import annotations

from gctune.monitor.quiet import Reading, State, advance, after, initial, now, pause_ns, wanted

MIB = 1 << 20
SECOND = 1_000_000_000
COST = 100_000_000
BEGUN = after(initial(0, 100 * MIB), 0, 100 * MIB, COST)
RESTED = 10 * SECOND


def reading(
    at_ns: int = RESTED,
    *,
    mib: int = 100,
    due: bool = True,
    quiet_ns: int | None = None,
    pressed: bool = False,
) -> Reading:
    return Reading(at_ns, mib * MIB, due, quiet_ns, pressed)


def grown(since_ns: int) -> State:
    """The state once memory is a quarter above what it was."""
    return advance(BEGUN, reading(since_ns, mib=125))


def test_a_quiet_as_long_as_the_last_collection_is_waited_for() -> None:
    assert not now(BEGUN, reading(quiet_ns=COST - 1))
    assert now(BEGUN, reading(quiet_ns=COST))


def test_the_more_memory_has_grown_the_shorter_a_quiet_is_enough() -> None:
    half = reading(mib=113, quiet_ns=COST // 2)
    assert now(BEGUN, half)
    assert not now(BEGUN, half._replace(rss=105 * MIB))
    assert now(BEGUN, reading(mib=125, quiet_ns=0))


def test_nothing_is_collected_amid_a_request_while_memory_has_hardly_grown() -> None:
    hour = reading(3600 * SECOND, mib=120)
    assert not now(advance(BEGUN, hour), hour)


def test_no_request_is_waited_for_longer_than_ten_seconds_once_memory_has_grown() -> None:
    state = grown(RESTED)
    assert not now(state, reading(RESTED + 9 * SECOND, mib=125))
    assert now(state, reading(RESTED + 10 * SECOND, mib=125))


def test_memory_that_shrinks_again_can_wait_again() -> None:
    state = advance(grown(RESTED), reading(RESTED + SECOND, mib=110))
    later = reading(RESTED + 60 * SECOND, mib=125)
    assert not now(advance(state, later), later)


def test_near_the_memory_limit_nothing_is_waited_for() -> None:
    assert now(BEGUN, reading(pressed=True))


def test_what_the_collector_would_not_collect_is_not_collected() -> None:
    calm = reading(due=False, quiet_ns=60 * SECOND, mib=200, pressed=True)
    assert not now(BEGUN, calm)


def test_collections_take_at_most_2_percent_of_the_time_unless_memory_grows() -> None:
    early = reading(49 * COST, quiet_ns=SECOND)
    assert not wanted(BEGUN, early)
    assert wanted(BEGUN, early._replace(at_ns=50 * COST))
    assert now(BEGUN, early._replace(rss=125 * MIB))


def test_looks_are_seldom_until_a_quiet_would_do_and_then_miss_none() -> None:
    assert pause_ns(BEGUN, reading(due=False)) == SECOND // 4
    assert pause_ns(BEGUN, reading()) == COST // 4
    assert pause_ns(BEGUN, reading(mib=125)) == 5_000_000


def test_a_process_begins_with_what_its_size_lets_expect() -> None:
    assert initial(7, 50_000_000) == State(7, 50_000_000, 50_000_000, 0, None)


def test_what_is_frozen_counts_for_nothing() -> None:
    state = initial(0, 500 * MIB, frozen=480 * MIB)
    assert state.cost_ns == 20 * MIB
    assert now(state, reading(mib=505, quiet_ns=0))
    assert not now(BEGUN._replace(rss=500 * MIB), reading(mib=505, quiet_ns=0))


def test_where_all_is_frozen_what_comes_is_taken_to_be_little() -> None:
    assert initial(0, 500 * MIB, frozen=500 * MIB).cost_ns == 4 * MIB


def test_a_process_that_is_frozen_as_it_is_waits_for_a_mebibyte_of_growth() -> None:
    state = after(initial(0, 500 * MIB, frozen=500 * MIB), 0, 500 * MIB, COST)
    assert not now(state, reading(mib=500, quiet_ns=0))
    assert now(state, reading(mib=501, quiet_ns=0))
