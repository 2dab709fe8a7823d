"""Pools of objects: handed out once, bounded, forgetful after full collections."""

from __future__ import annotations

import gc
import os
import re
import weakref
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from children import python, script
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gctune.defaults import POOL_SIZE
from gctune.errors import ConfigError
from gctune.memory import pools
from gctune.memory.pools import ObjectPool, PoolError, pool

BENCHMARK = Path(__file__).parent / "benchmarks" / "pools.py"


class Thing:
    """An object that can be watched, and soiled."""

    def __init__(self) -> None:
        self.data = ""


def clean(thing: Thing) -> None:
    thing.data = ""


def things(max_size: int | None = 4, reset: Callable[[Thing], object] = clean) -> ObjectPool[Thing]:
    return ObjectPool("things", Thing, reset, max_size)


def fill(target: ObjectPool[Thing], number: int) -> list[weakref.ref[Thing]]:
    """Leave so many idle objects in a pool."""
    held = [target.acquire() for _ in range(number)]
    for thing in held:
        target.release(thing)
    return [weakref.ref(thing) for thing in held]


def use(target: ObjectPool[Thing], number: int) -> None:
    """Use so many objects at once, often enough for the pool to look at the collector."""
    for _ in range(pools._NOTICE_EVERY + 1):
        fill(target, number)


@pytest.fixture
def name() -> Iterator[str]:
    """A name for one pool, free again afterwards."""
    yield "under_test"
    pools._pools.pop("under_test", None)


def test_what_was_released_is_acquired_again() -> None:
    target = things()
    thing = target.acquire()
    target.release(thing)
    assert target.acquire() is thing


def test_nobody_sees_the_data_of_another() -> None:
    target = things()
    thing = target.acquire()
    thing.data = "a password"
    target.release(thing)
    assert thing.data == ""  # already while it is idle


def test_no_more_than_max_size_lie_idle() -> None:
    target = things(max_size=3)
    fill(target, 10)
    assert target.stats().idle == 3
    assert target.stats().discarded == 7


def test_any_number_may_be_in_use() -> None:
    target = things(max_size=1)
    held = [target.acquire() for _ in range(50)]
    assert len({id(thing) for thing in held}) == 50
    assert target.stats().in_use == 50


def test_a_double_release_is_refused_and_changes_nothing() -> None:
    target = things()
    thing = target.acquire()
    target.release(thing)
    before = target.stats()
    with pytest.raises(PoolError, match=r"pools\.things = 'Thing': it is not in use; release"):
        target.release(thing)
    assert target.stats() == before


def test_a_foreign_object_is_refused() -> None:
    target, other = things(), things()
    foreign = other.acquire()
    with pytest.raises(PoolError, match="not in use"):
        target.release(foreign)
    assert target.stats().idle == 0


def test_an_equal_object_is_foreign_all_the_same() -> None:
    target: ObjectPool[dict[str, int]] = ObjectPool("dicts", dict)
    target.acquire()
    with pytest.raises(PoolError):
        target.release({})


def test_an_object_whose_reset_raises_is_discarded_and_the_error_seen() -> None:
    def fail(thing: Thing) -> None:
        raise OSError("broken pipe")

    target = things(reset=fail)
    with pytest.raises(OSError, match="broken pipe"):
        target.release(target.acquire())
    assert target.stats()[2:] == (0, 0, 1, 1)
    assert isinstance(target.acquire(), Thing)


