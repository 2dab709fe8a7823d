"""What starts gctune in a process: `gctune.apply()`, and the bootstrap of `gctune run`."""

from __future__ import annotations

import os

from gctune.errors import ApplyError, ConfigError, problem
from gctune.host.interpreter import this_interpreter
from gctune.runtime.applied import Applied, apply_plan, leave_alone, secrets_in_force
from gctune.runtime.knobs import KNOBS
from gctune.runtime.plan import HANDED_DOWN, Plan, Status, Step, handed_down
from gctune.secret import MASK
from gctune.services import services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

DISABLED = "GCTUNE_DISABLE is set"
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_TOKEN = "GCTUNE_MONITOR__TOKEN"  # noqa: S105 - the name of a variable


def apply(environment: str | None = None, **sections: Any) -> Applied:
    """Put the settings of this process's environment in force.

    `environment` and the sections (`gc={"threshold0": 5000}`) go before what
    variables and files say. Below `gctune run`, with no arguments, it is the
    plan handed down. What is in force already gives the same Applied again, and
    the end of a `with` block leaves it in force. With GCTUNE_DISABLE set nothing
    is done, and every outcome says so. Raises ConfigError where the settings
    cannot be used, and ApplyError where they cannot be put in force; nothing is
    changed then.
    """
    if disabled():
        _warn_of_disable()
        return leave_alone(_plan_of_every_knob(), DISABLED)
    own = environment is not None or sections
    plan = None if own else handed_down(os.environ)
    return _put_in_force(plan) if plan else _put_in_force(*planned(environment, sections))


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
    except (ImportError, SystemError) as error:
        # pydantic does not load in a subinterpreter, nor from a working directory that is gone
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
        doubt = disable_problem(environ)
        if doubt:
            warn(doubt)
        return
    starts = (
        lambda text: _apply_text(text, warn),
        _begin_capture,
        lambda text: _begin_heap(text, warn),
    )
    for variable, start in zip(HANDED_DOWN, starts):
        text = environ.get(variable)
        if text:
            _attempt(variable, text, start, warn)


def monitor_token() -> str | None:
    """The token of the settings in force, else of a variable: to be asked for, or shown.

    Raises ConfigError for one that no client could show.
    """
    return _token(secrets_in_force())


def _token(secrets: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> str | None:
    from gctune.server import token as tokens

    token = secrets.get(_TOKEN) or environ.get(_TOKEN) or None
    if token and not tokens.is_sendable(token):
        raise ConfigError([problem(_TOKEN, MASK, tokens.WRONG, tokens.REMEDY)])
    return token


def disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether GCTUNE_DISABLE turns everything off, as any word does that does not say no."""
    return _disable(environ) not in _NO


def disable_problem(environ: Mapping[str, str] = os.environ) -> str:
    """What is wrong with the word in GCTUNE_DISABLE; empty if nothing is."""
    if _disable(environ) in (*_YES, *_NO):
        return ""
    wrong = "neither yes nor no, and taken for yes"
    return problem("GCTUNE_DISABLE", environ["GCTUNE_DISABLE"], wrong, "give 1 or 0")


def _disable(environ: Mapping[str, str]) -> str:
    return environ.get("GCTUNE_DISABLE", "").strip().lower()


def _warn_of_disable() -> None:
    doubt = disable_problem()
    if doubt:
        from gctune.monitor.telling import warn

        warn(doubt)


def _attempt(
    variable: str, text: str, start: Callable[[str], None], warn: Callable[[str], object]
) -> None:
    try:
        start(text)
    except Exception as error:  # noqa: BLE001 - the program runs, whatever is wrong here
        wrong = "; ".join(str(error).splitlines()) or type(error).__name__
        warn(problem(variable, text, wrong, "the program runs without it"))


def _apply_text(text: str, warn: Callable[[str], object]) -> None:
    """Put a plan in force; what is wrong with it names the setting, and not the whole text."""
    plan = Plan.from_text(text)
    try:
        _put_in_force(plan)
    except ApplyError as error:
        wrong = "; ".join(_with_origin(line, plan) for line in str(error).splitlines())
        warn(f"GCTUNE_PLAN = the plan of {plan.environment}: {wrong}; the program runs without it")


def _with_origin(fault: str, plan: Plan) -> str:
    """A problem of a plan, with where the setting that it begins with has its value from."""
    setting = fault.partition(" = ")[0]
    origin = next((step.origin for step in plan.steps if step.setting == setting), None)
    return fault if origin is None else f"{fault} (it comes from {origin})"


def _begin_capture(text: str) -> None:
    import json

    from gctune.profile.capture import begin

    begin(**json.loads(text))


def _begin_heap(text: str, warn: Callable[[str], object]) -> None:
    import json

    from gctune.profile.heap import begin

    begin(**json.loads(text), warn=warn)


def _put_in_force(plan: Plan, secrets: Mapping[str, str] = {}) -> Applied:
    return apply_plan(plan, services(lambda: _token(secrets)), secrets)


def _plan_of_every_knob() -> Plan:
    steps = [Step(setting, None, Status.LEFT_ALONE, DISABLED, DISABLED) for setting in KNOBS]
    return Plan("", this_interpreter().tag, tuple(steps), ())
