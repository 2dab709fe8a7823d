"""Heaps as pprof reads and writes them: profile.proto, compressed by gzip.

The sample types are those of Go's heap profiles, so that the tools which know
these know ours. tracemalloc sees only what has not been freed: of such a heap
alloc_objects and alloc_space repeat what is in use, the least that can have been
allocated, and a comment in the file says so.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import TypeVar

from gctune.profile import protobuf
from gctune.profile.sites import Frame, Function, Heap, Site, Stack, gather

MOST_BYTES = 64 * 2**20  # of a file, packed and unpacked
_MOST_ENTRIES = 2**20  # of one kind: samples, locations, functions, strings
_MOST_VALUES = 64  # of a sample; Go's have 4
DEEPEST = 4096  # frames of a stack
_MOST_FRAMES = 2**23  # of all stacks
GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31  # to zlib
IN_USE, ALLOCATED = "inuse_space", "alloc_space"
_IN_USE_TYPES, _ALLOCATED_TYPES = ("inuse_objects", IN_USE), ("alloc_objects", ALLOCATED)
_TYPES = tuple(zip((*_ALLOCATED_TYPES, *_IN_USE_TYPES), 2 * ("count", "bytes")))
_ALLOC = "alloc_objects and alloc_space count only what is still in use: no more is traced"
_UNKNOWN = Function("<unknown>", "", 0)
NO_STACK = (Frame(_UNKNOWN, 0),)
_Item = TypeVar("_Item")


class _Profile:
    """Field numbers of the message Profile; those of the small messages stand where they are."""

    SAMPLE_TYPE, SAMPLE, MAPPING, LOCATION, FUNCTION, STRING = range(1, 7)
    TIME_NANOS, PERIOD_TYPE, PERIOD, COMMENT, DEFAULT_SAMPLE_TYPE = 9, 11, 12, 13, 14


class _Numbered(dict[_Item, int]):
    """Numbers items in the order in which it is asked for them, from `first` on."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __missing__(self, item: _Item) -> int:
        self[item] = number = len(self) + self._first
        return number


def encode(heap: Heap, shown: str = IN_USE) -> bytes:
    """Encode a heap; equal heaps give equal bytes. Tools show IN_USE or ALLOCATED at first."""
    return gzip.compress(_Encoder().profile(heap, shown), mtime=0)


class _Encoder:
    def __init__(self) -> None:
        self._strings = _Numbered[str](0)
        self._functions = _Numbered[Function](1)
        self._locations = _Numbered[Frame](1)
        self._text("")  # the format wants it first

    def profile(self, heap: Heap, shown: str) -> bytes:
        """The message Profile, uncompressed."""
        # Each part numbers what those behind it describe.
        head = [*self._types(shown), *self._head(heap)]
        samples = [
            protobuf.content(_Profile.SAMPLE, self._sample(*each)) for each in _amounts(heap)
        ]
        locations = [self._location(frame) for frame in self._locations]
        functions = [self._function(function) for function in self._functions]
        strings = [
            protobuf.content(_Profile.STRING, text.encode("utf-8", "backslashreplace"))
            for text in self._strings
        ]
        return b"".join(chain(head, samples, [_mapping()], locations, functions, strings))

    def _text(self, text: str) -> int:
        return self._strings[text]

    def _types(self, shown: str) -> Iterator[bytes]:
        for name, unit in _TYPES:
            yield protobuf.content(_Profile.SAMPLE_TYPE, self._type(name, unit))
        yield protobuf.number(_Profile.DEFAULT_SAMPLE_TYPE, self._text(shown))

    def _type(self, name: str, unit: str) -> bytes:
        # 1: type, 2: unit
        return protobuf.number(1, self._text(name)) + protobuf.number(2, self._text(unit))

    def _head(self, heap: Heap) -> Iterator[bytes]:
        yield protobuf.number(_Profile.TIME_NANOS, heap.taken_ns)
        yield protobuf.content(_Profile.PERIOD_TYPE, self._type("space", "bytes"))
        yield protobuf.number(_Profile.PERIOD, 1)
        repeated = (_ALLOC,) if heap.allocated is None else ()
        for comment in dict.fromkeys((*heap.comments, *repeated)):
            yield protobuf.number(_Profile.COMMENT, self._text(comment))

    def _sample(self, stack: Stack, values: Iterable[int]) -> bytes:
        # 1: location_id, 2: value
        locations = (self._locations[frame] for frame in stack)
        return protobuf.numbers(1, locations) + protobuf.numbers(2, values)

    def _location(self, frame: Frame) -> bytes:
        # 1: id, 2: mapping_id, 4: line, of which 1: function_id, 2: line
        line = protobuf.number(1, self._functions[frame.function]) + protobuf.number(2, frame.line)
        return protobuf.content(
            _Profile.LOCATION,
            protobuf.number(1, self._locations[frame])
            + protobuf.number(2, 1)
            + protobuf.content(4, line),
        )

    def _function(self, function: Function) -> bytes:
        # 1: id, 2: name, 4: filename, 5: start_line. No system_name (3), in
        # which pprof takes <module> for an unknown name.
        return protobuf.content(
            _Profile.FUNCTION,
            protobuf.number(1, self._functions[function])
            + protobuf.number(2, self._text(function.name))
            + protobuf.number(4, self._text(function.file))
            + protobuf.number(5, function.line),
        )


