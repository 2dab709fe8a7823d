"""Which of several processes ran at once: what they take adds up only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Spanned(Protocol):
    """What began and ended, by Unix time in seconds."""

    @property
    def began(self) -> float:
        """When it began."""

    @property
    def ended(self) -> float:
        """When it was last seen."""


class Recorded(Spanned, Protocol):
    """A process whose memory was seen."""

    @property
    def peak_rss_bytes(self) -> int:
        """The most that it had in RAM."""


def crowds(processes: Sequence[Spanned]) -> tuple[tuple[int, ...], ...]:
    """The places of processes that ran at once, as each of them began."""
    return tuple(dict.fromkeys(_crowd(processes, one) for one in processes))


def _crowd(processes: Sequence[Spanned], one: Spanned) -> tuple[int, ...]:
    """The places of those that ran as `one` began."""
    return tuple(
        place
        for place, other in enumerate(processes)
        if other is one or other.began <= one.began < other.ended
    )


def peak_rss_bytes(processes: Sequence[Recorded]) -> int:
    """The most memory that they had together, if each had its peak when others had theirs."""
    peaks = [process.peak_rss_bytes for process in processes]
    return max((sum(peaks[each] for each in crowd) for crowd in crowds(processes)), default=0)
