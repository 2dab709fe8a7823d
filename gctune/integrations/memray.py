"""Captures of memray, read as heaps: `gctune heap capture.bin`.

Needs the extra: `pip install 'gctune[memray]'`.
"""

from __future__ import annotations

import faulthandler
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from select import select
from signal import SIGKILL
from typing import NoReturn

from gctune.errors import MissingExtraError, ProfileError, problem
from gctune.host.container import read_container
from gctune.host.interpreter import this_interpreter
from gctune.host.signals import signal_name
from gctune.profile import pprof
from gctune.profile.functions import Names
from gctune.profile.sites import Heap, Site, Stack, gather
from gctune.runtime.knobs import KNOBS

try:
    from memray import (
        AllocationRecord,
        AllocatorType,
        FileFormat,
        FileReader,
        Metadata,
    )
except ImportError as error:
    raise MissingExtraError("memray", "memray") from error

_FREEING = (AllocatorType.PYMALLOC_FREE, AllocatorType.FREE, AllocatorType.MUNMAP)
_DONE, _FAILED = b"\0", b"\1"  # the first byte of what a child answers
_AT_REST = 20.0  # seconds without CPU time, after which a child is taken to hang


def read_capture(
    path: Path, where: str = "FILE", *, leaks: bool = False, totals: bool = True
) -> Heap:
    """Read a capture of memray: what was in use when that was most, in bytes.

    With `leaks`, what was not freed when the capture ended. With `totals`,
    which takes 2 s for a million of them, all that was ever allocated, too; a
    capture that memray has aggregated does not tell that. Frames are native
    ones too where memray has recorded those. `where` names the capture in an
    error. Raises ProfileError where it cannot be read.
    """
    try:
        return pprof.decode(_in_a_child(lambda: pprof.encode(_heap(path, leaks, totals))))
    except (OSError, ValueError) as error:
        remedy = "give a capture that memray itself can read"
        raise ProfileError(problem(where, str(path), str(error), remedy)) from error


def _heap(path: Path, leaks: bool, totals: bool) -> Heap:
    with FileReader(path) as reader:
        about = reader.metadata
        stack = partial(_stack, Names(), about.has_native_traces)
        records = (
            reader.get_leaked_allocation_records()
            if leaks
            else reader.get_high_watermark_allocation_records()
        )
        in_use = gather(Site(stack(each), each.n_allocations, each.size) for each in records)
        allocated = None
        if totals and about.file_format == FileFormat.ALL_ALLOCATIONS:
            allocated = gather(_totals(reader.get_allocation_records(), stack))
    comments = tuple(_comments(about, leaks))
    return Heap(in_use, round(about.end_time.timestamp() * 1e9), comments, allocated)


def _totals(
    records: Iterable[AllocationRecord], stack: Callable[[AllocationRecord], Stack]
) -> Iterator[Site]:
    """Add up allocations by what memray numbers their stacks with, before any stack is read."""
    blocks, sizes = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    examples: dict[tuple[int, int], AllocationRecord] = {}
    for record in records:
        if record.allocator in _FREEING:
            continue
        number = (record.stack_id, record.native_stack_id)
        examples.setdefault(number, record)
        blocks[number] += 1
        sizes[number] += record.size
    for number, example in examples.items():
        yield Site(stack(example), blocks[number], sizes[number])


def _stack(names: Names, native: bool, record: AllocationRecord) -> Stack:
    trace = record.hybrid_stack_trace if native else record.stack_trace
    frames = tuple(names.frame(name, file, line) for name, file, line in trace(pprof.DEEPEST))
    return frames or pprof.NO_STACK


def _comments(about: Metadata, leaks: bool) -> Iterator[str]:
    yield "not freed when the capture ended" if leaks else "in use when that was most"
    yield "objects are allocations, by memray"
    if about.python_allocator == "pymalloc" and not about.trace_python_allocators:
        yield "small objects share pymalloc's arenas: memray's --trace-python-allocators tells them"


def _in_a_child(make: Callable[[], bytes]) -> bytes:
    """What `make` makes, in a child: memray trusts a file, and a damaged one can crash it.

    Or have it wait for a lock of malloc's for ever. Raises ValueError where it
    fails, crashes or hangs.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _answer(make, writing)
    os.close(writing)
    answer = _awaited(pid, reading)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if answer.startswith(_DONE):
        return answer[1:]
    crash = f"damaged: memray ends in {signal_name(-status)}" if status < 0 else "damaged"
    raise ValueError(answer[1:].decode("utf-8", "replace") or crash)


def _awaited(pid: int, reading: int) -> bytes:
    """What a child answers; one that hangs is ended."""
    import psutil  # type: ignore[import-untyped, unused-ignore]

    child, worked = psutil.Process(pid), 0.0
    with os.fdopen(reading, "rb") as stream:
        while not select([stream], [], [], _AT_REST)[0]:
            before, worked = worked, sum(child.cpu_times()[:2])
            if worked == before:
                os.kill(pid, SIGKILL)
                return _FAILED + b"damaged: memray hangs"
        return stream.read()


def _answer(make: Callable[[], bytes], to: int) -> NoReturn:
    try:
        faulthandler.disable()  # else a crash tells of itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(to, "wb") as stream:
            stream.write(_result(make))
    finally:
        os._exit(0)


def _bound_memory() -> None:
    """Have memory run out here before it does on the machine: damage can ask for any amount."""
    limit, spare = KNOBS["memory.hard_limit"], _spare_bytes() // 2
    if not (limit.objection(this_interpreter()) or limit.fault(spare)):
        limit.write(spare)


def _spare_bytes() -> int:
    import psutil  # type: ignore[import-untyped, unused-ignore]

    container, available = read_container(), int(psutil.virtual_memory().available)
    if container.limit is None or container.working_set_bytes is None:
        return available
    return min(available, container.limit.bytes - container.working_set_bytes)


def _result(make: Callable[[], bytes]) -> bytes:
    try:
        _bound_memory()
        return _DONE + make()
    except OSError as error:  # in memray's words, and with what C++ adds behind a colon
        told = str(error).partition(".:")[0]
        return _FAILED + f"{told[:1].lower()}{told[1:]}".encode("utf-8", "replace")
    except MemoryError:
        return _FAILED + b"damaged, or it takes more than half of the memory that is free"
    except Exception as error:  # noqa: BLE001 - whatever a damaged file leads to
        return _FAILED + f"damaged ({type(error).__name__})".encode()