def _amounts(heap: Heap) -> Iterator[tuple[Stack, tuple[int, ...]]]:
    """Yield each stack with what it allocated and what is in use of it, in blocks and bytes."""
    if heap.allocated is None:
        yield from ((stack, (*amount, *amount)) for stack, *amount in heap.sites)
        return
    nothing = (0, 0)
    in_use = {stack: tuple(amount) for stack, *amount in heap.sites}
    allocated = {stack: tuple(amount) for stack, *amount in heap.allocated}
    for stack in {**in_use, **allocated}:
        yield stack, (*allocated.get(stack, nothing), *in_use.get(stack, nothing))


def _mapping() -> bytes:
    """The one mapping, that has functions, files and lines, so that none are looked for."""
    # 1: id, 7: has_functions, 8: has_filenames, 9: has_line_numbers
    has = b"".join(protobuf.number(field, 1) for field in (7, 8, 9))
    return protobuf.content(_Profile.MAPPING, protobuf.number(1, 1) + has)


def decode(packed: bytes) -> Heap:
    """Decode a heap profile, ours or Go's, compressed or not.

    Raises ValueError where it is damaged, no heap profile, or too large.
    """
    try:
        return _Decoder(_unpack(packed)).heap()
    except protobuf.WireError as error:
        raise ValueError(f"damaged, or not in pprof's format ({error})") from error


def _unpack(packed: bytes) -> bytes:
    if not packed:
        raise ValueError("empty: its program was killed, or has not ended")
    if len(packed) > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES} bytes")
    if not packed.startswith(GZIP):
        return packed
    try:
        stream = zlib.decompressobj(_GZIP_FORMAT)
        content = stream.decompress(packed, MOST_BYTES)
        # At the limit, what checks the content may not have been read yet.
        content += stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise ValueError(f"damaged ({error})") from error
    if stream.unused_data:
        raise ValueError("damaged (more follows its end)")
    if stream.eof:
        return content
    raise ValueError("cut off" if len(content) < MOST_BYTES else f"longer than {MOST_BYTES} bytes")


