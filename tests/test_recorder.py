"""Every collection is recorded, by nothing but C."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, pairwise
from struct import Struct
from types import FrameType

import pytest
from children import python
from hypothesis import given
from hypothesis import strategies as st

from gctune.monitor import recorder
from gctune.monitor.recorder import Collection, Recorder, brief, columns, decode, sound
from gctune.pacing.stopwatch import Stopwatch


@pytest.fixture
def recording() -> Iterator[Recorder]:
    """A recorder that sees the collections asked for, and no others."""
    made = Recorder()
    gc.disable()
    made.start()
    yield made
    made.stop()
    gc.enable()


def taken(recording: Recorder) -> list[Collection]:
    return list(decode(recording.drain()))


def test_each_collection_is_recorded_once(recording: Recorder) -> None:
    for generation in (0, 1, 2, 0):
        gc.collect(generation)
    assert [collection.generation for collection in taken(recording)] == [0, 1, 2, 0]
    assert taken(recording) == []


def test_what_was_collected_is_told(recording: Recorder) -> None:
    gc.collect()
    taken(recording)
    for _ in range(50):
        cycle: list[object] = []
        cycle.append(cycle)
    del cycle
    before = gc.get_count()
    gc.collect()
    (collection,) = taken(recording)
    assert collection.collected >= 50
    assert collection.uncollectable == 0
    assert 0 <= collection.count0 - before[0] < 20
    assert (collection.count1, collection.count2) == before[1:]


def test_clocks_and_blocks_are_read_at_both_ends(recording: Recorder) -> None:
    garbage = [[] for _ in range(20_000)]
    for first, second in pairwise(garbage):
        first.append(second)
        second.append(first)
    del garbage, first, second
    gc.collect()
    (collection,) = taken(recording)
    assert collection.sampled
    assert collection.cpu_ns > 0
    assert collection.wall_ns > 0
    assert collection.blocks_before - collection.blocks_after > 20_000


def test_one_in_so_many_is_sampled(recording: Recorder) -> None:
    recording.sample(3, 1, 2)
    for generation in [0] * 6 + [1] * 2 + [2] * 4:
        gc.collect(generation)
    sampled = [collection.sampled for collection in taken(recording)]
    young, middle, full = sampled[:6], sampled[6:8], sampled[8:]
    assert young == [True, False, False] * 2
    assert middle == [True] * 2
    assert full == [True, False] * 2


@pytest.mark.parametrize(("before", "then"), [(2, 1), (1, 0), (0, 1)])
def test_what_was_read_at_one_end_alone_counts_as_not_read(
    recording: Recorder, before: int, then: int
) -> None:
    class Resampling:
        def __del__(self) -> None:
            recording.sample(1, 1, then)

    recording.sample(1, 1, before)
    gc.collect()
    garbage = Resampling()
    garbage.itself = garbage  # type: ignore[attr-defined]
    del garbage
    gc.collect()  # begins as the second of two, say, not sampled, and ends as the first of one
    whole, half = taken(recording)
    assert whole.sampled == bool(before)
    assert not half.sampled
    assert (half.blocks_before, half.blocks_after) == (0, 0)
    assert bool(half.cpu_ns) == bool(before and then)
    assert half.wall_ns > 0


def test_a_collection_that_was_not_sampled_has_its_times(recording: Recorder) -> None:
    recording.sample(1, 1, 2)
    gc.collect()
    gc.collect()
    _, timed = taken(recording)
    assert timed.cpu_ns > 0
    assert timed.wall_ns > 0
    assert (timed.blocks_before, timed.blocks_after) == (0, 0)


def test_where_nothing_is_sampled_no_clock_of_the_thread_is_read(recording: Recorder) -> None:
    recording.sample(1, 1, 0)
    gc.collect()
    (bare,) = taken(recording)
    assert bare.wall_ns > 0
    assert (bare.cpu_ns, bare.blocks_before, bare.blocks_after) == (0, 0, 0)


def test_a_full_ring_keeps_the_newest(monkeypatch: pytest.MonkeyPatch, recording: Recorder) -> None:
    monkeypatch.setattr(recorder, "CAPACITY", 3)
    small = Recorder()
    small.start()
    for generation in (2, 2, 1, 1, 0):
        gc.collect(generation)
    small.stop()
    assert [collection.generation for collection in taken(small)] == [1, 1, 0]


def test_a_start_without_its_stop_is_left_out(recording: Recorder) -> None:
    gc.collect(0)
    keep, tick = gc.callbacks[-2:]
    keep("start", {"generation": 0})
    tick("start", {"generation": 0})
    assert len(taken(recording)) == 1
    gc.collect(1)
    assert [collection.generation for collection in taken(recording)] == [1]


def test_stopped_it_records_no_more_and_leaves_other_callbacks(recording: Recorder) -> None:
    gc.callbacks.append(print)
    recording.start()
    recording.stop()
    recording.stop()
    assert gc.callbacks[-1:] == [print]
    gc.callbacks.remove(print)
    gc.collect()
    assert taken(recording) == []


def _begun() -> Recorder:
    recording = Recorder()
    recording.start()
    return recording


def _kept_if_added_at(instant: int, stop: Callable[[], None]) -> bool:
    """Whether a callback is kept that is added at that opcode of `stop`, if there is one."""
    added, tracing = partial("".format), sys.gettrace()
    instants = count()

    def add(frame: FrameType, event: str, _: object) -> object:
        frame.f_trace_opcodes = True
        if next(instants) == instant:
            gc.callbacks.append(added)
        return add

    sys.settrace(add)
    try:
        stop()
    finally:
        sys.settrace(tracing)
    kept = gc.callbacks[-1:] == [added]
    if kept:
        gc.callbacks.pop()
    return kept or next(instants) <= instant


@pytest.mark.parametrize("begin", [_begun, Stopwatch])
def test_what_the_program_adds_while_it_stops_is_kept(
    begin: Callable[[], Recorder | Stopwatch],
) -> None:
    before = list(gc.callbacks)
    kept = [_kept_if_added_at(instant, begin().stop) for instant in range(100)]
    assert all(kept)
    assert gc.callbacks == before


def test_a_collection_is_timed_before_a_callback_of_the_program_lets_others_run() -> None:
    """They would know of a collection that took no time."""
    times: list[int] = []

    def see(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            times.append(len(watch.taken()[0]))

    gc.callbacks.append(see)
    watch = Stopwatch()
    gc.collect()
    watch.stop()
    gc.callbacks.remove(see)
    assert times == [1]


def test_a_count_below_0_is_of_no_containers() -> None:
    """As there is one without the GIL, where threads free what others have made."""
    packed = Struct("<3i3q3qb2q").pack(-511, 0, 0, 0, 10, 0, 0, 30, 0, 0, 0, 0)
    assert sound(packed)
    (collection,) = decode(packed)
    assert collection.count0 == 0
    assert list(brief(packed)) == [(0, 20, 0)]


def test_a_collection_amid_a_stop_says_nothing() -> None:
    """Other threads collect between any two steps of it, sooner or later."""
    program = """
