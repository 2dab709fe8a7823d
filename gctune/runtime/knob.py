"""What a knob is: one thing of the interpreter that can be turned, and turned back."""

from __future__ import annotations

from gctune.runtime.plan import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gctune.host.interpreter import Interpreter

    Value = int | float | bool | str | None
    Fault = tuple[str, str]  # what is wrong with a value, and what to do

INT_MAX = 2**31 - 1
LEAST_MEMORY = 2**20  # bytes; no Python starts in so little
MOST_MMAP = 32 * 2**20  # bytes; glibc refuses more


class Knob:
    """One thing of the interpreter that can be read, and written a checked value.

    `setting` is the dotted name of the setting that asks for it.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting

    def objection(self, interpreter: Interpreter) -> str:
        """Why this knob means nothing on `interpreter`; empty where it means something."""
        raise NotImplementedError

    def default(self, interpreter: Interpreter) -> Value:
        """What the knob holds in a process that nobody has tuned."""
        raise NotImplementedError

    def fault(self, value: Value) -> Fault | None:
        """What is wrong with writing `value` now, and what to do; None if nothing."""
        raise NotImplementedError

    def read(self) -> Value:
        """What the knob holds."""
        raise NotImplementedError

    def write(self, value: Any) -> None:
        """Turn the knob to a value that has no fault."""
        raise NotImplementedError

    def restore(self, before: Value) -> tuple[str, str]:
        """Turn the knob back to what `read` gave; return the status, and what to know of it."""
        self.write(before)
        return Status.APPLIED, ""


def unless_whole(value: Value, least: int, most: int) -> Fault | None:
    """What is wrong with a value that should be a whole number within bounds; None if nothing."""
    if type(value) is int and least <= value <= most:
        return None
    return "out of range or not a whole number", f"give one from {least} to {most}"