class _Message:
    """The fields of one message, by number."""

    def __init__(self, encoded: int | bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for field, value in protobuf.fields(_content(encoded)):
            self._fields.setdefault(field, []).append(value)

    def all(self, field: int) -> Sequence[int | bytes]:
        """The values of a field, as they stand there. Raises ValueError where they are too many."""
        values = self._fields.get(field, ())
        if len(values) > _MOST_ENTRIES:
            raise ValueError(f"over {_MOST_ENTRIES} entries of one kind")
        return values

    def messages(self, field: int) -> Iterator[_Message]:
        """The values of a field that holds messages. Raises ValueError where one is none."""
        return map(_Message, self.all(field))

    def numbers(self, field: int) -> Iterator[int]:
        """The unsigned values of a field of integers, packed or not."""
        return chain.from_iterable(map(protobuf.unpacked, self.all(field)))

    def number(self, field: int) -> int:
        """The signed value of a field of one integer, 0 where it is not set. Raises ValueError."""
        value = (*self.all(field), 0)[0]
        if isinstance(value, int):
            return protobuf.signed(value)
        raise ValueError(f"field {field} is no integer")


def _content(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("an integer where text or a message belongs")


def _values(sample: _Message) -> list[int]:
    return list(map(protobuf.signed, islice(sample.numbers(2), _MOST_VALUES)))


def _site(stack: Stack, values: list[int], blocks: int, size: int) -> Site:
    if len(values) <= max(blocks, size):
        raise ValueError("a sample lacks values")
    return Site(stack, values[blocks], values[size])


class _Decoder:
    def __init__(self, encoded: bytes) -> None:
        self._profile = _Message(encoded)
        self._strings = [
            _content(text).decode("utf-8", "replace") for text in self._profile.all(_Profile.STRING)
        ]
        self._frames = 0

    def heap(self) -> Heap:
        """The heap. Raises ValueError where the message is no heap profile."""
        in_use = self._sites(*_IN_USE_TYPES)
        tells_more = set(_ALLOCATED_TYPES) <= set(self._types)
        allocated = self._sites(*_ALLOCATED_TYPES) if tells_more else in_use
        return Heap(
            in_use,
            self._profile.number(_Profile.TIME_NANOS),
            tuple(map(self._text, self._profile.numbers(_Profile.COMMENT))),
            None if allocated == in_use else allocated,
        )

    def _sites(self, *types: str) -> tuple[Site, ...]:
        """The sites by two sample types, of blocks and of bytes."""
        blocks, size = map(self._index, types)
        return gather(_site(*sample, blocks, size) for sample in self._samples)

    @cached_property
    def _samples(self) -> list[tuple[Stack, list[int]]]:
        """The stack and the values of each sample."""
        found = self._profile.messages(_Profile.SAMPLE)
        return [(self._stack(each.numbers(1)), _values(each)) for each in found]

    @cached_property
    def _types(self) -> list[str]:
        """What each of the values of a sample is."""
        types = self._profile.messages(_Profile.SAMPLE_TYPE)
        return [self._text(each.number(1)) for each in types]

    def _text(self, number: int) -> str:
        if 0 <= number < len(self._strings):
            return self._strings[number]
        raise ValueError(f"has no string {number}")

    def _index(self, wanted: str) -> int:
        """Where among the values of a sample one sample type is."""
        if wanted in self._types:
            return self._types.index(wanted)
        raise ValueError(f"not a heap profile: it has no {wanted}")

    def _stack(self, locations: Iterable[int]) -> Stack:
        stack: list[Frame] = []
        for location in locations:
            stack += self._locations.get(location) or [Frame(_UNKNOWN, 0)]
            if len(stack) > DEEPEST:
                raise ValueError(f"a stack of over {DEEPEST} frames")
        self._frames += len(stack)
        if self._frames > _MOST_FRAMES:
            raise ValueError(f"over {_MOST_FRAMES} frames in all")
        return tuple(stack) or NO_STACK

    @cached_property
    def _locations(self) -> dict[int, list[Frame]]:
        """The frames of each location: several where functions were inlined."""
        found = self._profile.messages(_Profile.LOCATION)
        return {each.number(1): list(self._lines(each)) for each in found}

    def _lines(self, location: _Message) -> Iterator[Frame]:
        for line in location.messages(4):
            yield Frame(self._functions.get(line.number(1), _UNKNOWN), line.number(2))
        if not location.all(4):
            yield Frame(Function(f"{location.number(3) % 2**64:#x}", "", 0), 0)

    @cached_property
    def _functions(self) -> dict[int, Function]:
        found = self._profile.messages(_Profile.FUNCTION)
        return {each.number(1): self._function(each) for each in found}

    def _function(self, function: _Message) -> Function:
        name, file = self._text(function.number(2)), self._text(function.number(4))
        return Function(name or _UNKNOWN.name, file, function.number(5))
