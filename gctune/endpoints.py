"""What the endpoints of a running program answer, path by path.

All that they need is imported with this, by a thread that does not run while
the program forks: a child would have what was imported by half just then.
"""

from __future__ import annotations

import gc
import json
import math
import os
import time
from functools import partial

from gctune import __version__
from gctune.errors import ProfileError
from gctune.metrics import publishing
from gctune.monitor.changes import changes
from gctune.profile import live, pprof, tracing
from gctune.runtime.applied import in_force, last_applied
from gctune.secret import MASK
from gctune.server.guard import HEALTH
from gctune.server.http import BINARY, JSON, Refusal, Response, text
from gctune.server.server import Route
from gctune.server.serving import served_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from gctune.monitor.changes import Change
    from gctune.runtime.change import Outcome
    from gctune.server.handlers import Pause
    from gctune.server.http import Request

    T = TypeVar("T")

_MOST_SECONDS = 3600.0
_USUAL_SECONDS = "30"
_DEBUG = 'set monitor.level = "debug"'
_SECRET = "monitor.token"  # noqa: S105 - the name of one
_INDEX = f"""\
gctune {__version__}

/metrics                            Prometheus's text, or JSON where Accept says so
/metrics.json                       the same as JSON
/health                             200, or 503 while an alert is raised
/debug/gctune                       the settings with their origins, what became of them, and
                                    what adaptive mode did last
/debug/gctune/profile?seconds=30    a capture, for gctune recommend
/debug/pprof/heap                   what is in use by allocation site, for go tool pprof
/debug/pprof/heap?seconds=30        what is allocated meanwhile, and in use after it
/debug/pprof/allocs                 the same, under the name that some tools ask for

Heaps are told where allocations are traced: from the start with monitor.trace
or -X tracemalloc, and at monitor.level debug while ?seconds= last. Mind that
{tracing.COST}.
"""


def find(request: Request) -> Route:
    """Find what answers a request's path. Raises Refusal where nothing does."""
    route = _ROUTES.get(request.path)
    if route is None:
        raise Refusal(404, "no such path; / lists those there are")
    if route.takes_time and request.method == "HEAD":
        raise Refusal(405, "HEAD would cost as much as GET", ("Allow", "GET"))
    return route


def _metrics(accept: str) -> Response:
    return Response(200, *publishing.scrape(accept), ())


def _health() -> Response:
    reading = publishing.reading()
    raised = [rule for rule, state in reading.alerts.items() if state.raised]
    content = {
        "status": "alert" if raised else "ok",
        "alerts": raised,
        "limit_state": reading.sample.limit_state,
        "sample_age_seconds": max(0, time.perf_counter_ns() - reading.sample.time_ns) / 1e9,
    }
    return _json(content, 503 if raised else 200)


def _state() -> Response:
    applied = last_applied()
    content = {"version": __version__, "pid": os.getpid(), "served_at": served_at()}
    if applied is None:
        return _json(content)
    plan = applied.plan
    origins = {step.setting: step.origin for step in plan.steps}
    settings = {
        outcome.setting: {**_told(outcome), "origin": origins[outcome.setting]}
        for outcome in applied.outcomes
    }
    about = {"environment": plan.environment, "interpreter": plan.interpreter}
    told = {"warnings": plan.warnings, "settings": settings, "thresholds": gc.get_threshold()}
    return _json({**content, **about, **told, "paced": list(map(_dated, changes()))})


def _dated(change: Change) -> dict[str, Any]:
    seconds = (time.perf_counter_ns() - change.at_ns) / 1e9
    return {"seconds_ago": round(seconds, 3), **change._asdict()}


def _told(outcome: Outcome) -> dict[str, Any]:
    told = outcome._asdict()
    secret = told.pop("setting") == _SECRET and outcome.value is not None
    return {**told, "value": MASK} if secret else told


def _heap(shown: str, request: Request, pause: Pause) -> Response:
    if "seconds" in request.query:
        seconds = _seconds(request)
        _check_that_tracing_is_allowed()
        heap = _or_refuse(partial(live.growth, seconds, pause))
    elif tracing.under_way():
        heap = _or_refuse(live.heap)
    else:
        first = "" if _traces_on_demand() else f"{_DEBUG}, then "
        remedy = f"{first}ask with ?seconds=30, or set monitor.trace"
        raise Refusal(409, f"no allocation is traced; {remedy}")
    name = ("Content-Disposition", 'attachment; filename="heap.pb.gz"')
    return Response(200, BINARY, pprof.encode(heap, shown), (name,))


def _profile(request: Request, pause: Pause) -> Response:
    parts = _or_refuse(partial(live.profile, _seconds(request), pause))
    name = ("Content-Disposition", 'attachment; filename="app.profile"')
    return Response(200, BINARY, parts, (name,))


def _check_that_tracing_is_allowed() -> None:
    if not (tracing.under_way() or _traces_on_demand()):
        wrong = "allocations are traced on demand at monitor.level debug only"
        raise Refusal(403, f"{wrong}; {_DEBUG}")


def _traces_on_demand() -> bool:
    plan = in_force()
    return plan is not None and plan.value("monitor.level") == "debug"


def _seconds(request: Request) -> float:
    """How long a request wants to be answered for. Raises Refusal where that makes no sense."""
    try:
        seconds = float(request.query.get("seconds", _USUAL_SECONDS))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MOST_SECONDS:
        raise Refusal(400, f"seconds: give a number above 0, and at most {_MOST_SECONDS:.0f}")
    return seconds


def _or_refuse(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except live.BusyError as error:
        raise Refusal(503, str(error), ("Retry-After", "5")) from error
    except ProfileError as error:
        raise Refusal(409, str(error)) from error


def _json(content: object, status: int = 200) -> Response:
    return Response(status, JSON, json.dumps(content, indent=2).encode() + b"\n", ())


def _at_once(answer: Callable[[], Response]) -> Route:
    return Route(lambda request, pause: answer(), takes_time=False)  # noqa: ARG005


_ROUTES = {
    "/": _at_once(partial(text, _INDEX)),
    "/debug/pprof/": _at_once(partial(text, _INDEX)),
    "/metrics": Route(
        lambda request, _: _metrics(request.headers.get("accept", "")), takes_time=False
    ),
    "/metrics.json": _at_once(partial(_metrics, JSON)),
    HEALTH: _at_once(_health),
    "/debug/gctune": _at_once(_state),
    "/debug/gctune/profile": Route(_profile, takes_time=True),
    "/debug/pprof/heap": Route(partial(_heap, pprof.IN_USE), takes_time=True),
    "/debug/pprof/allocs": Route(partial(_heap, pprof.ALLOCATED), takes_time=True),
}
