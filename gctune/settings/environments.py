"""Environments: their names, which one is meant, and what each stands on."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS = ("development", "test", "staging", "production")
VARIABLES = ("GCTUNE_ENVIRONMENT", "ENVIRONMENT", "APP_ENV")

_ALIASES = {
    "dev": "development",
    "develop": "development",
    "local": "development",
    "testing": "test",
    "ci": "test",
    "stage": "staging",
    "preprod": "staging",
    "prod": "production",
    "live": "production",
}


def canonical(name: str) -> str:
    """The one name of an environment: `Prod` and `live` are production."""
    lowered = name.strip().lower()
    return _ALIASES.get(lowered, lowered)


def asked_for(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The first variable that names an environment, and the name it gives."""
    for variable in VARIABLES:
        if environ.get(variable, "").strip():
            return variable, environ[variable]
    return None
