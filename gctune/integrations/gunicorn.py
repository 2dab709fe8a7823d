"""The settings of gunicorn: `gunicorn -c python:gctune.integrations.gunicorn app:app`.

Or the hooks for a configuration of your own: `from gctune.integrations.gunicorn
import *`, and where you have one of the same name, call this one in it. The
master puts the settings in force and forks; each worker has its own monitor,
tells of its requests, and leaves after the one it is at when it should be
recycled. With an ASGI worker wrap the application in `asgi.Middleware` besides,
which tells of requests that these hooks do not see.
"""

from __future__ import annotations

import signal

from gctune.integrations.outermost import hooks_tell
from gctune.integrations.service import begin_in_worker, leave_by, prepare_to_fork
from gctune.monitor.requests import begin, end
from gctune.runtime.applied import warmup_done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

__all__ = [
    "on_starting",
    "post_fork",
    "post_request",
    "post_worker_init",
    "pre_request",
    "when_ready",
]


def on_starting(server: Arbiter) -> None:  # noqa: ARG001 - as gunicorn calls it
    """Put the settings in force in the master."""
    prepare_to_fork()


def when_ready(server: Arbiter) -> None:
    """Before the first fork: an application that is preloaded is there."""
    if server.cfg.preload_app:
        warmup_done()


def post_fork(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - as gunicorn calls it
    """Begin in a worker."""
    begin_in_worker()


def post_worker_init(worker: Worker) -> None:  # noqa: ARG001 - as gunicorn calls it
    """The worker has its application: it leaves by the signal by which gunicorn ends one."""
    warmup_done()
    leave_by(signal.SIGTERM)


def pre_request(worker: Worker, req: object) -> None:  # noqa: ARG001 - as gunicorn calls it
    """Tell of a request."""
    hooks_tell()
    begin()


def post_request(
    worker: Worker,  # noqa: ARG001 - as gunicorn calls it
    req: object,  # noqa: ARG001
    environ: object,  # noqa: ARG001
    resp: object,  # noqa: ARG001
) -> None:
    """Tell of its end."""
    end()
