"""Everything that runs while a plan is in force: what asks for it, and what it is.

Nothing of it is imported before the thread has a use for it: a child of
`gctune run` pays for this file, and for the thread if the plan asks for one.
"""

from __future__ import annotations

from gctune.runtime.services import Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gctune.monitor.thread import Duty
    from gctune.runtime.plan import Plan
    from gctune.runtime.services import Stop

_SOON = 0.02  # seconds until memory is first looked at: a fast program takes 80 MB meanwhile


_PACED_BY = "gc.pause_target", "memory.garbage_budget"


def services(token: Callable[[], str | None]) -> tuple[Service, ...]:
    """All there are; `token` gives what those show who ask the endpoints from elsewhere."""
    return (
        Service(("monitor.trace",), _trace),
        _duty("monitor.http", lambda plan: _endpoints(plan, token()), "monitor.token"),
        _duty("monitor.level", _monitor, "monitor.interval", "alerts."),
        _duty("monitor.workers", _publishing),
        _duty("memory.limit", _keeper, "memory.headroom", first=_SOON, urgent=True),
        _duty("memory.limit", _releaser),
        _duty("memory.recycle", _recycler),
        _duty("gc.when", _idle_collector),
        _duty("gc.mode", _pacer, *_PACED_BY, turns=("gc.threshold",), first=_SOON),
        Service(("pools.",), _pools),
    )


def _duty(
    setting: str,
    make: Callable[[Plan], Duty],
    *others: str,
    turns: tuple[str, ...] = (),
    **how: Any,
) -> Service:
    """A duty for the thread, done where the plan has a value for `setting`.

    `others` are further settings that it acts on, and `turns` is as in Service.
    `make` makes it of the plan when it is first due; `how` is what else
    `take_up` is told.
    """

    def start(plan: Plan) -> Stop | None:
        """Have the thread do the duty; return what ends that."""
        if not plan.value(setting):
            return None
        from gctune.monitor.thread import lay_down, take_up

        job = take_up(setting, lambda: make(plan), **how)
        return lambda: lay_down(job)

    return Service((setting, *others), start, turns)


def _trace(plan: Plan) -> Stop | None:
    """Trace allocations from now on; what somebody else has traced goes on after the plan."""
    if not plan.value("monitor.trace"):
        return None
    import tracemalloc

    from gctune.profile.tracing import start

    if tracemalloc.is_tracing():
        return None
    start()
    return tracemalloc.stop


def _pools(plan: Plan) -> None:
    """Nothing to start: a pool asks the plan in force for its size when it is used."""


def _endpoints(plan: Plan, token: str | None) -> Duty:
    from gctune.endpoints import find
    from gctune.server.serving import Serving

    return Serving(str(plan.value("monitor.http")), token, find)


def _monitor(plan: Plan) -> Duty:
    from gctune.monitor.monitor import Monitor

    return Monitor.of(plan)


def _publishing(plan: Plan) -> Duty:
    from gctune.metrics.publishing import Publishing

    return Publishing.of(plan)


def _keeper(plan: Plan) -> Duty:
    from gctune.memory.keeper import keeper_of
    from gctune.monitor.telling import warn

    return keeper_of(plan, warn)


def _releaser(plan: Plan) -> Duty:  # noqa: ARG001 - it goes by what it sees
    from gctune.memory.release import Releaser

    return Releaser()


def _recycler(plan: Plan) -> Duty:
    from gctune.memory.recycle import Recycler

    return Recycler(int(plan.value("memory.recycle") or 0))


def _idle_collector(plan: Plan) -> Duty:  # noqa: ARG001 - it goes by what it sees
    from gctune.monitor.idle import IdleCollector

    return IdleCollector()


def _pacer(plan: Plan) -> Duty:
    from gctune.pacing.pacer import pacer_of

    return pacer_of(plan)
