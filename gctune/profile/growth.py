"""Whose doing it is that memory grows while thresholds are tried: theirs, or the program's own.

Each new height of memory is charged to the thresholds in force meanwhile. What
the program grows by itself comes in its own windows as well as in the others,
at the same rate; what other thresholds keep comes in theirs alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from gctune.profile.records import Reading, Three

# Times the rate under the program's own thresholds, that chance may bring of the program's
# own growth: it comes in bursts, and a burst falls into few windows.
_BY_CHANCE = 2


class Growth:
    """What memory has grown by since it was steady at the program's `own` thresholds.

    `since` and `until` are the readings that it was steady between.
    """

    def __init__(self, own: Three, since: Reading, until: Reading) -> None:
        self._own = own
        self._charges = {own: (0, 0)}  # CPU time, and bytes
        self._given_up: set[Three] = set()
        self._last, self._highest = since, since.rss_bytes
        self.charge(own, until)
        self.base_bytes = self._highest

    def charge(self, thresholds: Three, reading: Reading) -> None:
        """Charge `thresholds`, in force since the last reading, with what has grown."""
        took, risen = self._charges.get(thresholds, (0, 0))
        took += reading.cpu_ns - self._last.cpu_ns
        risen += max(0, reading.rss_bytes - self._highest)
        self._charges[thresholds] = took, risen
        self._last, self._highest = reading, max(self._highest, reading.rss_bytes)

    @property
    def own_bytes(self) -> int:
        """What the program has grown by itself."""
        caused = self._beyond_own([one for one in self._charges if one > self._own])
        return round(self._highest - self.base_bytes - caused)

    @property
    def worst(self) -> Three:
        """The setting that memory has grown under most, of those that keep more garbage."""
        return max(self._charges.keys() - self._given_up, key=self.caused)

    def caused(self, thresholds: Three) -> float:
        """The bytes that memory has grown by for this setting."""
        return self._beyond_own([thresholds]) if thresholds > self._own else 0.0

    def give_up(self) -> Three:
        """Go on without the worst and all above it; what they caused stays charged to them."""
        worst = self.worst
        self._given_up |= {one for one in self._charges if one >= worst}
        return worst

    def _beyond_own(self, settings: Sequence[Three]) -> float:
        """What memory has grown by under these more than it might have by itself."""
        charges = [self._charges[one] for one in settings]
        took, risen = (sum(each[part] for each in charges) for part in range(2))
        own_took, own_risen = self._charges[self._own]
        return max(0.0, risen - _BY_CHANCE * own_risen * took / max(1, own_took))
