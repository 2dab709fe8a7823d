"""What the integrations of servers share: settings in force, a worker's beginning, and its end."""

from __future__ import annotations

import os

from gctune.errors import GctuneError
from gctune.memory.recycle import on_recycle
from gctune.runtime.applied import in_force, pause_services, resume_services
from gctune.startup import apply


def begin() -> None:
    """Put the settings in force, unless they are.

    Raises SystemExit with what is wrong where they cannot be.
    """
    if in_force() is None:
        try:
            apply()
        except GctuneError as error:
            raise SystemExit(str(error)) from error


def prepare_to_fork() -> None:
    """Put the settings in force in a process whose children do the work: no thread runs there.

    Raises SystemExit as `begin` does.
    """
    begin()
    pause_services()


def begin_in_worker() -> None:
    """Have run in a worker what its master has not. Raises SystemExit as `begin` does."""
    begin()
    resume_services()


def leave_by(signal_number: int) -> None:
    """Have this worker send itself a signal when it should be recycled; not what it forks."""
    worker = os.getpid()

    def leave() -> None:
        """Send the signal, unless this is what the worker has forked."""
        if os.getpid() == worker:
            os.kill(worker, signal_number)

    on_recycle(leave)
