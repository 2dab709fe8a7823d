"""What of a plan holds on an interpreter that it was not made for."""

from __future__ import annotations

from gctune.runtime.plan import Plan, Status, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.host.interpreter import Interpreter


def fit(plan: Plan, interpreter: Interpreter) -> Plan:
    """Return `plan` as it holds on `interpreter`.

    Made for this very interpreter, it holds as it is. Made for another version
    with the same collector, its thresholds hold. Else nothing does.
    """
    if plan.interpreter == interpreter.tag:
        return plan
    kin = _kin(plan.interpreter, interpreter)
    reason = f"planned for {plan.interpreter}, and this is {interpreter.tag}"
    return plan._replace(
        steps=tuple(
            step if kin and step.setting.startswith("gc.threshold") else _dropped(step, reason)
            for step in plan.steps
        )
    )


def _kin(tag: str, interpreter: Interpreter) -> bool:
    implementation, collector = interpreter.implementation, interpreter.collector
    return tag.startswith(f"{implementation}-") and tag.endswith(f"-{collector}")


def _dropped(step: Step, reason: str) -> Step:
    if step.status != Status.APPLIED:
        return step
    return step._replace(status=Status.LEFT_ALONE, reason=reason)
