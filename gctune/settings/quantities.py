"""Sizes, durations, ratios and rates, read as people write them and written back so.

Each quantity is a plain number that knows its short form: `str(Size(2**31))`
is `2GiB`. Text is read in ASCII, whole, and within bounds; what is refused
says why and what to write instead.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

from gctune.runtime.knob import INT_MAX, LEAST_MEMORY

if TYPE_CHECKING:
    from pydantic_core import PydanticCustomError

MOST = 2**63 - 1
YEAR = 365 * 86400.0

_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_KUBERNETES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_BYTES = {
    unit.lower(): size for unit, size in {"B": 1, **_BINARY, **_DECIMAL, **_KUBERNETES}.items()
}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

FLAGS = {
    **dict.fromkeys(("true", "1", "on", "yes"), True),
    **dict.fromkeys(("false", "0", "off", "no"), False),
}
NUMBER = r"[0-9]{1,20}(?:\.[0-9]{1,9})?"
_SIZE = rf"({NUMBER}) ?([A-Za-z]*)"
_DURATION = rf"({NUMBER}) ?(us|ms|s|m|h|d)"
_PERCENT = rf"({NUMBER}) ?%"
_RATE = rf"({_SIZE})/(s|m|h)"


class Size(int):
    """A number of bytes; its short form is exact (`512MiB`, `500MB`, `1234B`)."""

    def __str__(self) -> str:
        for units in (_BINARY, _DECIMAL):
            for unit, size in reversed(units.items()):
                if self and self % size == 0:
                    return f"{self // size}{unit}"
        return f"{int(self)}B"


class Duration(float):
    """A length of time in seconds; its short form is exact to the microsecond (`10ms`, `2m`)."""

    def __str__(self) -> str:
        microseconds = round(self * 1e6)
        for unit in ("d", "h", "m", "s", "ms"):
            length = round(_SECONDS[unit] * 1e6)
            if microseconds % length == 0 and (microseconds or unit == "s"):
                return f"{microseconds // length}{unit}"
        return f"{microseconds}us"


class Ratio(float):
    """A share of something, above 0 and at most 1; its short form is in percent (`10%`)."""

    def __str__(self) -> str:
        return f"{self * 100:.10g}%"


class Rate(float):
    """Bytes per second; its short form names the time that makes it even (`50MB/s`, `1MiB/h`)."""

    def __str__(self) -> str:
        for unit in ("s", "m", "h"):
            amount = self * _SECONDS[unit]
            if abs(amount - round(amount)) < 1e-6 * amount:
                return f"{Size(round(amount))}/{unit}"
        return f"{Size(round(self))}/s"


def refusal(wrong: str, remedy: str) -> PydanticCustomError:
    """Say what is wrong with a value and what to do, for a validator to raise."""
    from pydantic_core import PydanticCustomError  # a sixth of what commands take to start

    return PydanticCustomError("refused", "{wrong}; {remedy}", {"wrong": wrong, "remedy": remedy})


def about(size: int) -> str:
    """Bytes as a person would say them, to three digits (`3.6GiB`, `-5MiB`)."""
    if size < 0:
        return f"-{about(-size)}"
    for unit, scale in reversed(_BINARY.items()):
        if size >= scale:
            return f"{size / scale:.3g}{unit}" if size < 1000 * scale else f"{size // scale}{unit}"
    return f"{size}B"


def plain(value: object) -> int | bool | str | None:
    """A setting's value as a plan carries it: bytes as an integer, else its short form."""
    if value is None or isinstance(value, bool | str):
        return value
    return int(value) if isinstance(value, int) else str(value)


def size(value: object) -> Size:
    """Read bytes (an integer) or a size such as `512MiB`. Raises ValueError."""
    read = _integer(value)
    if read is not None:
        return _bounded(read)
    remedy = "give bytes as an integer, or a size like '512MiB' or '500MB'"
    match = _match(_SIZE, value)
    if match is None:
        raise refusal("not a size", remedy)
    number, unit = match.group(1), match.group(2)
    if unit.lower() in ("k", "m", "g", "t"):
        raise _two_readings(number, unit.upper())
    if not unit and "." in number:
        raise refusal("a fraction of a byte", remedy)
    scale = _BYTES.get(unit.lower() or "b")
    if scale is None:
        raise refusal(f"{unit!r} is no unit of size", remedy)
    return _bounded(_scaled(number, scale))


def small_size(value: object) -> Size:
    """Read a size that fits a C int. Raises ValueError."""
    read = size(value)
    if read > INT_MAX:
        raise refusal("out of range", "give less than 2GiB")
    return read


def at_most(most: int, read: Size) -> Size:
    """What was read: a size of `most` bytes or less. Raises ValueError."""
    if read > most:
        raise refusal(f"above {Size(most)}", f"give {Size(most)} or less")
    return read


def ratio(value: object, *, otherwise: str = "") -> Ratio:
    """Read a ratio, as `0.1` or `10%`. Raises ValueError."""
    read = _ratio(value)
    if read is None:
        raise refusal("not a ratio", "give one like 0.1 or '10%'")
    if not 0 < read <= 1:
        raise refusal("out of range", f"a ratio is above 0 and at most 1 (100%){otherwise}")
    return Ratio(read)


