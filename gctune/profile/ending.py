"""The end of a child of multiprocessing, which leaves by os._exit and so past atexit."""

from __future__ import annotations

import sys
from collections.abc import Callable

_LAST = -100  # priority among what multiprocessing does at the end of a child


def at_the_end_of_multiprocessing(owner: object, end: Callable[[], object]) -> None:
    """Call `end` when this process ends, if it is a child that multiprocessing forked.

    To be called by the child's hook after the fork; `owner` must outlive it.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        # A new child first clears what is to be done at its end, then calls this.
        util.register_after_fork(owner, lambda _: _finalize(end))


def _finalize(end: Callable[[], object]) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, end, exitpriority=_LAST)
