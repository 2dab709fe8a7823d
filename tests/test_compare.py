"""Two captures of a service are compared for what can be compared, and no further."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from captured import PROFILES, collection, packed, profile
from children import python
from profile_samples import closing, header, write
from servers import ENVIRON

from gctune.monitor.recorder import Collection
from gctune.profile.file import Profile
from gctune.profile.records import Count, Paced
from gctune.settings.quantities import Ratio
from gctune.verifier.compare import compare
from gctune.verifier.verdict import Figure, Finding, Question, Verdict

QUESTION = Question(Ratio(0.01), Ratio(0.1))
SECOND = 10**9


def service(
    share: float, seconds: int = 120, rss: int = 100 * 2**20, seed: int = 1, **header: object
) -> Profile:
    """A service of one CPU second each second, `share` of it in ten collections."""
    made = profile(
        _collections(share, Random(seed)) if seconds else (),
        rss=rss,
        thresholds=[(2000, 10, 10)] * seconds,
        **header,
    )
    readings = [
        replace(each, cpu_ns=number * SECOND) for number, each in enumerate(made.readings, 1)
    ]
    return replace(made, readings=tuple(readings))


def _collections(share: float, draw: Random) -> Iterator[Collection]:
    for tick in range(1200):
        cost = round(share * SECOND / 10 * draw.uniform(0.8, 1.2))
        yield collection(start_ns=tick * SECOND // 10, cpu_ns=cost)


def counting(one: Profile, each_second: int, name: str = "requests", already: int = 0) -> Profile:
    counts = [
        Count(reading.time_ns, name, already + number * each_second)
        for number, reading in enumerate(one.readings)
    ]
    return replace(one, counts=tuple(count for count in counts if count.total))


def figure(finding: Finding, name: str) -> Figure:
    (found,) = (each for each in finding.figures if each.name == name)
    return found


def test_a_service_that_collects_less_keeps_its_settings() -> None:
    finding = compare([service(0.2)], [service(0.1, seed=2)], QUESTION)
    assert finding.verdict == Verdict.KEEP
    ratio = figure(finding, "CPU").ratio
    assert ratio is not None
    assert ratio.low < 0.8 / 0.9 < ratio.high
    assert ratio.high - ratio.low < 0.02


def test_one_that_takes_as_much_as_before_reverts_them() -> None:
    assert compare([service(0.1)], [service(0.1, seed=2)], QUESTION).verdict == Verdict.REVERT


def test_so_does_one_that_takes_more_memory_than_it_may() -> None:
    finding = compare([service(0.2)], [service(0.1, rss=200 * 2**20)], QUESTION)
    assert finding.verdict == Verdict.REVERT
    assert "over budget" in finding.reason


def test_a_peak_that_captures_alike_may_have_is_no_gain() -> None:
    """Five captures of one service, at the same settings, had peaks 1 to 3.5% apart."""
    finding = compare([service(0.1)], [service(0.1, rss=97 * 2**20, seed=2)], QUESTION)
    assert finding.verdict == Verdict.REVERT


def test_a_peak_that_is_smaller_for_sure_is() -> None:
    finding = compare([service(0.1)], [service(0.1, rss=90 * 2**20, seed=2)], QUESTION)
    assert finding.verdict == Verdict.KEEP
    assert "takes less memory" in finding.reason


def test_a_peak_that_is_over_budget_by_what_captures_alike_differ_is_undecided() -> None:
    finding = compare([service(0.2)], [service(0.1, rss=113 * 2**20)], QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "may be over budget" in finding.reason


def pausing(often: int, seed: int = 1) -> Profile:
    """A service some of whose collections take 100 ms, the others 10."""
    collections = list(_collections(0.1, Random(seed)))
    for place in range(often):
        collections[place] = collections[place]._replace(cpu_ns=SECOND // 10)
    return replace(service(0.1), batches=(packed(collections),))


@pytest.mark.parametrize(("often", "verdict"), [(2, Verdict.REVERT), (8, Verdict.KEEP)])
def test_pauses_are_shorter_only_where_long_ones_were_no_accident(often: int, verdict: str) -> None:
    assert compare([pausing(often)], [pausing(0, seed=2)], QUESTION).verdict == verdict


def test_pauses_that_vanish_are_shorter() -> None:
    without = replace(service(0.1), batches=())
    ratio = figure(compare([service(0.1)], [without], QUESTION), "longest pause").ratio
    assert ratio is not None
    assert ratio.high < 0.01


def test_processes_are_compared_together() -> None:
    before = [service(0.2), service(0.4)]
    finding = compare(before, [service(0.3, seed=2)], QUESTION)
    assert figure(finding, "peak rss").before == 200 * 2**20
    assert figure(finding, "CPU").ratio is not None


def test_memory_of_processes_that_never_ran_at_once_does_not_add_up() -> None:
    before = [service(0.2), service(0.2, started=2.5e9)]
    after = [service(0.1, seed=2), *(service(0.1, started=2e9 + 1e6 * job) for job in range(4))]
    finding = compare(before, after, QUESTION)
    peak = figure(finding, "peak rss")
    assert (peak.before, peak.after) == (100 * 2**20, 100 * 2**20)
    assert finding.verdict == Verdict.KEEP


def test_what_both_count_is_compared_by_operation() -> None:
    before, after = counting(service(0.2), 100), counting(service(0.1), 125)
    ratio = figure(compare([before], [after], QUESTION), "requests a second").ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(1.25)


def test_settings_under_which_an_operation_takes_more_cpu_time_are_not_kept() -> None:
    before, after = counting(service(0.2), 125), counting(service(0.1, seed=2), 100)
    finding = compare([before], [after], QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "takes 25.0% more CPU time of one of the requests" in finding.reason


def test_all_kinds_are_compared_that_both_count() -> None:
    before, after = (
        replace(
            one, counts=(*counting(one, each, "pages").counts, *counting(one, 7, "jobs").counts)
        )
        for one, each in ((service(0.2), 100), (service(0.1), 125))
    )
    finding = compare([before], [after], QUESTION)
    rates = [figure(finding, f"{kind} a second").ratio for kind in ("jobs", "pages")]
    assert [ratio and ratio.value for ratio in rates] == pytest.approx([1, 1.25])


def test_operations_a_second_are_those_of_all_processes_while_any_is_recorded() -> None:
    one, later = counting(service(0.1), 50), counting(service(0.1, started=1.5e9 + 500), 50)
    before = [one, replace(service(0.1), counts=())]
    found = figure(compare(before, [one, one, one, later], QUESTION), "requests a second")
    assert (found.before, found.after) == (pytest.approx(50), pytest.approx((3 * 50 + 50) / 2))


def test_rss_is_that_of_all_processes_at_once_on_average() -> None:
    later = service(0.1, started=1.5e9 + 500)
    found = figure(compare([service(0.1)] * 3, [service(0.1), later], QUESTION), "rss")
    assert (found.before, found.after) == (pytest.approx(300 * 2**20), pytest.approx(100 * 2**20))


def test_what_was_counted_before_the_first_window_is_in_none() -> None:
    before, after = counting(service(0.2), 100, already=50_000), counting(service(0.1), 125)
    found = figure(compare([before], [after], QUESTION), "requests a second")
    assert (found.before, found.after) == (pytest.approx(100), pytest.approx(125))


def test_what_one_counts_is_said_not_to_be_compared() -> None:
    finding = compare([counting(service(0.2), 100)], [service(0.1)], QUESTION)
    assert any("do not count the same operations" in note for note in finding.notes)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"version": (3, 12, 1)}, "another Python"),
        ({"collector": "incremental"}, "another collector"),
        ({"command": ("python", "other.py")}, "another program"),
    ],
)
def test_what_is_not_the_same_cannot_be_compared(header: dict[str, object], said: str) -> None:
    finding = compare([service(0.2)], [service(0.1, **header)], QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert said in finding.reason


def test_the_same_program_in_another_place_can() -> None:
    moved = service(0.1, command=("/opt/venv/bin/python", "app.py"))
    assert compare([service(0.2)], [moved], QUESTION).verdict == Verdict.KEEP


def test_adaptive_mode_is_told_with_its_usual_reasons() -> None:
    did = tuple(Paced(number, "growth", (), (83, 0, 0)) for number in range(3))
    finding = compare([service(0.2)], [replace(service(0.1), paced=did)], QUESTION)
    assert finding.notes == (
        "after, app.profile: adaptive mode made 3 changes; mostly: growth (3)",
    )


def sampled(share: float, seed: int) -> Profile:
    """A service of whose collections one in 100 is sampled, and stands for them all."""
    costs = (each._asdict() for each in _collections(share, Random(seed)))
    collections = [
        collection(**{**each, "cpu_ns": each["cpu_ns"] if tick % 100 == 99 else 0})
        for tick, each in enumerate(costs)
    ]
    return replace(service(share), batches=(packed(collections),))


def test_windows_may_hold_the_costs_of_collections_in_others() -> None:
    ratio = figure(compare([sampled(0.8, 1)], [sampled(0.8, 2)], QUESTION), "CPU").ratio
    assert ratio is not None
    assert 0 < ratio.low < 1 < ratio.high


def test_a_collector_that_seems_to_take_all_cpu_time_leaves_it_undecided() -> None:
    finding = compare([service(0.2)], [service(1.2)], QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "no more CPU time was seen after than in the collector" in finding.reason
    assert figure(finding, "CPU").ratio is None


def test_captures_too_short_for_an_interval_are_undecided() -> None:
    finding = compare([service(0.2, seconds=5)], [service(0.1, seconds=5)], QUESTION)
    assert finding.verdict == Verdict.UNDECIDED
    assert "the capture before has 4 windows of time, and it takes 20" in finding.reason
    assert figure(finding, "CPU").ratio is None


def stopped(one: Profile, seconds: int) -> Profile:
    """The same, stopped for so long after its first minute, as by SIGSTOP."""
    stop = one.readings[60].time_ns

    def later(time_ns: int) -> int:
        return time_ns + (seconds * SECOND if time_ns >= stop else 0)

    readings = tuple(replace(each, time_ns=later(each.time_ns)) for each in one.readings)
    collections = [each._replace(start_ns=later(each.start_ns)) for each in one.collections()]
    return replace(one, readings=readings, batches=(packed(collections),))


@pytest.mark.parametrize("seconds", [60, 600])
def test_a_stop_takes_no_interval_away(seconds: int) -> None:
    before, after = stopped(service(0.2), seconds), service(0.1, seed=2)
    finding = compare([before], [after], QUESTION)
    assert finding.verdict == Verdict.KEEP
    ratio = figure(finding, "CPU").ratio
    assert ratio is not None
    assert ratio.high - ratio.low < 0.05


def compared(*arguments: str | Path, status: int, directory: Path) -> tuple[dict[str, object], str]:
    command = ["-m", "gctune", "compare", "--json", *map(str, arguments)]
    done = python(*command, environ=ENVIRON, directory=directory, status=status)
    return json.loads(done.stdout or "{}"), done.stderr


def test_two_real_profiles_are_compared_by_the_command(tmp_path: Path) -> None:
    before, after = (PROFILES / f"docs_build-{each}.profile.gz" for each in ("3.11", "3.13"))
    finding, _ = compared(before, after, status=4, directory=tmp_path)
    assert str(finding["reason"]).startswith("cannot be compared: another Python")


def test_what_the_terminal_cannot_show_or_would_obey_is_escaped(tmp_path: Path) -> None:
    for name, program in (("before", "caf\xe9.py"), ("after", "\x1b[31mred.py")):
        write(tmp_path / name, replace(header(), command=("python", program)), closing())
    environ = {**ENVIRON, "PYTHONIOENCODING": "ascii", "COLUMNS": "30"}  # too few for a figure
    words = ["-m", "gctune", "compare", "before", "after"]
    done = python(*words, environ=environ, directory=tmp_path, status=4)
    assert r"program: caf\xe9.py" in done.stdout
    assert r"before, \x1b[31mred.py after" in done.stdout
    assert r"\u2026" in done.stdout


def test_bad_input_is_refused(tmp_path: Path) -> None:
    real = PROFILES / "docs_build-3.13.profile.gz"
    (tmp_path / "none").write_text("not a profile")
    assert "not a profile" in compared("none", real, status=1, directory=tmp_path)[1]
    assert "no such file" in compared(real, "missing", status=1, directory=tmp_path)[1]
    assert "Missing argument 'AFTER'" in compared(real, status=2, directory=tmp_path)[1]
    assert (
        "--precision" in compared(real, real, "--precision", "x", status=2, directory=tmp_path)[1]
    )
