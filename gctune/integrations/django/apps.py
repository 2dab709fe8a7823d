"""The application: settings in force once Django is set up, requests told of, and a check."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.signals import request_finished, request_started

from gctune.errors import GctuneError
from gctune.integrations.django.checks import check_settings
from gctune.integrations.outermost import claim
from gctune.monitor.requests import begin, end
from gctune.monitor.telling import warn
from gctune.runtime.applied import in_force
from gctune.startup import apply


class GctuneConfig(AppConfig):  # type: ignore[misc]
    """Puts the settings of the environment in force, unless they are."""

    name = "gctune.integrations.django"
    label = "gctune"
    verbose_name = "gctune"

    def ready(self) -> None:
        """Begin. What is wrong with the settings is logged, and told by `manage.py check`."""
        checks.register(check_settings)
        if in_force() is None:
            try:
                apply()
            except GctuneError as error:
                warn(str(error))
        request_started.connect(_on_request)
        request_finished.connect(_on_request_end)


_told: list[None] = []  # a place for each request in flight that this tells of


def _on_request(
    environ: dict[str, Any] | None = None, scope: dict[str, Any] | None = None, **_: object
) -> None:
    if claim(environ or scope or {}):
        _told.append(None)
        begin()


def _on_request_end(**_: object) -> None:
    """Tell of an end: Django does not say of which request, nor in whose context."""
    with suppress(IndexError):
        _told.pop()
        end()