def test_what_a_factory_raises_reaches_the_caller_and_nothing_is_counted_as_created() -> None:
    target: ObjectPool[float] = ObjectPool("broken", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        target.acquire()
    assert target.stats() == (0, 1, 0, 0, 0, 0)


def test_a_factory_that_returns_one_object_twice_is_refused() -> None:
    only = Thing()
    target = ObjectPool("single", lambda: only)
    target.acquire()
    with pytest.raises(PoolError, match="the factory returned what is in use"):
        target.acquire()
    target.release(only)
    assert target.stats()[2:] == (1, 0, 1, 0)


def test_a_lease_releases_at_the_end_of_the_block() -> None:
    target = things()
    with target.lease() as thing:
        assert target.stats().in_use == 1
    assert target.stats().in_use == 0
    assert target.acquire() is thing


def test_a_lease_releases_when_the_block_raises() -> None:
    target = things()
    with pytest.raises(KeyError), target.lease():
        raise KeyError
    assert (target.stats().idle, target.stats().in_use) == (1, 0)


def test_hits_and_misses_are_counted() -> None:
    target = things()
    fill(target, 2)
    target.acquire()
    assert target.stats() == (1, 2, 1, 1, 2, 0)


def test_shrink_discards_every_idle_object_and_none_in_use() -> None:
    target = things()
    watched = fill(target, 3)
    held = target.acquire()
    assert target.shrink() == 2
    assert sum(reference() is not None for reference in watched) == 1
    target.release(held)
    assert target.stats()[2:] == (1, 0, 3, 2)


def test_after_two_full_collections_what_nobody_used_is_gone() -> None:
    target = things()
    watched = fill(target, 4)
    for _ in range(2):
        gc.collect()
        use(target, 1)
    assert sum(reference() is not None for reference in watched) == 1
    assert target.stats()[2:] == (1, 0, 4, 3)


def test_one_full_collection_discards_nothing() -> None:
    target = things()
    watched = fill(target, 4)
    gc.collect()
    use(target, 1)
    assert all(reference() is not None for reference in watched)
    assert target.stats().idle == 4


def test_what_is_used_between_two_full_collections_stays() -> None:
    target = things()
    watched = fill(target, 4)
    for _ in range(4):
        gc.collect()
        use(target, 4)
    assert all(reference() is not None for reference in watched)
    assert target.stats().created == 4


def test_a_young_collection_leaves_idle_objects_alone() -> None:
    target = things()
    fill(target, 4)
    for _ in range(4):
        gc.collect(1)
        use(target, 1)
    assert target.stats().idle == 4


def test_victims_count_against_max_size() -> None:
    target = things(max_size=4)
    held = [target.acquire() for _ in range(4)]
    fill(target, 4)
    gc.collect()
    use(target, 1)
    for thing in held:
        target.release(thing)
    assert target.stats().idle == 4


def test_a_victim_used_again_is_a_hit_and_makes_room() -> None:
    target = things(max_size=4)
    fill(target, 4)
    gc.collect()
    use(target, 1)
    before = target.stats().hits
    fill(target, 4)
    assert target.stats().hits == before + 4
    assert target.stats()[2:] == (4, 0, 4, 0)


def test_the_same_name_is_the_same_pool(name: str) -> None:
    assert pool(name, Thing, clean, 5) is pool(name, Thing, clean)


def test_a_name_with_another_factory_reset_or_size_is_refused(name: str) -> None:
    pool(name, Thing, clean, 5)
    with pytest.raises(ConfigError) as caught:
        pool(name, dict, dict.clear, 6)
    assert len(caught.value.problems) == 3
    assert caught.value.problems[2] == (
        "pools.under_test.max_size = 6: the pool of that name has 5; give this pool another name"
    )


@pytest.mark.parametrize("bad", ["", "Buffer", "a-b", "_a", "1a", "ä", "a.b"])
def test_a_name_that_settings_could_not_hold_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError, match="not a name for a pool"):
        pool(bad, Thing)


@pytest.mark.parametrize("size", [0, -1, True, 2.5, "10"])
def test_a_size_that_settings_could_not_hold_is_refused(size: int, name: str) -> None:
    with pytest.raises(ConfigError, match=r"pools\.under_test\.max_size = .*: not a number"):
        pool(name, Thing, max_size=size)
    assert name not in pools._pools
    with pytest.raises(ConfigError, match=r"pools\.mine\.max_size = .*: not a number of objects"):
        ObjectPool("mine", Thing, max_size=size)


def test_named_pools_shrink_together(name: str) -> None:
    fill(pool(name, Thing), 3)
    assert pools.shrink() >= 3
    assert pool(name, Thing).stats().idle == 0


def test_without_a_word_the_size_is_the_documented_default() -> None:
    target = things(max_size=None)
    fill(target, POOL_SIZE + 5)
    assert target.stats().idle == POOL_SIZE == 100


