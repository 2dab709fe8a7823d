"""The knobs: what can be turned on an interpreter, and the only code that turns it.

CPython takes thresholds it should not (negatives) and, on 3.11 and 3.12, keeps
the first of three when the second overflows. So a value is checked before any
is written, each threshold is written by itself (every mix of valid thresholds
is a valid state), and what was written is read back by `runtime.applied`.
"""

from __future__ import annotations

import gc
import sys
from itertools import cycle

from gctune.host.interpreter import Collector
from gctune.runtime.knob import INT_MAX, LEAST_MEMORY, MOST_MMAP, Knob, unless_whole
from gctune.runtime.plan import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Mapping

    from gctune.host.interpreter import Interpreter
    from gctune.runtime.knob import Fault, Value

NEVER, STARTUP, FORK = "never", "startup", "fork"  # the values of gc.freeze

# From 3.12 on the collector moves immortal objects among the frozen ones by
# itself (375 of them on 3.12.1). More than this many were frozen by somebody.
IMMORTALS = 1000


class _Threshold(Knob):
    """One of the three thresholds of the collector."""

    def __init__(self, index: int) -> None:
        super().__init__(f"gc.threshold{index}")
        self._index = index

    def objection(self, interpreter: Interpreter) -> str:
        return interpreter.objection(f"threshold{self._index}")

    def default(self, interpreter: Interpreter) -> Value:
        return interpreter.thresholds[self._index]

    def fault(self, value: Value) -> Fault | None:
        return unless_whole(value, 0, INT_MAX)

    def read(self) -> int:
        return gc.get_threshold()[self._index]

    def write(self, value: int) -> None:
        thresholds = list(gc.get_threshold())
        thresholds[self._index] = value
        gc.set_threshold(*thresholds)


class _FullThreshold(_Threshold):
    """The threshold of full collections, which can be kept from starting by themselves.

    Meanwhile the knob holds what counts again afterwards.
    """

    _held: int | None = None

    def read(self) -> int:
        held = self._held
        return held if held is not None and self.kept_off else super().read()

    def write(self, value: int) -> None:
        if self.kept_off:
            self._held = value
        else:
            super().write(value)

    @property
    def kept_off(self) -> bool:
        """Whether they are kept off; the program ends that by setting thresholds of its own."""
        return self._held is not None and super().read() == INT_MAX

    def keep_off(self) -> None:
        """Have no full collection start by itself."""
        if not self.kept_off:
            self._held = super().read()
            super().write(INT_MAX)

    def let_start(self) -> None:
        """Have them start by themselves again."""
        held = self.read()
        self._held = None
        super().write(held)


class _Enabled(Knob):
    """Whether the collector runs by itself."""

    def objection(self, interpreter: Interpreter) -> str:
        known = interpreter.collector != Collector.UNKNOWN
        return "" if known else interpreter.objection("enabled")

    def default(self, interpreter: Interpreter) -> Value:  # noqa: ARG002
        return True

    def fault(self, value: Value) -> Fault | None:
        return None if isinstance(value, bool) else ("not true or false", "give one of them")

    def read(self) -> bool:
        return gc.isenabled()

    def write(self, value: bool) -> None:
        (gc.enable if value else gc.disable)()


class _Freeze(Knob):
    """When what exists is taken out of every later collection: never, at startup, at fork.

    The knob holds the policy. `freeze` is called when its moment has come.
    Objects that the program freezes after that cannot be told from these.
    """

    _policy = NEVER
    _frozen = False  # by this knob
    _shared = False  # with somebody who froze before

    def objection(self, interpreter: Interpreter) -> str:
        return interpreter.objection("freeze")

    def default(self, interpreter: Interpreter) -> Value:  # noqa: ARG002
        return NEVER

    def fault(self, value: Value) -> Fault | None:
        known = value in (NEVER, STARTUP, FORK)
        return None if known else ("not a moment to freeze at", "give never, startup or fork")

    def read(self) -> str:
        return self._policy

    def write(self, value: str) -> None:
        self._policy = value

    @property
    def has_frozen(self) -> bool:
        """Whether the moment has come, here or in the parent of this process."""
        return self._frozen

    def freeze(self) -> None:
        """Freeze what exists; touches the heads of the collector's lists, no object."""
        if not self._frozen:
            self._shared = gc.get_freeze_count() > IMMORTALS
            self._frozen = True
        gc.freeze()

    def restore(self, before: Value) -> tuple[str, str]:
        self.write(str(before))
        if before != NEVER or not self._frozen:
            return Status.APPLIED, ""
        if self._shared:
            return Status.LEFT_ALONE, "objects that the program froze itself are among the frozen"
        gc.unfreeze()
        self._frozen = False
        return Status.APPLIED, ""


