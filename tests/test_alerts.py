"""Alerts are raised when something has lasted, once, and are over when it has been calm, once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from children import plan
from hypothesis import given
from hypothesis import strategies as st
from samples import a_sample, rates

from gctune.errors import ConfigError
from gctune.monitor.alarm import on_alert
from gctune.monitor.alerts import CALM_SECONDS, QUIET, Alert, Rule, State, advance, rules_of
from gctune.monitor.histogram import EMPTY
from gctune.monitor.measures import MEASURES
from gctune.monitor.sample import Sample

LIMIT = 1000
RULE = Rule("near_limit", threshold=0.9, hold_seconds=10.0, clear=0.8)
ABOVE, BETWEEN, BELOW, UNKNOWN = 950, 850, 500, None

used = st.sampled_from([ABOVE, BETWEEN, BELOW, UNKNOWN])
courses = st.lists(st.tuples(st.floats(0.1, 20.0), used), max_size=60)


def using(seconds: float, used: int | None) -> Sample:
    """A sample that has used so much of the limit; None is one that cannot tell."""
    if used is None:
        return a_sample(seconds)
    return a_sample(seconds, limit_bytes=LIMIT, headroom_bytes=LIMIT - used)


def follow(rule: Rule, samples: Iterable[Sample]) -> tuple[State, list[Alert]]:
    state, alerts = QUIET, []
    for sample in samples:
        state, alert = advance(rule, state, sample)
        alerts += [alert] if alert else []
    return state, alerts


def timed(course: Iterable[tuple[float, int | None]]) -> list[tuple[float, int | None]]:
    """Steps of (seconds since the last, used) as (seconds since the start, used)."""
    times, now = [], 0.0
    for step, used in course:
        now += step
        times.append((now, used))
    return times


@given(courses)
def test_alerts_are_raised_and_over_in_turn(course: list[tuple[float, int | None]]) -> None:
    state, alerts = follow(RULE, [using(*each) for each in timed(course)])
    assert [alert.raised for alert in alerts] == [not place % 2 for place in range(len(alerts))]
    assert state.raised == (len(alerts) % 2 == 1)


@given(courses)
def test_an_alert_comes_when_it_has_lasted_and_no_later(
    course: list[tuple[float, int | None]],
) -> None:
    """Against a second telling of the same rule, by looking back over the whole course."""
    steps = timed(course)
    _, alerts = follow(RULE, [using(*each) for each in steps])
    told, raised, begun = [], False, None
    for now, used in steps:
        speaks = used == (BELOW if raised else ABOVE)
        begun = (now if begun is None else begun) if speaks else None
        needed = max(RULE.hold_seconds, CALM_SECONDS) if raised else RULE.hold_seconds
        if begun is not None and int(now * 1e9) - int(begun * 1e9) >= needed * 1e9:
            raised, begun = not raised, None
            told.append(int(now * 1e9))
    assert [alert.sample.time_ns for alert in alerts] == told


@given(st.lists(st.sampled_from([ABOVE, BETWEEN]), max_size=40))
def test_one_that_is_raised_is_not_over_before_it_is_well_below(course: list[int]) -> None:
    samples = [using(seconds, used) for seconds, used in enumerate([ABOVE] * 11 + course)]
    state, alerts = follow(RULE, samples)
    assert state.raised
    assert len(alerts) == 1


def test_what_cannot_be_told_changes_nothing_and_breaks_off_what_was_on_its_way() -> None:
    assert follow(RULE, [using(t, ABOVE) for t in range(11)])[0].raised
    broken_off = [using(t, UNKNOWN if t == 5 else ABOVE) for t in range(15)]
    assert not follow(RULE, broken_off)[0].raised
    for_long = [*(using(t, ABOVE) for t in range(11)), *(using(t, UNKNOWN) for t in range(11, 99))]
    assert follow(RULE, for_long)[0].raised


def test_with_no_hold_time_it_is_raised_at_once_and_over_after_a_calm_while() -> None:
    rule = RULE._replace(hold_seconds=0.0)
    samples = [using(t, ABOVE if t < 2 else BELOW) for t in range(int(CALM_SECONDS) + 5)]
    _, (up, down) = follow(rule, samples)
    assert (up.sample, up.raised) == (samples[0], True)
    assert (down.sample.time_ns / 1e9, down.raised) == (2 + CALM_SECONDS, False)


@pytest.mark.parametrize("callback", [None, 7, "tell"])
def test_what_cannot_be_called_is_refused(callback: object) -> None:
    with pytest.raises(ConfigError, match=r"on_alert = .*: cannot be called; give"):
        on_alert(callback)  # type: ignore[type-var]


def test_an_alert_says_what_is_the_matter() -> None:
    heap = Rule("heap", 500_000_000, 0.0, 0.9)
    _, (up, down) = follow(heap, [a_sample(0, rss_bytes=2**29), a_sample(1), a_sample(99)])
    assert str(up) == "alert heap: the rss is 512MiB, above 476.8MiB"
    assert str(down) == "alert heap is over: the rss is 0B; it was above 476.8MiB"


@pytest.mark.parametrize(
    ("rule", "sample", "value"),
    [
        ("heap", a_sample(rss_bytes=7), 7),
        ("gc_pause", a_sample(longest_pause_ns=2 * 10**9, pauses=(EMPTY,) * 3), 2),
        ("gc_pause", a_sample(pauses=(EMPTY,) * 3), 0),
        ("gc_pause", a_sample(), None),
        ("allocation_rate", a_sample(rates=rates(allocated_bytes=7.0)), 7),
        ("allocation_rate", a_sample(), None),
        ("gc_frequency", a_sample(rates=rates(collections=7.0)), 7),
        ("near_limit", a_sample(limit_bytes=10, headroom_bytes=1), 0.9),
        ("near_limit", a_sample(limit_bytes=10, headroom_bytes=-1), 1.1),
        ("near_limit", a_sample(), None),
        ("thrashing", a_sample(rates=rates(gc_share=0.7)), 0.7),
        ("thrashing", a_sample(rates=rates()), None),
        ("thrashing", a_sample(rates=rates(gc_share=0.1), limit_state="thrashing"), 1),
        ("thrashing", a_sample(rates=rates(gc_share=0.1), limit_state="relieving"), 0.1),
        ("thrashing", a_sample(limit_state="ok"), 0),
    ],
)
def test_what_is_measured(rule: str, sample: Sample, value: float | None) -> None:
    assert MEASURES[rule].read(sample, 10.0, None)[0] == value


def test_growth_is_told_over_a_minute() -> None:
    rule = Rule("growth_rate", 1000.0, 120.0, 0.9)
    by_steps = [a_sample(t, rss_bytes=t // 30 * 60_000) for t in range(0, 400, 5)]
    steadily_less = [a_sample(t, rss_bytes=t * 900) for t in range(0, 400, 5)]
    assert follow(rule, by_steps)[0].raised
    assert not follow(rule, steadily_less)[0].raised


LEAK = Rule("leak", threshold=10.0, hold_seconds=3600.0, clear=0.9)


def leaving(floor: Iterable[int], *, full_every: int = 60) -> list[Sample]:
    """Samples each five seconds of a program whose floor is as given, with garbage on top.

    A full collection, after which the rss is the floor, comes in one of `full_every`.
    """
    return [
        a_sample(
            5 * number,
            rss_bytes=at + (0 if number % full_every == 0 else 10**6),
            collections=(0, 0, number // full_every),
        )
        for number, at in enumerate(floor)
    ]


HOURS = 3600 // 5


def test_a_floor_that_climbs_without_end_is_a_leak() -> None:
    state, alerts = follow(LEAK, leaving(1000 * n for n in range(3 * HOURS)))
    assert state.raised
    assert alerts[0].value == pytest.approx(200, rel=0.3)
    assert 3600 <= alerts[0].sample.time_ns / 1e9 <= 3900


def test_a_program_that_fills_its_caches_in_two_thirds_of_the_time_has_no_leak() -> None:
    for minutes in (5, 20, 40):
        filling = (min(n, HOURS * minutes // 60) * 10_000 for n in range(3 * HOURS))
        assert follow(LEAK, leaving(filling))[1] == []


def test_a_floor_that_goes_up_and_down_is_no_leak() -> None:
    assert follow(LEAK, leaving((n % 300) * 10_000 for n in range(4 * HOURS)))[1] == []


def test_garbage_that_waits_for_a_full_collection_is_no_leak() -> None:
    """The rss climbs all the time, and what full collections leave does not."""
    climbing = [
        a_sample(5 * n, rss_bytes=0 if n % 60 == 0 else n * 10_000, collections=(0, 0, n // 60))
        for n in range(3 * HOURS)
    ]
    assert follow(LEAK, climbing)[1] == []


def test_without_full_collections_nothing_is_said_of_a_leak() -> None:
    state, alerts = follow(LEAK, [a_sample(5 * n, rss_bytes=n * 10**6) for n in range(2 * HOURS)])
    assert (state.value, alerts) == (None, [])


def test_what_a_leak_keeps_in_mind_is_bounded() -> None:
    state, _ = follow(LEAK, leaving((1000 * n for n in range(3 * HOURS)), full_every=1))
    *_, floors = state.memory
    assert len(floors) <= 30


def test_a_plan_names_the_rules() -> None:
    planned = plan(
        alerts__heap__threshold=500, alerts__heap__hold=30.0, alerts__heap__clear=0.9,
        alerts__leak__threshold=0.5, alerts__leak__hold=60.0, alerts__leak__clear=0.8,
    )  # fmt: skip
    assert rules_of(planned) == (Rule("heap", 500, 30.0, 0.9), Rule("leak", 0.5, 60.0, 0.8))


def test_a_plan_that_does_not_say_when_an_alert_is_over_goes_by_the_settings() -> None:
    from gctune.settings.alerts import Alert

    (rule,) = rules_of(plan(alerts__heap__threshold=500))
    assert rule.clear == Alert().clear


def test_every_rule_has_its_settings() -> None:
    from gctune.settings.model import Alerts

    assert list(Alerts.model_fields) == list(MEASURES)
