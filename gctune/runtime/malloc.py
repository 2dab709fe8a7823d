"""What only the environment of a new process can say of its allocator.

glibc reads its variables, and the loader LD_PRELOAD, before the first line of
Python runs. An operator's own variable stands: the plan gives way to it.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from gctune.errors import UsageError, problem
from gctune.runtime.plan import Plan, Status, Step, handed_down

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBRARIES = ("jemalloc", "mimalloc")

_VARIABLES = {
    "memory.arenas": "MALLOC_ARENA_MAX",
    "memory.trim": "MALLOC_TRIM_THRESHOLD_",
    "memory.mmap": "MALLOC_MMAP_THRESHOLD_",
}
_TUNABLES = {
    "memory.arenas": "glibc.malloc.arena_max",
    "memory.trim": "glibc.malloc.trim_threshold",
    "memory.mmap": "glibc.malloc.mmap_threshold",
}
OF_MALLOC = tuple(_VARIABLES)  # the settings that glibc's malloc acts on

_FOLDERS = ("/usr/local/lib", "/usr/lib", "/usr/lib64", "/lib", "/lib64")


def hand_down(
    plan: Plan, library: str | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Plan, dict[str, str]]:
    """Return the plan as a program below will have it, and the variables to start it with.

    `library` is one of LIBRARIES, to be preloaded in glibc's place. Raises
    UsageError where it is not here.
    """
    if library is not None:
        reason = f"it tunes glibc's malloc, and {library} takes its place"
        without = plan._replace(steps=tuple(_given_up(step, reason) for step in plan.steps))
        return without, {"LD_PRELOAD": _preload(_find(library, environ), environ)}
    steps = tuple(_yielding(step, environ) for step in plan.steps)
    plan = plan._replace(steps=steps)
    return plan, _variables(plan)


def operator_s_own(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `environ` without the variables that a `gctune run` above has set."""
    plan = handed_down(environ)
    theirs = _variables(plan) if plan else {}
    return {name: value for name, value in environ.items() if theirs.get(name) != value}


def _variables(plan: Plan) -> dict[str, str]:
    wanted = {variable: plan.value(setting) for setting, variable in _VARIABLES.items()}
    return {name: str(value) for name, value in wanted.items() if value is not None}


def _given_up(step: Step, reason: str) -> Step:
    if step.setting not in OF_MALLOC or step.status != Status.APPLIED:
        return step
    return step._replace(status=Status.UNSUPPORTED, reason=reason)


def _yielding(step: Step, environ: Mapping[str, str]) -> Step:
    if step.setting not in OF_MALLOC or step.status != Status.APPLIED:
        return step
    said = next(_said(step.setting, environ), None)
    if said is None:
        return step
    return step._replace(status=Status.LEFT_ALONE, reason=f"{said} stands")


def _said(setting: str, environ: Mapping[str, str]) -> Iterator[str]:
    """What an environment says of a setting: in a variable of its own, or among the tunables."""
    variable = _VARIABLES[setting]
    if variable in environ:
        yield f"{variable} = {environ[variable]}"
    for tunable in environ.get("GLIBC_TUNABLES", "").split(":"):
        name, _, value = tunable.partition("=")
        if name == _TUNABLES[setting]:
            yield f"GLIBC_TUNABLES: {name} = {value}"


def _preload(library: Path, environ: Mapping[str, str]) -> str:
    others = environ.get("LD_PRELOAD", "").replace(":", " ").split()
    return " ".join([str(library), *(other for other in others if other != str(library))])


def _find(library: str, environ: Mapping[str, str]) -> Path:
    """The file of a library where the loader looks for it. Raises UsageError."""
    for folder in _folders(environ):
        for path in sorted(folder.glob(f"lib{library}.so*")):
            return path
    wrong = f"no lib{library}.so is where the loader looks"
    raise UsageError(problem("--malloc", library, wrong, "install it, or leave this out"))


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where libraries of this machine's kind lie; those of other kinds cannot be loaded."""
    kind = sysconfig.get_config_var("MULTIARCH")
    for folder in (*environ.get("LD_LIBRARY_PATH", "").split(os.pathsep), *_FOLDERS):
        if folder:
            yield from [Path(folder) / kind] if kind else []
            yield Path(folder)