class _Promotion:
    """What adaptive mode freezes on its own account, and can have looked at again.

    Where others have frozen objects nothing is frozen: theirs could not be told
    from these, and thawing would thaw them.
    """

    frozen = False

    def __init__(self) -> None:
        self._counts = map(len, map(gc.get_objects, cycle((1, 2))))

    def allowed(self) -> bool:
        """Whether what is frozen now is this one's alone. Costs 10 ms for a million of them."""
        return self.frozen or gc.get_freeze_count() <= IMMORTALS

    def freeze(self) -> None:
        """Have what exists looked at no more; touches no object."""
        gc.freeze()
        self.frozen = True

    def thaw(self) -> int:
        """Have all of it looked at again; how many objects that is."""
        if not self.frozen:
            return 0
        frozen = gc.get_freeze_count()
        gc.unfreeze()
        self.frozen = False
        return frozen

    def count(self) -> int:
        """How many objects there are that collections look at; nothing else may be frozen."""
        self.freeze()
        return self.thaw()

    def count_older(self) -> int:
        """How many objects are in generations 1 and 2, or -1 where that cannot be told.

        One step in C for each generation, during which no other thread runs: none
        sees an object with a reference more. Costs 30 to 65 ns an object.
        """
        try:
            return next(self._counts) + next(self._counts)
        except Exception:  # noqa: BLE001 - an audit hook may raise anything
            return -1

    def disown(self) -> None:
        """Leave what is frozen frozen: in a forked child, whose parent's it is."""
        self.frozen = False


class _HardLimit(Knob):
    """The soft value of RLIMIT_DATA in bytes: above it an allocation raises MemoryError."""

    def objection(self, interpreter: Interpreter) -> str:  # noqa: ARG002
        return "" if sys.platform == "linux" else "RLIMIT_DATA bounds memory on Linux only"

    def default(self, interpreter: Interpreter) -> Value:  # noqa: ARG002
        import resource

        return resource.RLIM_INFINITY

    def fault(self, value: Value) -> Fault | None:
        fault = unless_whole(value, LEAST_MEMORY, 2**63 - 1)
        if fault is not None or not isinstance(value, int):
            return fault
        ceiling, used = self._limits()[1], _data_bytes()
        if 0 <= ceiling < value:
            return f"above this process's own ceiling of {ceiling} bytes", "lower it"
        if value < used:
            return f"below the {used} bytes in use", "raise it"
        return None

    def read(self) -> int:
        return self._limits()[0]

    def write(self, value: int) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (value, self._limits()[1]))

    def _limits(self) -> tuple[int, int]:
        import resource

        return resource.getrlimit(resource.RLIMIT_DATA)


class _Malloc(Knob):
    """One parameter of glibc's allocator. It cannot be read: the knob keeps what it wrote."""

    _written: Value = None  # None: as the process was started

    def __init__(
        self, setting: str, parameter: int, least: int, default: int, most: int = INT_MAX
    ) -> None:
        super().__init__(setting)
        self._parameter = parameter
        self._least, self._most = least, most
        self._default = default

    def objection(self, interpreter: Interpreter) -> str:
        if interpreter.libc != "glibc":
            return "this C library has no mallopt"
        return "" if _libc() else "this interpreter cannot load ctypes"

    def default(self, interpreter: Interpreter) -> Value:  # noqa: ARG002
        return None

    def fault(self, value: Value) -> Fault | None:
        return unless_whole(value, self._least, self._most)

    def read(self) -> Value:
        return self._written

    def write(self, value: int) -> None:
        self._mallopt(value)
        self._written = value

    def restore(self, before: Value) -> tuple[str, str]:
        self._mallopt(self._default if before is None else int(before))
        self._written = before
        if before is not None:
            return Status.APPLIED, ""
        return Status.APPLIED, f"glibc's default is {self._default}; what it was cannot be read"

    def _mallopt(self, value: int) -> None:
        library = _libc()
        if library is None or not library.mallopt(self._parameter, value):
            raise OSError(f"mallopt({self._parameter}, {value}) failed")


FULL = _FullThreshold(2)
FREEZE = _Freeze("gc.freeze")
PROMOTION = _Promotion()

# glibc's M_ARENA_MAX (no limit is 0), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD.
_ALL: tuple[Knob, ...] = (
    _Threshold(0),
    _Threshold(1),
    FULL,
    _Enabled("gc.enabled"),
    FREEZE,
    _HardLimit("memory.hard_limit"),
    _Malloc("memory.arenas", -8, least=1, default=0),
    _Malloc("memory.trim", -1, least=0, default=128 << 10),
    _Malloc("memory.mmap", -3, least=0, default=128 << 10, most=MOST_MMAP),
)

KNOBS: Mapping[str, Knob] = {knob.setting: knob for knob in _ALL}


def collect(generation: int = 2) -> None:
    """Collect `generation` and those below it; 2 is everything, what adaptive mode froze too."""
    if generation == 2:  # noqa: PLR2004 - the oldest
        PROMOTION.thaw()
    gc.collect(generation)


def collect_unfrozen() -> None:
    """Collect everything but what is frozen."""
    gc.collect()


def forget_survivors() -> None:
    """Have the collector forget how much its last full collection left.

    It holds off the next one until a quarter as much is new. Right after a
    freeze this looks at nothing.
    """
    gc.collect()


def release_free_memory() -> None:
    """Give the allocator's free pages back to the system, where the C library can."""
    library = _libc()
    if library is not None and hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _data_bytes() -> int:
    """What RLIMIT_DATA counts: the private writable memory of this process."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - pathlib costs 4 ms
            sizes = [line.split()[1] for line in status if line.startswith(b"VmData:")]
        return int(sizes[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0  # unknown: the kernel refuses what is too little at the next allocation


def _libc() -> ctypes.CDLL | None:
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError, TypeError):  # no ctypes; in a subinterpreter; on Windows
        return None
