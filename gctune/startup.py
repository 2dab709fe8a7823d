"""What starts gctune in a process: `gctune.apply()`, and the bootstrap of `gctune run`."""

from __future__ import annotations

from gctune.errors import problem
from gctune.runtime.applied import apply_plan
from gctune.runtime.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def activate(environ: Mapping[str, str], warn: Callable[[str], object]) -> None:
    """Do what `environ` hands down: the plan in GCTUNE_PLAN, the capture in GCTUNE_CAPTURE.

    Never raises: `warn` gets one line for each of them that cannot be used.
    Does nothing where GCTUNE_DISABLE is set.
    """
    if disabled(environ):
        return
    for variable, start in (("GCTUNE_PLAN", _apply_text), ("GCTUNE_CAPTURE", _begin_capture)):
        text = environ.get(variable)
        if not text:
            continue
        try:
            start(text)
        except Exception as error:  # noqa: BLE001 - the program runs, whatever is wrong here
            warn(problem(variable, text, str(error), "the program runs without it"))


def disabled(environ: Mapping[str, str]) -> bool:
    """Whether GCTUNE_DISABLE turns everything off."""
    return environ.get("GCTUNE_DISABLE", "") not in ("", "0")


def _apply_text(text: str) -> None:
    apply_plan(Plan.from_json(text))


def _begin_capture(text: str) -> None:
    import json

    from gctune.profile.capture import begin

    begin(**json.loads(text))
