"""Blocks of one slab: distinct, of one size, dead after free."""

from __future__ import annotations

import gc
import mmap
import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from children import script
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gctune.errors import ConfigError
from gctune.memory.blocks import BlockPool
from gctune.memory.pools import PoolError


def allocated(pool: BlockPool) -> memoryview:
    block = pool.allocate()
    assert block is not None
    return block


def test_a_block_is_writable_memory_of_the_size_asked_for() -> None:
    block = allocated(BlockPool(128, 4))
    assert (len(block), block.format, block.readonly, block.contiguous) == (128, "B", False, True)
    assert bytes(block) == bytes(128)


def test_a_system_without_forks_maps_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MAP_PRIVATE")
    assert bytes(allocated(BlockPool(128, 4))) == bytes(128)


def test_blocks_do_not_overlap() -> None:
    pool = BlockPool(10, 3)
    blocks = [allocated(pool) for _ in range(3)]
    for number, block in enumerate(blocks):
        block[:] = bytes([number]) * 10
    assert [set(block) for block in blocks] == [{0}, {1}, {2}]


def test_exhaustion_gives_none_and_is_counted() -> None:
    pool = BlockPool(10, 1)
    block = allocated(pool)
    assert pool.allocate() is None
    assert pool.stats() == (10, 1, 1, 0, 1)
    pool.free(block)
    assert pool.allocate() is not None


def test_a_freed_block_is_used_again() -> None:
    pool = BlockPool(10, 1)
    for _ in range(100):
        pool.free(allocated(pool))
    assert pool.stats() == (10, 1, 0, 1, 0)


def test_use_after_free_is_an_error() -> None:
    pool = BlockPool(10, 1)
    block = allocated(pool)
    pool.free(block)
    with pytest.raises(ValueError, match="released"):
        block[0] = 1
    with pytest.raises(ValueError, match="released"):
        bytes(block)


def test_a_double_free_is_refused_and_changes_nothing() -> None:
    pool = BlockPool(10, 2)
    block = allocated(pool)
    pool.free(block)
    with pytest.raises(PoolError, match="block = '10 bytes': it is not in use; free each block"):
        pool.free(block)
    assert pool.stats().free == 2


def test_foreign_memory_is_refused() -> None:
    pool, other = BlockPool(10, 2), BlockPool(10, 2)
    block = allocated(other)
    for foreign in (block, memoryview(bytearray(10)), allocated(pool)[:10]):
        with pytest.raises(PoolError, match="not in use"):
            pool.free(foreign)
    assert bytes(block) == bytes(10)


def test_a_block_with_a_slice_alive_stays_in_use_until_it_is_released() -> None:
    pool = BlockPool(10, 1)
    block = allocated(pool)
    part = block[2:4]
    with pytest.raises(PoolError, match="a part of it is in use; release its slices"):
        pool.free(block)
    assert pool.allocate() is None
    part[0] = 7  # still its owner's
    part.release()
    pool.free(block)
    assert pool.stats().free == 1


def test_a_block_with_an_export_alive_stays_in_use_until_it_is_gone() -> None:
    pool = BlockPool(16, 1)
    block = allocated(pool)
    view = block.cast("I")
    export = memoryview(block)
    with pytest.raises(PoolError):
        pool.free(block)
    del view, export
    pool.free(block)
    assert pool.stats().free == 1


def test_a_socket_receives_into_a_block() -> None:
    pool = BlockPool(64, 2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"a request")
        block = allocated(pool)
        length = ours.recv_into(block)
        with block[:length] as received:
            assert received == b"a request"
    pool.free(block)


def test_blocks_outlive_their_pool() -> None:
    block = allocated(BlockPool(10, 1))
    gc.collect()
    block[:] = b"0123456789"
    assert bytes(block) == b"0123456789"


def test_sizes_that_are_no_positive_integers_are_refused_together() -> None:
    with pytest.raises(ConfigError) as caught:
        BlockPool(0, 2.5)  # type: ignore[arg-type]
    assert caught.value.problems == (
        "block_size = 0: not a positive integer; give 1 or more",
        "limit = 2.5: not a positive integer; give 1 or more",
    )


@pytest.mark.parametrize("block_size", [2**50, 2**70])
def test_a_slab_that_cannot_be_mapped_is_refused(block_size: int) -> None:
    with pytest.raises(ConfigError, match="the system cannot map 100 blocks"):
        BlockPool(block_size, 100)


def test_a_large_slab_takes_no_memory_before_it_is_used() -> None:
    code = (
        "import resource\nfrom gctune.memory.blocks import BlockPool\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); pool = BlockPool(2**20, 256)\n"
        "block = pool.allocate(); block[0] = 1; pool.free(block)\n"
        "print(peak() - before)"
    )
    assert int(script(code)) < 16 * 1024


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_writes_to_a_copy() -> None:
    code = (
        "import os\nfrom gctune.memory.blocks import BlockPool\n"
        "pool = BlockPool(4, 2); block = pool.allocate(); block[:] = b'ours'\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    block[:] = b'thei'; pool.free(block); os._exit(pool.stats().free != 2)\n"
        "print(os.waitpid(child, 0)[1], bytes(block).decode())"
    )
    assert script(code) == "0 ours"


@pytest.fixture
def _hasty_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_switches")
def test_no_block_is_shared_by_two_threads_at_once() -> None:
    pool, faults = BlockPool(8, 4), deque[str]()

    def work(mark: bytes) -> None:
        for _ in range(2000):
            block = pool.allocate()
            if block is None:
                continue
            block[:] = mark
            if block != mark:
                faults.append("shared by two")
            pool.free(block)

    threads = [threading.Thread(target=work, args=(bytes([n]) * 8,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert (pool.stats().in_use, pool.stats().free) == (0, 4)


class BlockMachine(RuleBasedStateMachine):
    """A block pool beside a model: the mark that each block in use should hold."""

    blocks = Bundle("blocks")
    LIMIT = 4

    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(16, self.LIMIT)
        self.marks: dict[int, bytes] = {}
        self.freed: list[memoryview] = []
        self.refused = 0

    @rule(target=blocks, mark=st.binary(min_size=16, max_size=16))
    def allocate(self, mark: bytes) -> memoryview | None:
        block = self.pool.allocate()
        if len(self.marks) == self.LIMIT:
            assert block is None
            self.refused += 1
            return None
        assert block is not None
        block[:] = mark
        self.marks[id(block)] = mark
        return block

    @rule(block=consumes(blocks))
    def free(self, block: memoryview | None) -> None:
        if block is None:
            return
        self.pool.free(block)
        del self.marks[id(block)]
        self.freed.append(block)

    @rule(block=consumes(blocks), start=st.integers(0, 15))
    def free_with_a_slice_alive(self, block: memoryview | None, start: int) -> None:
        if block is None:
            return
        mark, part = self.marks[id(block)], block[start:]
        with pytest.raises(PoolError):
            self.pool.free(block)
        assert part == mark[start:]
        self.counts_agree()
        part.release()
        self.free(block)

    @rule(block=blocks)
    def read(self, block: memoryview | None) -> None:
        assert block is None or block == self.marks[id(block)]

    @rule(chosen=st.integers(0))
    def free_again(self, chosen: int) -> None:
        dead = [*self.freed, memoryview(bytearray(16))]
        with pytest.raises(PoolError):
            self.pool.free(dead[chosen % len(dead)])

    @invariant()
    def counts_agree(self) -> None:
        used = len(self.marks)
        assert self.pool.stats() == (16, self.LIMIT, used, self.LIMIT - used, self.refused)


TestBlockMachine = BlockMachine.TestCase
TestBlockMachine.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
