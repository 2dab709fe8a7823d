"""Environments: their names, what each is when nobody says more, and which one is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# As a settings file would say it. Limits are advisory until the container has one.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    # A developer's machine: small, and ready to trace allocations when asked.
    "development": {
        "memory": {"limit": "512MiB"},
        "pools": {"buffer": {"max_size": 100}, "request": {"max_size": 50}},
        "monitor": {"level": "debug"},
    },
    # As small as development, pools that soon run dry so that a test sees them
    # do so, and nothing watched, so that no thread and no alert disturbs it.
    "test": {
        "memory": {"limit": "512MiB"},
        "pools": {"buffer": {"max_size": 10}, "request": {"max_size": 5}},
        "monitor": {"level": "off"},
    },
    # Rehearsing production at half its size, with each pause on record.
    "staging": {
        "memory": {"limit": "1GiB"},
        "pools": {"buffer": {"max_size": 500}, "request": {"max_size": 250}},
        "monitor": {"level": "detailed"},
    },
    # Serving users: watched lightly.
    "production": {
        "memory": {"limit": "2GiB"},
        "pools": {"buffer": {"max_size": 1000}, "request": {"max_size": 500}},
        "monitor": {"level": "basic"},
    },
}
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
