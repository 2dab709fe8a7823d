"""Exploring tries settings in turn, under a bound, and gives the program its own back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from children import python, script
from servers import ENVIRON

from gctune.profile.file import Profile, read

OWN = (1234, 10, 10)
MOST = 2**31 - 1  # that a threshold can be
# An exploration in a process of its own, driven by readings made up here.
DRIVEN = """
import gc, json
from dataclasses import replace
from profile_samples import header, reading
from gctune.profile.exploring import Exploration

SECOND = 10**9
gc.set_threshold(1234, 10, 10)
switches = []
began = replace(header(), thresholds=gc.get_threshold(), **{header})
exploration = Exploration(began, switches.append)
now = replace(reading(), thresholds=gc.get_threshold(), rss_bytes=100 * 2**20, **{reading})

def pass_by(seconds, **changes):
    global now
    for _ in range(round(2 * seconds)):
        young, middle, old = now.collections
        usual = {"cpu_ns": now.cpu_ns + SECOND // 2, "collections": (young, middle + 1, old)}
        now = replace(now, thresholds=gc.get_threshold(), **{**usual, **changes})
        exploration.step(now)

def grow(seconds, mib, thresholds=lambda one: True):
    for _ in range(round(2 * seconds)):
        grown = mib * 2**19 if thresholds(gc.get_threshold()) else 0
        pass_by(0.5, rss_bytes=now.rss_bytes + grown)

{code}
print(json.dumps([[each.thresholds, each.reason] for each in switches]
                 + [[gc.get_threshold(), "in force"]]))
"""


def driven(code: str, header: str = "{}", reading: str = "{}") -> list[tuple[tuple[int, ...], str]]:
    filled = DRIVEN.replace("{code}", code)
    filled = filled.replace("**{header}", f"**{header}").replace("**{reading}", f"**{reading}")
    return [(tuple(values), reason) for values, reason in json.loads(script(filled))]


def test_each_block_tries_every_setting_once_in_an_order_of_its_own() -> None:
    *switches, last = driven("pass_by(25)")
    tried = [thresholds for thresholds, _ in switches]
    blocks = [tried[start : start + 3] for start in range(0, 18, 3)]
    assert all(set(block) == set(blocks[0]) and len(set(block)) == 3 for block in blocks)
    assert OWN in blocks[0]
    assert len(set(map(tuple, blocks))) > 1
    assert last[0] == tried[-1]


def test_a_window_begins_and_ends_with_a_collection_of_the_young() -> None:
    code = "gc.disable()\npass_by(3.5)\nassert exploration.under_way\n"
    code += "kept = [[] for _ in range(1000)]\nassert gc.get_count()[0] > 500\n"
    driven(code + "pass_by(1)\nassert gc.get_count()[0] < 50")


def test_full_collections_come_after_as_many_objects_as_before() -> None:
    *switches, _ = driven("pass_by(25)")
    assert {thresholds for thresholds, _ in switches} == {OWN, (5000, 10, 2), (20_000, 10, 0)}


def test_so_they_do_where_the_programs_own_threshold0_is_larger() -> None:
    *switches, _ = driven("gc.set_threshold(50_000, 10, 10)\npass_by(25)")
    tried = {thresholds for thresholds, _ in switches}
    assert tried == {(50_000, 10, 10), (20_000, 10, 28), (5000, 10, 118)}


def test_no_threshold2_is_larger_than_the_collector_can_take() -> None:
    *switches, _ = driven(f"gc.set_threshold(10_000, 10, {MOST})\npass_by(25)")
    assert (5000, 10, MOST) in {thresholds for thresholds, _ in switches}


def test_thresholds_below_0_are_left_alone() -> None:
    own = (2000, -1, 10)
    assert driven(f"gc.set_threshold(*{own})\npass_by(50)") == [(own, "in force")]


def test_a_window_lasts_until_generation_1_has_been_collected() -> None:
    code = "pass_by(3.5)\nbegun = len(switches)\npass_by(5, collections=now.collections)\n"
    code += "assert len(switches) == begun\npass_by(0.5)\nassert len(switches) == begun\n"
    driven(code + "pass_by(0.5)\nassert len(switches) == begun + 1")


def test_a_window_does_not_wait_for_that_for_ever() -> None:
    code = "pass_by(3.5)\nbegun = len(switches)\npass_by(25, collections=now.collections)\n"
    driven(code + "assert len(switches) == begun + 2")


def test_in_the_end_the_programs_own_come_back() -> None:
    *_, last, in_force = driven("pass_by(400)")
    assert last == (OWN, "all windows are done")
    assert in_force[0] == OWN


def test_nothing_is_tried_while_memory_still_grows() -> None:
    code = "for grown in range(20): pass_by(0.5, rss_bytes=now.rss_bytes * 105 // 100)"
    assert driven(code) == [(OWN, "in force")]


def test_a_program_that_always_grows_slowly_is_explored_in_the_end() -> None:
    code = "grow(25, 1)\nassert not exploration.under_way\n"
    driven(code + "grow(10, 1)\nassert exploration.under_way")


def test_memory_that_jumps_above_the_bound_ends_it() -> None:
    *_, last, in_force = driven("pass_by(5)\npass_by(0.5, rss_bytes=111 * 2**20)\npass_by(9)")
    assert last == (OWN, "memory nears its bound")
    assert in_force[0] == OWN


def test_what_memory_grows_under_is_given_up_and_the_rest_goes_on() -> None:
    grown = "grow(30, 2, lambda one: one[0] > 5000)"
    *switches, _ = driven(f"pass_by(4)\n{grown}\nswitches.clear()\n{grown}")
    assert {thresholds[0] for thresholds, _ in switches} == {1234, 5000}


def test_nothing_is_given_up_for_what_the_program_grows_by_itself() -> None:
    *switches, last, _ = driven("pass_by(4)\ngrow(200, 0.25)")
    assert {reason for _, reason in switches} == {"window"}
    assert last == (OWN, "all windows are done")


def test_growth_under_all_other_settings_ends_it() -> None:
    *_, last, _ = driven("pass_by(4)\ngrow(30, 2, lambda one: one[0] == 5000)")
    assert last == (OWN, "all other settings keep too much garbage")


def test_a_program_that_has_turned_collections_off_is_left_alone() -> None:
    assert driven("gc.set_threshold(0, 10, 10)\npass_by(50)") == [((0, 10, 10), "in force")]


def test_a_containers_limit_is_a_bound_too() -> None:
    *_, last, _ = driven(
        "pass_by(5)\npass_by(1, rss_bytes=105 * 2**20)", header="{'limit_bytes': 115 * 2**20}"
    )
    assert last == (OWN, "memory nears its bound")


def test_thresholds_that_the_program_sets_meanwhile_end_it_and_stay() -> None:
    *_, last, in_force = driven("pass_by(5)\ngc.set_threshold(99, 9, 9)\npass_by(5)")
    assert last == ((99, 9, 9), "the program has set thresholds itself")
    assert in_force[0] == (99, 9, 9)


def test_a_collector_that_the_program_disables_meanwhile_ends_it() -> None:
    *_, last, in_force = driven("pass_by(5)\npass_by(0.5, enabled=False)")
    assert last == (OWN, "the program has disabled the collector")
    assert in_force[0] == OWN


def test_a_rest_gives_them_back_until_the_next_step() -> None:
    code = "pass_by(5)\nexploration.rest('fork')\nprint_now = gc.get_threshold()\n"
    *switches, in_force = driven(code + "assert print_now == (1234, 10, 10)\npass_by(0.5)")
    assert [reason for _, reason in switches][-2:] == ["fork", "window"]
    assert in_force[0] == switches[-1][0]


def test_a_collector_of_other_rules_is_left_alone() -> None:
    seen = driven("pass_by(50)", header="{'collector': 'incremental'}")
    assert seen == [(OWN, "in force")]


def test_a_disabled_collector_is_left_alone() -> None:
    assert driven("pass_by(50)", reading="{'enabled': False}") == [(OWN, "in force")]


FORKS_AND_IS_TERMINATED = """
import gc, os, signal, sys
ballast = b"." * 2**26  # beside which the rest is steady
own = gc.get_threshold()

def handler(*_):
    sys.exit(7)

signal.signal(signal.SIGTERM, handler)
while gc.get_threshold() == own:
    kept = [[] for _ in range(5000)]  # which has generation 1 collected now and then
child = os.fork()
if not child:
    os._exit(gc.get_threshold() == own)
print("the child had its own:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("the handler is the program's:", signal.getsignal(signal.SIGTERM) is handler)
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Profile]:
    """What a program prints that is explored, forks and is terminated, and its profile."""
    path = tmp_path_factory.mktemp("explored") / "profile"
    command = ["-m", "gctune", "capture", "-o", str(path), "--explore", "--", sys.executable]
    done = python(*command, "-c", FORKS_AND_IS_TERMINATED, environ=ENVIRON, status=7)
    return done.stdout, read(path)


def test_a_running_program_is_explored(explored: tuple[str, Profile]) -> None:
    _, profile = explored
    assert profile.switches[0].reason == "window"
    assert profile.problems == ()


def test_a_child_that_it_forks_starts_at_its_own(explored: tuple[str, Profile]) -> None:
    printed, profile = explored
    assert "the child had its own: 1" in printed
    assert "fork" in {switch.reason for switch in profile.switches}


def test_a_signal_is_the_programs_and_its_end_gives_its_own_back(
    explored: tuple[str, Profile],
) -> None:
    printed, profile = explored
    assert "the handler is the program's: True" in printed
    assert profile.switches[-1].thresholds == profile.header.thresholds
    assert profile.closing is not None
    assert profile.closing.last.thresholds == profile.header.thresholds


def test_exploring_wants_a_command_of_its_own(tmp_path: Path) -> None:
    command = ["capture", "-o", "p", "--explore", "--url", "http://127.0.0.1:1"]
    done = python("-m", "gctune", *command, environ=ENVIRON, directory=tmp_path, status=2)
    assert "--explore tries settings on a COMMAND" in done.stderr
