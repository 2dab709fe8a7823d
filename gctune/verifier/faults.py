"""Whether a program fails more often at other settings than at its own.

Programs fail for reasons of their own, too, so one failure tells nothing of
settings. Of pairs of runs those tell in which one run failed and the other did
not: if settings made no difference, either would be as likely to be the one
(the exact test of McNemar 1947).

It is looked at again after each failure. Settings harm once such a lopsided
split has a chance of `_CHANCE`, as six failures to none have: of programs that
fail as often at both, that finds harm in less than 4 of 100 in forty pairs,
however often they fail. A kill needs no second one where none came at the
program's own settings: it is how settings do harm, by memory, and no program's
habit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb
from typing import TypeAlias

KILLED = "was killed by"  # how a fault begins that was no exit of the program's own

_CHANCE = 1 / 64
_TIMES = 4  # as often as at the program's own settings, that is ruled out where faults are alike
_DOUBT = 0.05  # with which it is

# How the run at the program's own settings failed, and the other; empty where it went well.
Faults: TypeAlias = Sequence[tuple[str, str]]


def harm(faults: Faults) -> str:
    """What the other settings make the program do, as far as that is sure; else empty."""
    own = [fault for fault, _ in faults if fault]
    others = [fault for _, fault in faults if fault]
    kills = [fault for fault in others if fault.startswith(KILLED)]
    if kills and not any(fault.startswith(KILLED) for fault in own):
        return f"{kills[0]}, and never at its own"
    alone, alone_own = _alone(faults)
    if alone and _tail(alone, alone + alone_own, 0.5) <= _CHANCE:
        usual, _ = Counter(others).most_common(1)[0]
        number = len(faults)
        return f"{usual}; it fails in {len(others)} of {number} runs, and {len(own)} at its own"
    return ""


def are_alike(faults: Faults) -> bool:
    """Whether nothing failed at the other settings alone, or surely not `_TIMES` as often."""
    alone, alone_own = _alone(faults)
    number = alone + alone_own
    return not alone or _tail(alone_own, number, 1 / (1 + _TIMES)) <= _DOUBT


def _alone(faults: Faults) -> tuple[int, int]:
    """In how many pairs only the run at the other settings failed, and only that at its own."""
    return (
        sum(bool(other) and not own for own, other in faults),
        sum(bool(own) and not other for own, other in faults),
    )


def _tail(least: int, number: int, chance: float) -> float:
    """The chance of so many of a number, or of more (the binomial distribution)."""
    return sum(
        comb(number, many) * chance**many * (1 - chance) ** (number - many)
        for many in range(least, number + 1)
    )
