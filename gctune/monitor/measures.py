"""What alerts measure: each a number out of a sample, with what it must keep of earlier ones."""

from __future__ import annotations

from gctune.memory.pools import FULL
from gctune.memory.relief import Mood
from gctune.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gctune.monitor.sample import Sample

_GROWTH_SECONDS = 60.0  # growth is told over so long: the rss moves by steps
_SLOTS = 30  # parts of the time that a leak is watched for; each keeps its lowest floor
_SHORTEST_LEAK = 1.0  # seconds


class Measure(Record):
    """A thing that is measured.

    `what` it is in words; `unit` words a value. `read` takes a sample, the
    rule's hold time in seconds and what it returned as memory for the sample
    before (None at first); it returns the value, None where it cannot be told,
    and the new memory. `holds` says that the value itself covers the hold
    time, so that nothing is to be waited for beyond that.
    """

    what: str
    unit: Callable[[float], str]
    read: Callable[[Sample, float, Any], tuple[float | None, Any]]
    holds: bool


def _simple(
    what: str, unit: Callable[[float], str], value: Callable[[Sample], float | None]
) -> Measure:
    return Measure(what, unit, lambda sample, _hold, _memory: (value(sample), None), holds=False)


def _rate(name: str) -> Callable[[Sample], float | None]:
    return lambda sample: getattr(sample.rates, name, None)


def _longest_pause(sample: Sample) -> float | None:
    if sample.pauses is None:
        return None
    return (sample.longest_pause_ns or 0) / 1e9


def _share_of_limit(sample: Sample) -> float | None:
    if sample.limit_bytes is None or sample.headroom_bytes is None:
        return None
    return 1 - sample.headroom_bytes / sample.limit_bytes


def _thrashing(sample: Sample) -> float | None:
    """The share of CPU time in collections; all of it where the memory limit cannot be kept.

    What keeps a limit takes little CPU while it frees little, so the share
    would not show that.
    """
    if sample.limit_state == Mood.THRASHING:
        return 1.0
    share = _rate("gc_share")(sample)
    return 0.0 if share is None and sample.limit_state else share


def _growth(
    sample: Sample, hold_seconds: float, memory: tuple[tuple[int, int], ...] | None
) -> tuple[float | None, object]:
    """Growth of the rss in bytes a second, over the last minute or over a shorter hold time."""
    span_ns = min(hold_seconds, _GROWTH_SECONDS) * 1e9
    now_ns, now_bytes = now = (sample.time_ns, sample.rss_bytes)
    if not memory:
        return None, (now,)
    kept = tuple(each for each in memory if now_ns - each[0] <= span_ns) or memory[-1:]
    then_ns, then_bytes = kept[0]
    return (now_bytes - then_bytes) / max(now_ns - then_ns, 1) * 1e9, (*kept, now)


def _leak(
    sample: Sample, hold_seconds: float, memory: tuple[int, int, dict[int, int]] | None
) -> tuple[float | None, object]:
    """Climb of the floor in bytes a second, as slow as it was in any third of the hold time.

    The floor is the rss in the sample after a full collection. What fills up
    and then stays, or comes and goes, has a third in which it does not climb.
    """
    span = max(hold_seconds, _SHORTEST_LEAK)
    slot, full = int(sample.time_ns / 1e9 / span * _SLOTS), sample.collections[FULL]
    begun, before, floors = memory or (slot, full, {})
    floors = {each: floor for each, floor in floors.items() if slot - each < _SLOTS}
    if full > before:
        floors[slot] = min(sample.rss_bytes, floors.get(slot, sample.rss_bytes))
    climb = _climb(floors, slot) if slot - begun >= _SLOTS else None
    return None if climb is None else climb / span, (begun, full, floors)


def _climb(floors: dict[int, int], slot: int) -> float | None:
    """What the floor would climb in the whole time if it climbed as in its slowest third."""
    thirds = [
        [floor for each, floor in floors.items() if (slot - each) * 3 // _SLOTS == age]
        for age in (2, 1, 0)
    ]
    if not all(thirds):
        return None
    first, second, last = map(min, thirds)
    newest = floors[max(floors)]
    return max(0, 3 * min(second - first, last - second, newest - last))


def _bytes(value: float) -> str:
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= scale:
            return f"{value / scale:.4g}{unit}"
    return f"{value:.0f}B"


def _bytes_a_second(value: float) -> str:
    return f"{_bytes(value)}/s"


def _seconds(value: float) -> str:
    return f"{value * 1000:.4g}ms" if value < 1 else f"{value:.4g}s"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _a_second(value: float) -> str:
    return f"{value:.4g} a second"


MEASURES: Mapping[str, Measure] = {
    "heap": _simple("the rss", _bytes, lambda sample: sample.rss_bytes),
    "gc_pause": _simple("the longest pause", _seconds, _longest_pause),
    "allocation_rate": _simple(
        "what is allocated",
        _bytes_a_second,
        _rate("allocated_bytes"),
    ),
    "growth_rate": Measure("the growth of the rss", _bytes_a_second, _growth, holds=False),
    "gc_frequency": _simple(
        "the number of collections",
        _a_second,
        _rate("collections"),
    ),
    "leak": Measure("the climb of what full collections leave", _bytes_a_second, _leak, holds=True),
    "near_limit": _simple("what is used of the memory limit", _share, _share_of_limit),
    "thrashing": _simple(
        "the share of CPU time in collections (all, where memory.limit cannot be kept)",
        _share,
        _thrashing,
    ),
}
