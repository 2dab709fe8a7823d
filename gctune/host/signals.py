"""Signals, by the names that people know them by."""

from __future__ import annotations

import signal


def signal_name(number: int) -> str:
    """The name of a signal, or `signal 40` where it has none, as most of the real-time ones."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
