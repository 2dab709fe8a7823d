"""Each knob reads, writes and restores the real thing, and refuses what would harm."""

from __future__ import annotations

import gc
import sys

import pytest
from children import python, script

from gctune.host.interpreter import Collector, Interpreter, this_interpreter
from gctune.runtime.knobs import KNOBS

THRESHOLDS = ["gc.threshold0", "gc.threshold1", "gc.threshold2"]
HERE = this_interpreter()
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="resource limits of Linux")
glibc_only = pytest.mark.skipif(HERE.libc != "glibc", reason="mallopt is glibc's")


def interpreter(collector: str, libc: str = "glibc") -> Interpreter:
    return Interpreter("cpython", (3, 14, 2), collector, (2000, 10, 0), libc)


@pytest.mark.parametrize("setting", THRESHOLDS)
def test_a_threshold_is_written_by_itself(setting: str) -> None:
    knob = KNOBS[setting]
    if knob.objection(HERE):
        pytest.skip(knob.objection(HERE))
    before = gc.get_threshold()
    try:
        knob.write(77)
        expected = list(before)
        expected[THRESHOLDS.index(setting)] = 77
        assert list(gc.get_threshold()) == expected
        assert knob.read() == 77
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize("setting", THRESHOLDS)
@pytest.mark.parametrize("value", [-1, 2**31, True, 1.5, "700", None, float("nan")])
def test_a_threshold_that_cpython_would_mangle_is_refused(setting: str, value: object) -> None:
    assert KNOBS[setting].fault(value) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", THRESHOLDS)
@pytest.mark.parametrize("value", [0, 1, 2**31 - 1])
def test_the_range_of_a_threshold_is_cpythons(setting: str, value: int) -> None:
    assert KNOBS[setting].fault(value) is None


def test_enabled_turns_the_collector_off_and_on() -> None:
    knob = KNOBS["gc.enabled"]
    try:
        knob.write(False)
        assert not gc.isenabled()
        assert knob.read() is False
    finally:
        knob.write(True)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("gc.enabled", 1), ("gc.freeze", "now"), ("memory.arenas", 0), ("memory.trim", -1)],
)
def test_a_value_that_the_knob_does_not_know_is_refused(setting: str, value: object) -> None:
    assert KNOBS[setting].fault(value) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("collector", "unsupported"),
    [
        (Collector.GENERATIONAL, set()),
        (Collector.INCREMENTAL, {"gc.threshold2"}),
        (Collector.FREE_THREADED, {"gc.threshold2", "gc.freeze"}),
        (Collector.UNKNOWN, {*THRESHOLDS, "gc.enabled", "gc.freeze"}),
    ],
)
def test_what_means_nothing_on_a_collector_is_unsupported(
    collector: str, unsupported: set[str]
) -> None:
    fake = interpreter(collector)
    of_gc = [knob for setting, knob in KNOBS.items() if setting.startswith("gc.")]
    assert {knob.setting for knob in of_gc if knob.objection(fake)} == unsupported


@pytest.mark.parametrize("setting", ["memory.arenas", "memory.trim"])
def test_the_allocators_knobs_want_glibc(setting: str) -> None:
    assert "mallopt" in KNOBS[setting].objection(interpreter(Collector.GENERATIONAL, libc=""))


def test_freeze_is_thawed_when_the_objects_were_ours() -> None:
    printed = script(
        "import gc\n"
        "from gctune.runtime.knobs import FREEZE\n"
        "kept = [[] for _ in range(5000)]\n"
        "FREEZE.write('startup'); FREEZE.freeze()\n"
        "print(gc.get_freeze_count() > 5000, *FREEZE.restore('never'), gc.get_freeze_count())"
    )
    assert printed.split() == ["True", "applied", "0"]


def test_what_the_program_froze_itself_stays_frozen() -> None:
    printed = script(
        "import gc\n"
        "from gctune.runtime.knobs import FREEZE\n"
        "kept = [[] for _ in range(5000)]\n"
        "gc.freeze()\n"
        "FREEZE.write('startup'); FREEZE.freeze()\n"
        "print(FREEZE.restore('never'), FREEZE.read(), gc.get_freeze_count() > 5000)"
    )
    assert "left alone" in printed
    assert "the program froze itself" in printed
    assert printed.endswith("never True")


def test_what_is_neither_young_nor_frozen_is_counted() -> None:
    printed = script(
        "import gc\n"
        "from gctune.runtime.knobs import PROMOTION\n"
        "gc.disable(); gc.collect(); gc.freeze(); first = PROMOTION.count_older()\n"
        "kept = [[] for _ in range(5000)]; young = PROMOTION.count_older()\n"
        "gc.collect(0); middle = PROMOTION.count_older()\n"
        "gc.collect(); print(first, young, 5000 <= middle < 5100, PROMOTION.count_older() - middle)"
    )
    assert printed.split() == ["0", "0", "True", "0"]