import gc, sys, threading
from gctune.monitor.recorder import Recorder

def collect():
    while not over.is_set():
        gc.collect(0)

over = threading.Event()
threads = [threading.Thread(target=collect) for _ in range(3)]
for thread in threads:
    thread.start()
sys.setswitchinterval(1e-5)
for _ in range(1000):
    recorder = Recorder()
    for _ in range(50):
        recorder.start()
        recorder.stop()
over.set()
for thread in threads:
    thread.join()
"""
    assert python("-c", program).stderr == ""


def test_recording_leaves_no_containers(recording: Recorder) -> None:
    """They would bring the next collection forward."""
    gc.collect(0)
    everything, counts = list(gc.callbacks), []
    for callbacks in ([], everything[-2:]):
        gc.callbacks[:] = callbacks
        gc.collect(0)
        counts.append(gc.get_count()[0])
    gc.callbacks[:] = everything
    assert counts[0] == counts[1]
    assert len(taken(recording)) == 2


def _fields(bits: int) -> st.SearchStrategy[int]:
    """Integers of so many bits, most of them such as are recorded."""
    most = 2 ** (bits - 1) - 1
    return st.integers(0, min(most, 9)) | st.sampled_from([-1, 2**7, -most - 1, most])


_FIELDS = (*[_fields(32)] * 3, *[_fields(64)] * 6, st.integers(0, 3), *[_fields(64)] * 2)


@given(st.lists(st.tuples(*_FIELDS), max_size=4))
def test_what_is_sound_has_nothing_negative_but_count0(rows: list[tuple[int, ...]]) -> None:
    packed = b"".join(Struct("<3i3q3qb2q").pack(*row) for row in rows)
    collections = list(decode(packed))
    raw = [number for _, *row in rows for number in row]
    numbers = raw + [number for each in collections for number in each]
    last = max((each.generation for each in collections), default=0)
    assert sound(packed) == (min(numbers, default=0) >= 0 and last <= 2)
    assert (
        list(map(list, columns(packed))) == [list(each) for each in zip(*collections)] or not rows
    )
    assert not sound(packed + b"\0")
