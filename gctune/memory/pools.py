"""Pools of objects that are dear to make and can be used again.

No pool takes a lock: an object changes hands by single operations of a deque or
a dict, which no other thread can divide. So a finaliser may use a pool, and a
fork leaves nothing locked. An object that is lost between two such operations
(a signal handler raised, a fork left its thread behind) is counted as discarded.
"""

from __future__ import annotations

import gc
from collections import deque

from gctune.defaults import POOL_SIZE
from gctune.errors import ConfigError, GctuneError, problem
from gctune.host.interpreter import FREE_THREADED
from gctune.record import Record
from gctune.runtime import fork
from gctune.runtime.applied import in_force

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")
else:
    T = None

    class Generic:
        """What `Generic[T]` needs at run time, without the price of typing."""

        __slots__ = ()
        __class_getitem__ = classmethod(lambda cls, _: cls)


_NOTICE_EVERY = 256  # hits between two looks at the collector, each 1.5 us

# A free-threaded collector reports its collections, all of them full, as generation 0.
FULL = 0 if FREE_THREADED else 2


class PoolError(GctuneError):
    """A pool was misused: given back twice, or what never came from it."""


class PoolStats(Record):
    """What a pool has done and what it holds; `idle + in_use == created - discarded`.

    A miss is an `acquire` that had to call the factory; a forked child counts
    hits and misses anew. The figures are exact
    while no thread is inside the pool; on a free-threaded build hits, misses
    and created may miss a few that came at the same instant.
    """

    hits: int
    misses: int
    idle: int
    in_use: int
    created: int
    discarded: int


class ObjectPool(Generic[T]):
    """Objects kept for reuse; `gctune.pool` makes one and finds it again by its name.

    At most `max_size` objects lie idle (threads that release at the same
    instant can leave one more each); there is no bound on those in use. After
    a full collection the pool forgets, at the next one, what nobody has used
    in between. It notices collections while it is being used. Raises
    ConfigError for a size that settings could not hold.
    """

    def __init__(
        self,
        name: str,
        factory: Callable[[], T],
        reset: Callable[[T], object] | None = None,
        max_size: int | None = None,
    ) -> None:
        problems = tuple(_problems_of_size(name, max_size))
        if problems:
            raise ConfigError(problems)
        self.name = name
        self._factory = factory
        self._reset = reset
        self._given_size = max_size
        self._idle: deque[T] = deque()
        self._victims: deque[T] = deque()  # idle since before the last full collection
        self._in_use: dict[int, T] = {}  # holds the objects, so that no id comes up twice
        self._hits = self._misses = self._created = 0
        self._max_size = self._room = 0  # settled at first use, when a plan may be in force
        self._collections = -1

    def acquire(self) -> T:
        """Take an idle object, or make one; whoever takes it must release it.

        Raises what the factory raises, and PoolError where the factory
        returned an object that is already in use.
        """
        try:
            item = self._idle.pop()
        except IndexError:
            return self._acquire_other()
        self._in_use[id(item)] = item
        self._hits = hits = self._hits + 1
        if not hits % _NOTICE_EVERY:
            self._notice_collections()
        return item

    def release(self, item: T) -> None:
        """Give back what `acquire` returned; it is reset, and kept if there is room.

        An object whose reset raises is discarded, and the error is raised
        here. Raises PoolError, changing nothing, for an object that is not in
        use: it was released before, or never came from this pool.
        """
        try:
            del self._in_use[id(item)]
        except KeyError:
            raise self._misuse(item, "it is not in use", "release each object once") from None
        if self._reset is not None:
            self._reset(item)
        if len(self._idle) < self._room:
            self._idle.append(item)

    def lease(self) -> Lease[T]:
        """Acquire for the length of a `with` block: `with pool.lease() as item:`."""
        return Lease(self)

    def shrink(self) -> int:
        """Discard every idle object, and say how many there were."""
        discarded = len(self._idle) + len(self._victims)
        self._victims.clear()
        self._idle.clear()
        self._make_room()
        return discarded

    def stats(self) -> PoolStats:
        """Count what the pool has done and what it holds."""
        in_use = len(self._in_use)
        idle = len(self._idle) + len(self._victims)
        discarded = max(0, self._created - idle - in_use)
        return PoolStats(self._hits, self._misses, idle, in_use, self._created, discarded)

    def _acquire_other(self) -> T:
        """Take a victim, or make an object."""
        self._notice_collections()
        try:
            item = self._victims.pop()
        except IndexError:
            item = self._make()
        else:
            self._hits += 1
            self._make_room()
        self._in_use[id(item)] = item
        return item

    def _make(self) -> T:
        self._misses += 1
        item = self._factory()
        if id(item) in self._in_use:
            remedy = "let the factory make a new one each time"
            raise self._misuse(item, "the factory returned what is in use", remedy)
        self._created += 1
        return item

    def _notice_collections(self) -> None:
        """After a full collection discard the victims, and make victims of the idle."""
        collections = _full_collections()
        if collections == self._collections:
            return
        self._collections = collections
        self._max_size = self._given_size or _planned_size(self.name) or POOL_SIZE
        self._victims, self._idle = self._idle, deque()
        self._make_room()

    def _make_room(self) -> None:
        self._room = self._max_size - len(self._victims)

    def _misuse(self, item: object, wrong: str, remedy: str) -> PoolError:
        return PoolError(problem(f"pools.{self.name}", type(item).__name__, wrong, remedy))


