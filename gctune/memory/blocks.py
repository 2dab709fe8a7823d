"""Fixed-size blocks of one slab of memory, handed out as memoryviews.

For `recv_into`, `readinto` and their like: the bytes arrive in memory that
stays mapped, and a parser works on slices of it without a copy.
"""

from __future__ import annotations

import mmap
from collections import deque
from pickle import PickleBuffer

from gctune.errors import ConfigError, problem
from gctune.memory.pools import PoolError
from gctune.record import Record


class BlockStats(Record):
    """How the blocks of a pool are spent; `in_use + free == limit` between two calls.

    `block_size` is in bytes. `refused` counts the calls of `allocate` that
    found every block in use.
    """

    block_size: int
    limit: int
    in_use: int
    free: int
    refused: int


class BlockPool:
    """A slab of `limit` blocks of `block_size` bytes each.

    The system provides a page of the slab when it is first written, and a
    forked child gets a copy of its own. Takes no lock. Raises ConfigError for
    sizes that are no positive integers, or more than the system will map.
    """

    def __init__(self, block_size: int, limit: int) -> None:
        self._block_size, self._limit = _checked(block_size, limit)
        self._slab = _map(block_size, limit)
        self._free = deque(range(0, block_size * limit, block_size))  # offsets
        self._in_use: dict[int, tuple[memoryview, memoryview, int]] = {}
        self._refused = 0

    def allocate(self) -> memoryview | None:
        """Hand out a block, or None where all are in use: `allocate() or bytearray(n)`.

        A block holds what its last user left in it: write before you read.
        """
        try:
            offset = self._free.pop()
        except IndexError:
            self._refused += 1
            return None
        part = self._slab[offset : offset + self._block_size]
        # A memoryview shares the exports of what it is made from, unless that
        # is a PickleBuffer: so `part` counts every view and slice of the block.
        block = memoryview(PickleBuffer(part))
        self._in_use[id(block)] = (block, part, offset)
        return block

    def free(self, block: memoryview) -> None:
        """Take back what `allocate` returned; using it from then on is a ValueError.

        Raises PoolError for what is not in use: freed before, a slice of a
        block, or never of this pool. A block with a slice or another export
        still alive stays in use, and the PoolError says so: release those and
        free it again.
        """
        lease = self._in_use.pop(id(block), None)
        if lease is None:
            raise self._misuse("it is not in use", "free each block once, and not a slice of it")
        _, part, offset = lease
        try:
            block.release()
            part.release()
        except BufferError as error:
            self._in_use[id(block)] = lease
            remedy = "release its slices and other views first"
            raise self._misuse("a part of it is in use", remedy) from error
        self._free.append(offset)

    def stats(self) -> BlockStats:
        """Count the blocks in use and free."""
        return BlockStats(
            self._block_size, self._limit, len(self._in_use), len(self._free), self._refused
        )

    def _misuse(self, wrong: str, remedy: str) -> PoolError:
        return PoolError(problem("block", f"{self._block_size} bytes", wrong, remedy))


def _checked(block_size: int, limit: int) -> tuple[int, int]:
    sizes = {"block_size": block_size, "limit": limit}
    wrong = {name: size for name, size in sizes.items() if type(size) is not int or size < 1}
    if wrong:
        raise ConfigError(
            problem(name, size, "not a positive integer", "give 1 or more")
            for name, size in wrong.items()
        )
    return block_size, limit


def _map(block_size: int, limit: int) -> memoryview:
    try:
        return memoryview(mmap.mmap(-1, block_size * limit, **_privately()))
    except (OSError, OverflowError) as error:
        wrong = f"the system cannot map {limit} blocks of {block_size} bytes"
        raise ConfigError(
            [problem("limit", limit, wrong, "give fewer or smaller blocks")]
        ) from error


def _privately() -> dict[str, int]:
    """How a slab is mapped so that parent and child do not write over each other's."""
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows, where no process forks
        return {}
    return {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
