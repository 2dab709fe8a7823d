"""What starts gctune in a process: `gctune.apply()`, and the bootstrap of `gctune run`."""

from __future__ import annotations

import os

from gctune.errors import ApplyError, problem
from gctune.host.interpreter import this_interpreter
from gctune.runtime.applied import Applied, apply_plan, leave_alone
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import Plan, Status, Step
from gctune.runtime.services import Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from gctune.monitor.thread import Duty
    from gctune.runtime.services import Stop

DISABLED = "GCTUNE_DISABLE is set"
_TOKEN = "GCTUNE_MONITOR__TOKEN"  # noqa: S105 - the name of a variable
_SOON = 0.05  # seconds until memory is first looked at: a fast program takes 100 MB meanwhile

_secrets: dict[str, str] = {}  # of the settings that were applied last, by variable


def apply(*, environment: str | None = None, **sections: Any) -> Applied:
    """Put the settings of this process's environment in force.

    `environment` and the sections (`gc={"threshold0": 5000}`) go before what
    variables and files say. Below `gctune run`, with no arguments, it is the
    plan handed down. With GCTUNE_DISABLE set nothing is done, and every outcome
    says so. Raises ConfigError where the settings cannot be used, and
    ApplyError where they cannot be put in force; nothing is changed then.
    """
    if disabled():
        return leave_alone(_plan_of_every_knob(), DISABLED)
    own = environment is not None or sections
    plan = None if own else _handed_down(os.environ)
    if plan is None:
        plan, secrets = planned(environment, sections)
        _secrets.clear()
        _secrets.update(secrets)
    return apply_plan(plan, SERVICES)


def planned(
    environment: str | None, sections: Mapping[str, Any] | None = None
) -> tuple[Plan, dict[str, str]]:
    """Load the settings of an environment, with `sections` before all else, and plan them here.

    None is the environment that variables name. What is secret is not in the
    plan, but in the variables that are returned with it. Raises ConfigError.
    """
    try:
        from gctune.host import this_host
        from gctune.settings.resolve import resolve
        from gctune.settings.sources import load
    except ImportError as error:  # pydantic does not load in a subinterpreter
        wrong, remedy = (
            f"cannot be read here: {error}",
            "use gctune run, which reads them elsewhere",
        )
        raise ApplyError(problem("gctune.apply()", "settings", wrong, remedy)) from error

    loaded = load(sections, environment=environment)
    token = loaded.settings.monitor.token
    secrets = {_TOKEN: token.get_secret_value()} if token else {}
    return resolve(loaded, this_host()), secrets


def activate(environ: Mapping[str, str], warn: Callable[[str], object]) -> None:
    """Do what `environ` hands down in GCTUNE_PLAN, GCTUNE_CAPTURE and GCTUNE_HEAP.

    Never raises: `warn` gets one line for each of them that cannot be used.
    Does nothing where GCTUNE_DISABLE is set.
    """
    if disabled(environ):
        return
    for variable, start in (
        ("GCTUNE_PLAN", _apply_text),
        ("GCTUNE_CAPTURE", _begin_capture),
        ("GCTUNE_HEAP", lambda text: _begin_heap(text, warn)),
    ):
        text = environ.get(variable)
        if text:
            _attempt(variable, text, start, warn)


def monitor_token(environ: Mapping[str, str] = os.environ) -> str | None:
    """The token of the settings last applied, else of a variable: to be asked for, or shown."""
    return _secrets.get(_TOKEN) or environ.get(_TOKEN) or None


def disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether GCTUNE_DISABLE turns everything off."""
    return environ.get("GCTUNE_DISABLE", "") not in ("", "0")


def _attempt(
    variable: str, text: str, start: Callable[[str], None], warn: Callable[[str], object]
) -> None:
    try:
        start(text)
    except Exception as error:  # noqa: BLE001 - the program runs, whatever is wrong here
        wrong = "; ".join(str(error).splitlines()) or type(error).__name__
        warn(problem(variable, text, wrong, "the program runs without it"))


def _apply_text(text: str) -> None:
    apply_plan(Plan.from_json(text), SERVICES)


def _start_monitor(plan: Plan) -> Stop | None:
    return _do("the monitor", _monitor, plan) if plan.value("monitor.level") else None


def _start_tracing(plan: Plan) -> Stop | None:
    if not plan.value("monitor.trace"):
        return None
    import tracemalloc

    from gctune.profile.tracing import start

    if tracemalloc.is_tracing():
        return None  # somebody else has it, and ends it
    start()
    return tracemalloc.stop


def _start_endpoints(plan: Plan) -> Stop | None:
    return _do("monitor.http", _endpoints, plan) if plan.value("monitor.http") else None


def _endpoints(plan: Plan) -> Duty:
    from gctune.endpoints import find
    from gctune.monitor.serving import Serving

    return Serving(str(plan.value("monitor.http")), monitor_token(), find)


def _start_publishing(plan: Plan) -> Stop | None:
    return _do("monitor.workers", _publishing, plan) if plan.value("monitor.workers") else None


def _publishing(plan: Plan) -> Duty:
    from gctune.monitor.publishing import Publishing

    return Publishing.of(plan)


def _monitor(plan: Plan) -> Duty:
    from gctune.monitor.monitor import Monitor

    return Monitor.of(plan)


def _start_limit(plan: Plan) -> Stop | None:
    if not plan.value("memory.limit"):
        return None
    from gctune.monitor.thread import lay_down, take_up

    job = take_up("memory.limit", lambda: _keeper(plan), _SOON, urgent=True)
    return lambda: lay_down(job)


def _keeper(plan: Plan) -> Duty:
    from gctune.memory.keeper import keeper_of
    from gctune.monitor.telling import warn

    return keeper_of(plan, warn)


def _start_release(plan: Plan) -> Stop | None:
    return _do("free memory", _releaser, plan) if plan.value("memory.limit") else None


def _releaser(plan: Plan) -> Duty:  # noqa: ARG001 - it goes by what it sees
    from gctune.memory.release import Releaser

    return Releaser()


def _start_idle(plan: Plan) -> Stop | None:
    return _do("gc.when", _idle_collector, plan) if plan.value("gc.when") else None


def _idle_collector(plan: Plan) -> Duty:  # noqa: ARG001 - it goes by what it sees
    from gctune.monitor.idle import IdleCollector

    return IdleCollector()


def _start_recycle(plan: Plan) -> Stop | None:
    return _do("memory.recycle", _recycler, plan) if plan.value("memory.recycle") else None


def _recycler(plan: Plan) -> Duty:
    from gctune.memory.recycle import Recycler

    return Recycler(int(plan.value("memory.recycle") or 0))


def _do(name: str, make: Callable[[Plan], Duty], plan: Plan) -> Stop:
    """Have the thread do a duty, which `make` makes of the plan when it is first due."""
    from gctune.monitor.thread import lay_down, take_up

    job = take_up(name, lambda: make(plan))
    return lambda: lay_down(job)


# What runs while a plan is in force; none of it is imported before the thread has a use for it.
SERVICES = (
    Service(("monitor.http", "monitor.token"), _start_endpoints),
    Service(("monitor.trace",), _start_tracing),
    Service(("monitor.", "alerts."), _start_monitor),
    Service(("monitor.workers",), _start_publishing),
    Service(("memory.limit", "memory.headroom"), _start_limit),
    Service((), _start_release),
    Service(("memory.recycle",), _start_recycle),
    Service(("gc.when",), _start_idle),
)


def _begin_capture(text: str) -> None:
    import json

    from gctune.profile.capture import begin

    begin(**json.loads(text))


def _begin_heap(text: str, warn: Callable[[str], object]) -> None:
    import json

    from gctune.profile.heap import begin

    begin(**json.loads(text), warn=warn)


def _handed_down(environ: Mapping[str, str]) -> Plan | None:
    """The plan in GCTUNE_PLAN; None where there is none, or none that can be read."""
    try:
        return Plan.from_json(environ["GCTUNE_PLAN"])
    except (KeyError, ApplyError):  # the bootstrap has warned of it
        return None


def _plan_of_every_knob() -> Plan:
    steps = [Step(setting, None, Status.LEFT_ALONE, DISABLED, DISABLED) for setting in KNOBS]
    return Plan("", this_interpreter().tag, tuple(steps), ())