def size_or_ratio(value: object) -> Size | Ratio:
    """Read a size, or a ratio (a float, or percent) of the memory limit. Raises ValueError."""
    if isinstance(value, float) or (isinstance(value, str) and _reads_as_ratio(value)):
        return ratio(value, otherwise=", a size an integer of bytes, or like '512MiB'")
    return size(value)


def share(value: object) -> Size | Ratio:
    """Read what part of a process's memory is meant: a size of 1MiB or more, or a ratio.

    Raises ValueError.
    """
    read = size_or_ratio(value)
    if isinstance(read, Size) and read < LEAST_MEMORY:
        raise _too_small(read, _integer(value) is not None)
    return read


def limit(value: object) -> Size | Ratio | Literal["auto"]:
    """Read a memory limit: a size, a ratio of the container's, or `auto`. Raises ValueError."""
    return "auto" if value == "auto" else share(value)


def duration(value: object, *, least: float = 0.0) -> Duration:
    """Read seconds (a number) or a duration such as `10ms`. Raises ValueError."""
    seconds = _seconds(value)
    if seconds is None:
        raise refusal("not a duration", "give seconds, or a duration like '10ms', '5s' or '2m'")
    if not least <= seconds <= YEAR:
        raise refusal("out of range", f"a duration here is {Duration(least)} to 365d")
    return Duration(seconds)


def rate(value: object) -> Rate:
    """Read bytes per second (an integer) or a rate such as `50MB/s`. Raises ValueError."""
    if _integer(value) is not None:
        return Rate(size(value))
    match = _match(_RATE, value)
    if match is None:
        raise refusal("not a rate", "give bytes per second, or a rate like '50MB/s' or '1MiB/h'")
    return Rate(size(match.group(1)) / _SECONDS[match.group(4)])


def number(value: object) -> float:
    """Read a number above 0. Raises ValueError."""
    read = _finite(value)
    if read is None:
        raise refusal("not a number", "give one above 0")
    if read <= 0:
        raise refusal("out of range", "give a number above 0")
    return read


def whole(value: object, *, least: int, otherwise: str = "") -> int:
    """Read a whole number from `least` to what a C int holds. Raises ValueError."""
    read = _integer(value)
    remedy = f"give {least} or more{otherwise}"
    if read is None:
        raise refusal("not an integer", remedy)
    if read < least:
        raise refusal(f"below {least}", remedy)
    if read > INT_MAX:
        raise refusal("out of range", f"give {INT_MAX} or less")
    return read


def flag(value: object) -> bool:
    """Read true or false; text as variables have it (1, on, yes, ...) too. Raises ValueError."""
    read = FLAGS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(read, bool):
        raise refusal("not true or false", "give true or false")
    return read


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,20}", value) else None
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _match(pattern: str, value: object) -> re.Match[str] | None:
    return re.fullmatch(pattern, value) if isinstance(value, str) else None


def _bounded(read: int) -> Size:
    if not 1 <= read <= MOST:
        raise refusal("out of range", f"a size is 1 to {MOST} bytes")
    return Size(read)


def _scaled(text: str, scale: int) -> int:
    units, _, fraction = text.partition(".")
    scaled: int = int(units + fraction) * scale // 10 ** len(fraction)
    return scaled


def _two_readings(text: str, unit: str) -> PydanticCustomError:
    binary, decimal = f"{text}{unit}iB", f"{text}{'k' if unit == 'K' else unit}B"
    means = (_scaled(text, _BYTES[f"{unit}ib".lower()]), _scaled(text, _BYTES[f"{unit}b".lower()]))
    return refusal(
        f"could be {binary} ({means[0]} bytes) or {decimal} ({means[1]} bytes)",
        "write the one you mean",
    )


def _too_small(read: Size, bare: bool) -> PydanticCustomError:
    """Refuse a size; a bare number was meant as something that is written with its unit."""
    readings = (("%", 100), ("MiB", 9999)) if bare else ()
    meant = [f"'{int(read)}{unit}'" for unit, most in readings if read <= most]
    least = Size(LEAST_MEMORY)
    wrong = f"{'a number of bytes, ' if bare else ''}below {least}"
    return refusal(wrong, f"write {' or '.join(meant)}" if meant else f"give {least} or more")


def _reads_as_ratio(value: str) -> bool:
    return value.endswith("%") or re.fullmatch(r"[0-9]*\.[0-9]+", value) is not None


def _ratio(value: object) -> float | None:
    percent = _match(_PERCENT, value)
    return float(percent.group(1)) / 100 if percent else _finite(value)


def _seconds(value: object) -> float | None:
    match = _match(_DURATION, value)
    return float(match.group(1)) * _SECONDS[match.group(2)] if match else _finite(value)


def _finite(value: object) -> float | None:
    if isinstance(value, str) and _match(NUMBER, value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return float(max(min(value, MOST), -MOST))  # an integer may be too big for a float
    return value if math.isfinite(value) else None