class Lease(Generic[T]):
    """The `with` block of one acquired object."""

    __slots__ = ("_item", "_pool")

    def __init__(self, pool: ObjectPool[T]) -> None:
        self._pool = pool

    def __enter__(self) -> T:
        self._item = self._pool.acquire()
        return self._item

    def __exit__(self, *_: object) -> None:
        self._pool.release(self._item)


_pools: dict[str, ObjectPool[Any]] = {}


def pool(
    name: str,
    factory: Callable[[], T],
    reset: Callable[[T], object] | None = None,
    max_size: int | None = None,
) -> ObjectPool[T]:
    """Return the pool called `name`, made on the first call.

    `reset(item)` is called when an object is released, so that no user sees
    what another left in it. `max_size` is the most idle objects the pool
    keeps; None takes `pools.<name>.max_size` of the settings, else 100, and
    follows the settings when they change. Raises ConfigError for a name or a
    size that settings could not hold, and where the pool of that name has
    another factory, reset or size.
    """
    problems = [*_problems_of_name(name), *_problems_of_size(name, max_size)]
    if not problems:
        made = ObjectPool(name, factory, reset, max_size)
        found: ObjectPool[T] = _pools.setdefault(name, made)
        problems.extend(_differences(found, made))
    if problems:
        raise ConfigError(problems)
    return found


def stats() -> dict[str, PoolStats]:
    """Count what each named pool has done and what it holds."""
    return {name: each.stats() for name, each in _pools.copy().items()}


def shrink() -> int:
    """Discard every idle object of every named pool, and say how many there were."""
    return sum(each.shrink() for each in _pools.copy().values())


def _count_anew() -> None:
    """Forget, in a forked child, what its parent did with the pools."""
    for each in _pools.copy().values():
        each._hits = each._misses = 0


fork.in_child(_count_anew)


def _problems_of_name(name: str) -> Iterator[str]:
    plain = name.isascii() and name.isidentifier() and name.islower() and name[0] != "_"
    if not plain:
        yield problem(
            "pools", name, "not a name for a pool", "use a to z, 0 to 9 and _, a letter first"
        )


def _problems_of_size(name: str, max_size: int | None) -> Iterator[str]:
    if max_size is not None and (type(max_size) is not int or max_size < 1):
        yield problem(
            f"pools.{name}.max_size", max_size, "not a number of objects", "give 1 or more"
        )


def _differences(found: ObjectPool[T], wanted: ObjectPool[T]) -> Iterator[str]:
    """Word what the pool found has otherwise; a size that is not asked for never differs."""
    pairs = {
        "factory": (found._factory, wanted._factory),
        "reset": (found._reset, wanted._reset),
        "max_size": (found._given_size, wanted._given_size or found._given_size),
    }
    for what, (has, wants) in pairs.items():
        if has != wants:
            wrong = f"the pool of that name has {has!r}"
            yield problem(f"pools.{found.name}.{what}", wants, wrong, "give this pool another name")


def _planned_size(name: str) -> int | None:
    """Read `pools.<name>.max_size` of the plan in force; None where it has no such step."""
    plan = in_force()
    size = plan.value(f"pools.{name}.max_size") if plan else None
    return size if isinstance(size, int) else None


def _full_collections() -> int:
    collections: int = gc.get_stats()[FULL]["collections"]
    return collections
