"""Tunes the workers of celery: `install()` where the application is made.

The worker puts the settings in force, and each process of its pool has its own
monitor and tells of its tasks. `memory.recycle` becomes celery's own
`worker_max_memory_per_child`, unless the application has set that: a process
leaves after the task that took it above.
"""

from __future__ import annotations

from celery import signals
from celery.concurrency.prefork import TaskPool

from gctune.integrations.service import begin_in_worker, prepare_to_fork
from gctune.monitor.requests import begin, end
from gctune.runtime.applied import in_force

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def install() -> None:
    """Connect to the signals of celery's workers; does nothing in other programs."""
    signals.celeryd_init.connect(_on_worker)
    signals.worker_process_init.connect(_on_process)
    signals.worker_ready.connect(_on_ready)
    signals.task_prerun.connect(_on_task)
    signals.task_postrun.connect(_on_task_end)


def _on_worker(conf: Any, **_: object) -> None:
    prepare_to_fork()
    plan = in_force()
    ceiling = plan.value("memory.recycle") if plan else None
    if ceiling and not conf.worker_max_memory_per_child:
        conf.worker_max_memory_per_child = int(ceiling) // 1024


def _on_process(**_: object) -> None:
    begin_in_worker()


def _on_ready(sender: Any, **_: object) -> None:
    if not isinstance(sender.pool, TaskPool):  # this process does the tasks itself
        begin_in_worker()


def _on_task(**_: object) -> None:
    begin()


def _on_task_end(**_: object) -> None:
    end()
