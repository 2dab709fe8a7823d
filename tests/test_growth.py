"""Growth is charged to settings only as far as the program does not grow by itself."""

from __future__ import annotations

from dataclasses import replace

from profile_samples import reading

from gctune.profile.growth import Growth
from gctune.profile.records import Reading, Three

OWN, MORE, MOST = (2000, 10, 10), (5000, 10, 4), (20_000, 10, 1)
BASE = 100_000
SECOND = 10**9


class Memory:
    """A process whose memory is read each second."""

    def __init__(self) -> None:
        start = replace(reading(), rss_bytes=BASE)
        self.now = replace(start, cpu_ns=start.cpu_ns + 3 * SECOND)
        self.growth = Growth(OWN, start, self.now)

    def after(self, thresholds: Three, grown: int) -> Growth:
        self.now = self._later(grown)
        self.growth.charge(thresholds, self.now)
        return self.growth

    def _later(self, grown: int) -> Reading:
        now = self.now
        return replace(now, cpu_ns=now.cpu_ns + SECOND, rss_bytes=now.rss_bytes + grown)


def test_what_grows_under_one_setting_alone_was_caused_by_it() -> None:
    memory = Memory()
    memory.after(MORE, 0)
    memory.after(OWN, 0)
    growth = memory.after(MOST, 7000)
    assert growth.worst == MOST
    assert growth.caused(MOST) == 7000
    assert growth.own_bytes == 0


def test_what_grows_under_all_is_the_programs_own() -> None:
    memory = Memory()
    for _ in range(20):
        for thresholds in (MOST, OWN, MORE):
            growth = memory.after(thresholds, 1000)
    assert growth.caused(MOST) == growth.caused(MORE) == 0
    assert growth.own_bytes == 60_000


def test_a_burst_that_falls_into_the_windows_of_one_setting_is_not_its_doing() -> None:
    memory = Memory()
    for _ in range(20):
        for thresholds, grown in ((MOST, 1500), (OWN, 1000), (MORE, 500)):
            growth = memory.after(thresholds, grown)
    assert growth.caused(MOST) == 0


def test_memory_that_falls_and_rises_again_has_not_grown() -> None:
    memory = Memory()
    for _ in range(20):
        memory.after(OWN, -5000)
        growth = memory.after(MOST, 5000)
    assert growth.caused(MOST) == 0


def test_what_was_given_up_is_not_the_worst_again_but_stays_caused() -> None:
    memory = Memory()
    memory.after(MOST, 9000)
    growth = memory.after(MORE, 1000)
    assert growth.give_up() == MOST
    assert growth.worst == MORE
    assert growth.own_bytes == 0


def test_what_keeps_less_garbage_than_its_own_is_never_blamed() -> None:
    memory = Memory()
    growth = memory.after((700, 10, 10), 9000)
    assert growth.caused(growth.worst) == 0
    assert growth.own_bytes == 9000
