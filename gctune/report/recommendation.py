"""A recommendation as text for a person."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gctune.host.files import printable
from gctune.recommender.judgement import Verdict
from gctune.recommender.recommendation import Evidence, Predicted, Recommendation
from gctune.report.layout import line, section
from gctune.settings.quantities import about
from gctune.simulator.conduct import slashed
from gctune.simulator.estimate import Estimate

_NEARLY = 0.9  # of a pause: what two runs differ by anyway
_STYLES = {Verdict.CHANGE: "bold green", Verdict.NOT_ENOUGH: "bold yellow"}
_WIDEST = 100  # characters of a command
_GAP = 2  # blanks between two columns
_NARROW = 20  # columns of the screen, below which no text is put into a column


def explained(answer: Recommendation) -> list[str]:
    """The verdict and what it stands on, a line each."""
    profiles = ", ".join(printable(evidence.profile) for evidence in answer.evidence)
    return [f"gctune recommend: {answer.verdict}: {answer.reason}", f"from {profiles}"]


def render(answer: Recommendation) -> RenderableType:
    """Lay a recommendation out in sections, for 80 columns or more."""
    return Group(
        line(f"{answer.verdict}: {answer.reason}", _STYLES.get(answer.verdict, "bold")),
        Text(),
        *_sections(answer),
    )


def _sections(answer: Recommendation) -> Iterator[RenderableType]:
    for title, body, content in (
        ("change", _changes(answer), answer.changes),
        (_title(answer), _predicted(answer), answer.predicted),
        ("evidence", Group(*_evidence(answer.evidence)), answer.evidence),
        ("risks", _lines(answer.risks), answer.risks),
        ("notes", _lines(answer.notes), answer.notes),
    ):
        if content:
            yield from section(title, body)


def _title(answer: Recommendation) -> str:
    return "predicted" if answer.changes else "predicted of the best other settings"


class _Grid:
    """A table whose last column takes what room there is, or lines of its own where that is none.

    Every row has as many columns as the first.
    """

    def __init__(self, rows: Iterable[Iterable[str]]) -> None:
        self._rows = [tuple(map(printable, row)) for row in rows]
        self._widths = [max(map(cell_len, column)) for column in zip(*self._rows)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or a paragraph for each row where the console is narrow."""
        *before, last = self._widths or [0]
        room = options.max_width - sum(before) - _GAP * len(before)
        if room >= min(last, _NARROW):
            yield self._table()
        else:
            yield from self._paragraphs()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As wide as its text, so that no line is filled up to the width of a wide console."""
        text = sum(self._widths) + _GAP * len(self._widths)
        return Measurement(0, text).with_maximum(options.max_width)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for number, _ in enumerate(self._widths, 1):
            table.add_column(no_wrap=number < len(self._widths), overflow="fold")
        for row in self._rows:
            table.add_row(*map(Text, row))
        return table

    def _paragraphs(self) -> Iterator[RenderableType]:
        for *before, last in self._rows:
            cells = (cell.ljust(width) for cell, width in zip(before, self._widths))
            yield Text((_GAP * " ").join(cells).rstrip())
            yield Padding(Text(last), (0, 0, 0, 2 * _GAP))


def _lines(lines: Iterable[str]) -> _Grid:
    return _Grid([line] for line in lines)


def _changes(answer: Recommendation) -> _Grid:
    return _Grid(
        (change.setting, str(change.old), "->", str(change.new), change.meaning)
        for change in answer.changes
    )


def _predicted(answer: Recommendation) -> _Grid:
    return _Grid(_rows(answer, answer.predicted) if answer.predicted else ())


def _rows(answer: Recommendation, predicted: Predicted) -> Iterator[tuple[str, str, str]]:
    captured = answer.captured
    yield "CPU time", _ratio(predicted.cpu), f"of {captured.cpu_seconds:.2f} s"
    yield (
        "of it in the collector",
        _seconds(predicted.gc_seconds),
        f"was {_time(captured.gc_seconds)}{_usual(captured.gc_seconds, predicted.usual_seconds)}",
    )
    yield (
        "longest pause (CPU)",
        _seconds(predicted.pause_seconds),
        f"was {_time(captured.pause_seconds)}",
    )
    if _starts_with_the_longest(captured.pause_seconds, predicted):
        yield (
            "once started up",
            _time(predicted.settled_seconds),
            f"was {_time(predicted.settled_before)}",
        )
    yield (
        "peak of rss",
        _bytes(predicted.extra_bytes),
        f"on {about(captured.peak_rss_bytes)}, allowed {about(answer.budget.bytes)}"
        f" ({answer.budget.how})",
    )
    yield (
        "collections",
        _counted(predicted.collections),
        f"was {_counted(map(sum, zip(*map(_collections, answer.evidence))))}, by generation",
    )


def _usual(was: float, usual: float) -> str:
    """What the collector takes in runs like the captured one, which ratios are to."""
    told = was and abs(usual / was - 1) > 1 - _NEARLY
    return f", {_time(usual)} as such runs go" if told else ""


def _starts_with_the_longest(pause_seconds: float, predicted: Predicted) -> bool:
    """Whether the longest pause was, or will be, one while the program starts up."""
    was = predicted.settled_before < _NEARLY * pause_seconds
    return was or predicted.settled_seconds < _NEARLY * predicted.pause_seconds.expected


def _collections(evidence: Evidence) -> tuple[int, ...]:
    return tuple(generation.collections for generation in evidence.generations)


def _counted(collections: Iterable[int]) -> str:
    return " + ".join(map(str, collections))


def _evidence(evidence: Iterable[Evidence]) -> Iterator[RenderableType]:
    for one in evidence:
        yield line(f"{one.profile}: {_command(one.command)}")
        yield line(
            f"{one.python}, thresholds {slashed(one.thresholds)}, {one.cpu_seconds:.2f} s of CPU"
            f" time, peak {_peak(one.peak_rss_bytes)}"
        )
        yield Padding(_generations(one), (0, 0, 0, 2), expand=False)
        yield from (line(f"note: {told}") for told in one.told)


def _peak(size: int) -> str:
    return f"of {about(size)}" if size else "unknown"


def _command(command: tuple[str, ...]) -> str:
    text = printable(shlex.join(command))
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "..."


def _generations(evidence: Evidence) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    for title in ("generation", "collections", "examined", "collected", "CPU", "longest"):
        table.add_column(title, justify="right", overflow="fold")
    for number, one in enumerate(evidence.generations):
        table.add_row(
            str(number),
            str(one.collections),
            str(one.examined),
            str(one.collected),
            _time(one.cpu_ns / 1e9),
            _time(one.longest_cpu_ns / 1e9),
        )
    return table


def _ratio(estimate: Estimate) -> str:
    expected, low, high = estimate
    return f"{expected:.3f} ({low:.3f} to {high:.3f}) times"


def _seconds(estimate: Estimate) -> str:
    expected, low, high = map(_time, estimate)
    return f"{expected} ({low} to {high})"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _bytes(estimate: Estimate) -> str:
    expected, low, high = (_signed(round(value)) for value in estimate)
    return f"{expected} ({low} to {high})"


def _signed(size: int) -> str:
    return about(size) if size < 0 else f"+{about(size)}"
