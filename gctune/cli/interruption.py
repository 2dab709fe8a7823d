"""The end of a command from outside, which is to leave all as it was."""

from __future__ import annotations

import signal


def interrupt_at_any_end() -> None:
    """End by what else ends a program as by Ctrl-C: nothing is left running, nor a cursor hidden.

    What it was started to ignore, as by nohup, it goes on to ignore.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
