"""As much of the protocol buffers wire format as profile.proto needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class WireError(ValueError):
    """What was to be decoded is damaged, or something else."""


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MASK = 2**64 - 1
_MOST_SHIFT = 63  # a varint has ten bytes at most
_SEVEN, _MORE = (
    0x7F,
    0x80,
)  # bits of a varint's byte: its part of the value, and whether another follows


def varint(value: int) -> bytes:
    """Encode an integer; a negative one as its two's complement in 64 bits."""
    value &= _MASK
    encoded = bytearray()
    while value > _SEVEN:
        encoded.append(value & _SEVEN | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    """Encode a field that is an integer; 0 is left out, as the default."""
    return varint(field << 3 | _VARINT) + varint(value) if value else b""


def content(field: int, value: bytes) -> bytes:
    """Encode a field that is a string or a message."""
    return varint(field << 3 | _BYTES) + varint(len(value)) + value


def numbers(field: int, values: Iterable[int]) -> bytes:
    """Encode a field that is a list of integers, packed."""
    return content(field, b"".join(map(varint, values)))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and value of each field. Raises WireError where it is damaged."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        else:
            length = _fixed(kind)
        if length > len(message) - at:
            raise WireError("cut off")
        yield key >> 3, message[at : at + length]
        at += length


def unpacked(value: int | bytes) -> Iterator[int]:
    """Yield the integers of a repeated field, packed or not. Raises WireError."""
    if isinstance(value, int):
        yield value
        return
    if value.isascii():  # each is of one byte
        yield from value
        return
    at = 0
    while at < len(value):
        each, at = _varint(value, at)
        yield each


def signed(value: int) -> int:
    """Read an integer as one of 64 bits with a sign."""
    return value - 2**64 if value >> 63 else value


def _fixed(kind: int) -> int:
    if kind == _FIXED64:
        return 8
    if kind == _FIXED32:
        return 4
    raise WireError(f"wire type {kind} is unknown")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Decode the integer at a place; return it and the place behind it."""
    value = shift = 0
    while at < len(message) and shift <= _MOST_SHIFT:
        byte = message[at]
        value |= (byte & _SEVEN) << shift
        at += 1
        if not byte & _MORE:
            return value & _MASK, at
        shift += 7
    raise WireError("cut off" if shift <= _MOST_SHIFT else "an integer of over 64 bits")
