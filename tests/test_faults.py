"""Settings that make a program fail are told from a program that fails anyway."""

from __future__ import annotations

from random import Random

import pytest

from gctune.verifier.faults import are_alike, harm

WELL = ("", "")
OWN, OTHER, BOTH = ("exits with 1", ""), ("", "exits with 1"), ("exits with 1", "exits with 1")


def test_before_the_first_pair_nothing_is_known_to_harm() -> None:
    assert harm([]) == ""


def test_one_failure_more_is_no_proof_of_harm_nor_of_none() -> None:
    assert harm([WELL, OTHER]) == ""
    assert not are_alike([WELL, OTHER])


def test_failing_whenever_the_program_did_not_is_harm_by_the_sixth_time() -> None:
    assert harm([OTHER] * 5) == ""
    assert harm([OTHER] * 6) == "exits with 1; it fails in 6 of 6 runs, and 0 at its own"


def test_a_failure_of_the_programs_own_forgives_not_all_others() -> None:
    assert harm([OWN, *[OTHER] * 9])
    assert not harm([OWN, *[OTHER] * 8])


def test_pairs_that_failed_both_tell_nothing_of_settings() -> None:
    assert harm([BOTH] * 40) == ""
    assert are_alike([BOTH] * 40)


def test_a_kill_is_harm_at_once_unless_the_program_was_killed_anyway() -> None:
    killed = "was killed by SIGKILL"
    assert harm([OWN, ("", killed)]).startswith(killed)
    assert harm([(killed, ""), ("", killed)]) == ""


def test_faults_are_alike_once_four_times_as_many_are_ruled_out() -> None:
    assert not are_alike([OTHER, OWN, OWN])
    assert are_alike([OTHER, OWN, OWN, OWN])


@pytest.mark.parametrize("often", [0.05, 0.4])
def test_a_flaky_program_is_seldom_taken_for_harmed(often: float) -> None:
    found = sum(_ends_in_harm(often, often, seed) for seed in range(300))
    assert found <= 18  # 12 are 4%


def test_settings_that_fail_every_other_run_are_found_though_the_program_fails_too() -> None:
    found = sum(_ends_in_harm(0.05, 0.5, seed) for seed in range(100))
    assert found >= 95


def _ends_in_harm(own: float, other: float, seed: int) -> bool:
    draw = Random(seed)
    faults = [
        tuple("exits with 1" if draw.random() < often else "" for often in (own, other))
        for _ in range(40)
    ]
    return any(harm(faults[:number]) for number in range(1, 41))
