"""Tunes the workers of uWSGI: `install()` in the module of the application, first of all.

uWSGI runs none of Python's own hooks when it forks, so the ones that gctune
needs are run here. Its monitor is a thread: start uWSGI with `--enable-threads`.
Wrap the application in `wsgi.Middleware`, which tells of requests.
"""

from __future__ import annotations

import contextlib
import signal

import uwsgi  # there inside uWSGI alone

from gctune.integrations.service import begin_in_worker, leave_by, prepare_to_fork
from gctune.monitor.telling import warn
from gctune.runtime import fork

_THREADS = ("enable-threads", "threads")  # the options by which threads run


def install() -> None:
    """Put the settings in force in the master, or in a worker that loads its own application."""
    if not any(name in uwsgi.opt for name in _THREADS):
        warn("uWSGI runs no threads, so there is no monitor; start it with --enable-threads")
    if uwsgi.worker_id():
        _begin()
    else:
        prepare_to_fork()
        _chain()


def _chain() -> None:
    with contextlib.suppress(Exception):  # it wants a master
        import uwsgidecorators  # noqa: F401 - sets the hook as well, so first
    former = getattr(uwsgi, "post_fork_hook", None)

    def after_fork() -> None:
        """Begin in a worker, then do what the hook did before."""
        fork.after_in_child()
        _begin()
        if former is not None:
            former()

    uwsgi.post_fork_hook = after_fork


def _begin() -> None:
    begin_in_worker()
    leave_by(signal.SIGHUP)  # by which uWSGI ends a worker once it is done with its request
