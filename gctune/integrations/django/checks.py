"""What `manage.py check` says of gctune's settings."""

from __future__ import annotations

from django.core import checks

from gctune.errors import ConfigError
from gctune.runtime.applied import in_force
from gctune.startup import planned

ERROR, WARNING = "gctune.E001", "gctune.W001"


def check_settings(**_: object) -> list[checks.CheckMessage]:
    """An error for each problem of the settings, a warning for each of the plan they make."""
    try:
        plan = in_force() or planned(None)[0]
    except ConfigError as error:
        return [checks.Error(problem, id=ERROR) for problem in error.problems]
    return [checks.Warning(warning, id=WARNING) for warning in plan.warnings]