SIZES = """
from children import plan
from gctune.memory.pools import pool
from gctune.runtime.applied import apply_plan
import gc
def idle_of_ten(target):
    for item in [target.acquire() for _ in range(10)]:
        target.release(item)
    return target.stats().idle
buffers = pool("buffer", list)        # as a module does it, before the settings are applied
applied = apply_plan(plan(pools__buffer__max_size=3))
fixed = pool("fixed", list, max_size=5)
print(idle_of_ten(buffers), idle_of_ten(fixed))
apply_plan(plan(pools__buffer__max_size=7, pools__fixed__max_size=1))
gc.collect()
print(idle_of_ten(buffers), idle_of_ten(fixed))
"""


def test_the_plan_in_force_sets_the_size_that_the_call_leaves_open() -> None:
    assert script(SIZES).splitlines() == ["3 5", "7 5"]


FORK = """
import os, sys, threading, time
from gctune.memory.pools import ObjectPool
pool = ObjectPool("forked", list, list.clear)
busy = True
def work():
    while busy:
        pool.release(pool.acquire())
threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
[thread.start() for thread in threads]
sys.setswitchinterval(1e-5)
held = pool.acquire()
bad = 0
for _ in range(50):
    child = os.fork()
    if child == 0:
        pool.release(held)
        items = [pool.acquire() for _ in range(20)]
        [pool.release(item) for item in items]
        os._exit(0 if len({id(item) for item in items}) == 20 else 1)
    bad += os.waitpid(child, 0)[1] != 0
busy = False
print(bad)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_at_any_instant_can_use_the_pool() -> None:
    done = python("-W", "ignore::DeprecationWarning", "-c", FORK)
    assert done.stdout.strip() == "0"


def test_64_threads_lose_nothing_and_share_nothing() -> None:
    # Scaled to a few seconds; the whole 100,000 operations a thread: benchmarks/pools.py --stress.
    done = python(str(BENCHMARK), "--stress", "--operations", "8000")
    assert "every promise held" in done.stdout
    assert int(re.search(r"discarded ([\d,]+)", done.stdout)[1].replace(",", "")) > 100  # type: ignore[index]


def test_the_pool_is_imported_without_what_is_dear() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(BENCHMARK.parents[2])!r}); import gctune.memory.pools"
        "\nprint({'typing', 'dataclasses', 'threading', 're', 'contextlib'} & set(sys.modules))"
    )
    done = python("-I", "-S", "-c", code)
    assert done.stdout.strip() == "set()"


class PoolMachine(RuleBasedStateMachine):
    """A pool beside the plainest model of one: what is in use, and how much was made."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.serial = count()
        self.max_size = 3
        self.pool: ObjectPool[list[int]] = ObjectPool("model", self.make, self.reset, self.max_size)
        self.in_use: list[list[int]] = []
        self.released: list[list[int]] = []
        self.made = self.acquired = 0

    def make(self) -> list[int]:
        self.made += 1
        return []

    def reset(self, item: list[int]) -> None:
        broken = -1 in item
        item.clear()
        if broken:
            raise ValueError("reset failed")

    @rule(target=held)
    def acquire(self) -> list[int]:
        item = self.pool.acquire()
        self.acquired += 1
        assert item == []
        assert not any(item is other for other in self.in_use)
        self.in_use.append(item)
        item.append(next(self.serial))
        return item

    @rule(item=consumes(held), fails=st.booleans())
    def release(self, item: list[int], fails: bool) -> None:
        self.in_use = [other for other in self.in_use if other is not item]
        self.released.append(item)
        if fails:
            item.append(-1)
            with pytest.raises(ValueError, match="reset failed"):
                self.pool.release(item)
        else:
            self.pool.release(item)

    @rule(data=st.data())
    def release_again(self, data: st.DataObject) -> None:
        idle = [item for item in self.released if not any(item is other for other in self.in_use)]
        item = data.draw(st.sampled_from([*idle, []]))
        with pytest.raises(PoolError):
            self.pool.release(item)

    @rule()
    def collect(self) -> None:
        gc.collect(1)  # all that it has made; what the whole suite has made takes a minute

    @rule()
    def shrink(self) -> None:
        idle = self.pool.stats().idle
        assert self.pool.shrink() == idle
        assert self.pool.stats().idle == 0

    @invariant()
    def counts_agree(self) -> None:
        stats = self.pool.stats()
        assert stats.in_use == len(self.in_use)
        assert stats.created == stats.misses == self.made
        assert stats.hits + stats.misses == self.acquired
        assert stats.idle <= self.max_size
        assert stats.idle + stats.in_use == stats.created - stats.discarded


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