def test_what_an_audit_hook_forbids_to_count_is_unknown() -> None:
    printed = script(
        "import sys\n"
        "from gctune.runtime.knobs import PROMOTION\n"
        "def hook(event, _):\n"
        "    if event == 'gc.get_objects': raise RuntimeError\n"
        "sys.addaudithook(hook); print(PROMOTION.count_older())"
    )
    assert printed == "-1"


@linux_only
def test_the_hard_limit_ends_in_a_memory_error_and_leaves_the_hard_value() -> None:
    printed = script(
        "import resource\n"
        "from gctune.runtime.knobs import KNOBS\n"
        "knob = KNOBS['memory.hard_limit']\n"
        "hard = resource.getrlimit(resource.RLIMIT_DATA)[1]\n"
        "knob.write(256 << 20)\n"
        "try: bytearray(512 << 20)\n"
        "except MemoryError: print('refused')\n"
        "print(knob.read() == 256 << 20, resource.getrlimit(resource.RLIMIT_DATA)[1] == hard)"
    )
    assert printed.split() == ["refused", "True", "True"]


@linux_only
def test_a_hard_limit_below_what_is_in_use_is_refused() -> None:
    printed = script(
        "from gctune.runtime.knobs import KNOBS\n"
        "held = bytearray(64 << 20)\n"
        "print(KNOBS['memory.hard_limit'].fault(32 << 20))"
    )
    assert "in use" in printed


@linux_only
def test_a_hard_limit_above_the_process_ceiling_is_refused() -> None:
    printed = script(
        "import resource\n"
        "from gctune.runtime.knobs import KNOBS\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "knob = KNOBS['memory.hard_limit']\n"
        "print(knob.fault(1 << 30)); print(knob.fault((1 << 30) + 1))"
    ).splitlines()
    assert printed[0] == "None"
    assert "ceiling of 1073741824 bytes" in printed[1]


_ARENAS = """
import ctypes, sys, threading
from gctune.runtime.knobs import KNOBS
if len(sys.argv) > 1:
    KNOBS["memory.arenas"].write(int(sys.argv[1]))
libc = ctypes.CDLL(None)
together = threading.Barrier(6)
def allocate():
    libc.malloc(5000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


@glibc_only
def test_arenas_bound_what_threads_make() -> None:

    free, bound = (python("-c", _ARENAS, *limit).stderr.count("Arena ") for limit in ([], ["1"]))
    assert free > 1
    assert bound == 1


@glibc_only
@pytest.mark.parametrize("setting", ["memory.arenas", "memory.trim"])
def test_the_allocators_knob_remembers_what_it_wrote(setting: str) -> None:
    printed = script(
        "from gctune.runtime.knobs import KNOBS\n"
        f"knob = KNOBS[{setting!r}]\n"
        "print(knob.read()); knob.write(4096); print(knob.read())\n"
        "print(knob.restore(None)); print(knob.read())"
    ).splitlines()
    assert printed[:2] == ["None", "4096"]
    assert "cannot be read" in printed[2]
    assert printed[3] == "None"


@glibc_only
def test_free_memory_goes_back_to_the_system() -> None:
    printed = script(
        "from gctune.runtime.knobs import release_free_memory\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "held = [bytes(1000) for _ in range(100_000)]; last = bytes(1000)\n"
        "del held; before = rss(); release_free_memory(); print(before - rss() > 50 << 20)"
    )
    assert printed == "True"


def test_full_collections_are_kept_off_and_the_knob_holds_what_counts_afterwards() -> None:
    printed = script(
        "import gc\n"
        "from gctune.runtime.knobs import FULL\n"
        "before = gc.get_threshold()\n"
        "FULL.keep_off(); FULL.keep_off()\n"
        "print(gc.get_threshold()[2], FULL.read() == before[2])\n"
        "FULL.write(77)\n"
        "print(gc.get_threshold()[2], FULL.read())\n"
        "FULL.let_start()\n"
        "print(gc.get_threshold() == (*before[:2], 77), FULL.kept_off)"
    )
    assert printed.split() == ["2147483647", "True", "2147483647", "77", "True", "False"]


def test_a_program_that_sets_thresholds_has_full_collections_as_it_wants() -> None:
    printed = script(
        "import gc\n"
        "from gctune.runtime.knobs import FULL\n"
        "FULL.keep_off()\n"
        "gc.set_threshold(500, 5, 5)\n"
        "print(FULL.kept_off, FULL.read())\n"
        "FULL.let_start()\n"
        "print(gc.get_threshold())"
    )
    assert printed == "False 5\n(500, 5, 5)"
