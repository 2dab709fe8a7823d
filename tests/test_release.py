"""Free memory goes back after a spike; where there is none, the attempts become seldom."""

from __future__ import annotations

import sys

import pytest
from children import script

from gctune.host.interpreter import this_interpreter
from gctune.memory.release import Look, State, due, initial, tried

MIB, SECOND = 1 << 20, 1_000_000_000
glibc_only = pytest.mark.skipif(
    this_interpreter().libc != "glibc" or sys.platform != "linux", reason="malloc_trim is glibc's"
)


def look(seconds: float, rss: float, blocks: int = 1000, cpu: float | None = None) -> Look:
    at_ns = int(seconds * SECOND)
    cpu_ns = at_ns if cpu is None else int(cpu * SECOND)
    return Look(at_ns, int(rss * MIB), blocks, cpu_ns)


def attempts(looks: list[Look], left: float | None = None) -> list[float]:
    """When it tries, of these looks; each attempt takes 1 ms and leaves `left` MiB."""
    state, tries = initial(looks[0]), []
    for now in looks[1:]:
        if due(state, now):
            tries.append(now.at_ns / SECOND)
            rss = now.rss if left is None else int(left * MIB)
            state = tried(state, now, now._replace(at_ns=now.at_ns + SECOND // 1000, rss=rss))
    return tries


def test_memory_that_did_not_grow_is_left_alone() -> None:
    assert attempts([look(second, 100 + second % 10) for second in range(0, 600, 2)]) == []


def test_an_attempt_follows_a_spike_within_seconds() -> None:
    spike = [look(0, 50), look(2, 500), look(4, 550), look(6, 550), look(8, 550)]
    assert attempts(spike, left=52) == [4]


def test_what_is_in_use_is_tried_ever_more_seldom() -> None:
    tries = attempts([look(0, 50), *(look(second, 550) for second in range(2, 602, 2))])
    assert tries[:2] == [4, 14]
    assert len(tries) <= 13


def test_the_end_of_a_long_plateau_is_noticed_at_once() -> None:
    plateau = [look(0, 50), *(look(second, 550, 9_000_000) for second in range(2, 402, 2))]
    tries = attempts([*plateau, *(look(second, 550, 1000) for second in range(402, 412, 2))])
    assert tries[-1] - 402 <= 4


def test_a_process_that_does_nothing_is_left_alone() -> None:
    idle = [look(second, 550, cpu=1.0) for second in range(2, 602, 2)]
    assert attempts([look(0, 50, cpu=0.0), *idle]) == [4]


def test_what_comes_back_at_once_is_tried_ever_more_seldom() -> None:
    state = initial(look(0, 50))
    waits = []
    for _ in range(6):
        at = (state.last.at_ns + state.wait_ns) / SECOND
        state = tried(state, look(at, 550), look(at + 0.001, 60))
        waits.append(state.wait_ns // SECOND)
    assert waits == [4, 8, 16, 32, 64, 64]


def test_an_attempt_that_took_long_is_paid_off_before_the_next() -> None:
    state = tried(initial(look(0, 50)), look(4, 550), look(4.2, 60))
    assert state == State(50 * MIB, look(4.2, 60), 490 * MIB, 200 * SECOND)


@glibc_only
def test_a_real_spike_goes_back() -> None:
    printed = script(
        "import time\n"
        "from gctune.host.process import rss_bytes\n"
        "from gctune.memory import release\n"
        "releaser = release.Releaser()\n"
        "before = rss_bytes()\n"
        "held = [bytes(1000) for _ in range(200_000)]; last = bytes(1000)\n"
        "del held\n"
        "release._SOONEST_NS = 0; releaser._state = releaser._state._replace(wait_ns=0)\n"
        "releaser(0); print(rss_bytes() < 1.25 * before + (8 << 20))"
    )
    assert printed == "True"
