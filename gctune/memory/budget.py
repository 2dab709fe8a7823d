"""How much of the time relief may take: a leaky bucket."""

from __future__ import annotations

from gctune.record import Record

WINDOW_NS = 2_000_000_000


class Budget(Record):
    """Time that was spent and has not yet leaked away, of two seconds' worth.

    With a `share` of the time allowed, the bucket holds `share` of a second
    and leaks `share / 2` of the time that passes: so in any window of two
    seconds at most `share` of it is spent, and half of that in the long run.
    `spent_ns` is never below 0: time that was not used is not saved up.
    """

    at_ns: int
    spent_ns: int

    def leaked(self, now_ns: int, share: float) -> Budget:
        """The bucket at `now_ns`; a clock that goes back leaks nothing."""
        passed = max(0, now_ns - self.at_ns)
        return Budget(self.at_ns + passed, max(0, self.spent_ns - int(passed * share / 2)))

    def spend(self, cost_ns: int) -> Budget:
        """The bucket with `cost_ns` more in it."""
        return self._replace(spent_ns=self.spent_ns + max(0, cost_ns))

    def wait_ns(self, cost_ns: int, share: float) -> int:
        """The time until `cost_ns` may be spent; 0 is now.

        What costs more than the bucket holds has to wait until it is empty.
        """
        excess = self.spent_ns - max(0, _capacity_ns(share) - cost_ns)
        return int(excess / (share / 2)) + 1 if excess > 0 else 0


def _capacity_ns(share: float) -> int:
    return int(share * WINDOW_NS / 2)
