"""The errors gctune raises, and the one form in which it words a problem."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 80  # characters of a value that a message repeats
_NAMED = 255  # and of a name


class GctuneError(Exception):
    """Base of every error that gctune raises on purpose.

    `exit_status` is what a command that it ends exits with.
    """

    exit_status = 1


class UsageError(GctuneError):
    """A command line asks for what cannot be."""

    exit_status = 2


class ConfigError(GctuneError):
    """A configuration cannot be used; `problems` holds every reason at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ApplyError(GctuneError):
    """A plan could not be put in force; the interpreter is as it was before."""


class ProfileError(GctuneError):
    """A profile cannot be read, written or used."""


class MissingExtraError(GctuneError, ImportError):
    """A package is not there that an extra of gctune brings."""

    def __init__(self, extra: str, package: str) -> None:
        super().__init__(
            problem(package, "missing", "cannot be imported", f"pip install 'gctune[{extra}]'")
        )


def problem(where: str, value: object, wrong: str, remedy: str) -> str:
    """Word one problem as `where = value: what is wrong; what to do`.

    `where` is the name that the user typed. A string value is quoted, and a
    long one is cut, so that a hostile value cannot flood a terminal.
    """
    shown = ascii(value) if isinstance(value, str) else str(value)
    return f"{where} = {cut(shown, _SHOWN)}: {wrong}; {remedy}"


def cut(text: str, most: int = _NAMED) -> str:
    """At most so many characters of a text, with dots where it goes on."""
    return text if len(text) <= most else text[:most] + "..."
