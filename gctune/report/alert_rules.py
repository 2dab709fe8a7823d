"""The alerts that settings ask for: as a table, and as a rules file for Prometheus.

A rule is judged once, in the process, which has every sample at hand, the hold
time and the hysteresis; Prometheus passes on what the endpoint says of it. So
logging, /health and Prometheus always agree. What Prometheus alone can see is
added: that the numbers have stopped coming.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from gctune.metrics.metric import ALERT, PID, SAMPLED
from gctune.monitor.measures import MEASURES
from gctune.record import Record
from gctune.report.layout import rows
from gctune.settings.quantities import Duration
from gctune.settings.sources import Loaded

_MISSED = 6  # samples in a row
_LEAST_SILENCE = 60.0  # seconds; scrapes may be that far apart


class Wish(Record):
    """An alert that is asked for, in the words of the settings."""

    rule: str
    what: str
    threshold: str
    hold: str

    @property
    def summary(self) -> str:
        """All of it in one line."""
        return f"{self.what} is above {self.threshold}, held for {self.hold}"


def wishes(loaded: Loaded) -> list[Wish]:
    """The alerts that the settings ask for."""
    asked = ((rule, getattr(loaded.settings.alerts, rule)) for rule in MEASURES)
    return [
        Wish(rule, MEASURES[rule].what, str(alert.threshold), str(alert.hold))
        for rule, alert in asked
        if alert.threshold is not None
    ]


def render(loaded: Loaded) -> RenderableType:
    """Lay the alerts out as a table."""
    table = ((wish.rule, wish.threshold, wish.hold, wish.what) for wish in wishes(loaded))
    return rows("rule", "above", "held for", "what is measured", of=table)


def rules_file(loaded: Loaded) -> str:
    """Write the alerts as YAML that Prometheus reads."""
    silence = max(_MISSED * loaded.settings.monitor.interval, _LEAST_SILENCE)
    lines = [
        "# Written by gctune alerts --prometheus. Thresholds and hold times are judged in the",
        "# process; to change them, change its settings.",
        "groups:",
        "  - name: gctune",
        "    rules:",
    ]
    for wish in wishes(loaded):
        raised = f'{ALERT}{{rule="{wish.rule}"}} == 1'
        lines += _rule(wish.rule, raised, wish.summary, loaded.environment)
    summary = f"no sample has been taken for {Duration(silence)}"
    lines += _rule("silent", f"time() - {SAMPLED} > {silence:g}", summary, loaded.environment)
    return "\n".join([*lines, ""])


def _rule(name: str, expression: str, summary: str, environment: str) -> Iterator[str]:
    where = (
        f"{{{{ $labels.instance }}}}{{{{ with $labels.{PID} }}}}, process {{{{ . }}}}{{{{ end }}}}"
    )
    yield f"      - alert: Gctune{''.join(map(str.capitalize, name.split('_')))}"
    yield f"        expr: {_quoted(expression)}"
    yield "        labels:"
    yield "          severity: warning"
    yield f"          environment: {_quoted(environment)}"
    yield "        annotations:"
    yield f"          summary: {_quoted(summary)}"
    yield f"          description: {_quoted(f'{where}: {summary}')}"


def _quoted(text: str) -> str:
    """A string of YAML, in single quotes, within which nothing but the quote is special."""
    return "'" + text.replace("'", "''") + "'"
