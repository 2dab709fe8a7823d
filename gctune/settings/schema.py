"""The JSON Schema of gctune.toml, made from the models."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from gctune.settings.layers import POOL_NAME
from gctune.settings.model import Settings
from gctune.settings.quantities import plain

FILE = "gctune.schema.json"

# What a generated gctune.toml starts with; an editor that knows it checks as you type.
HEADER = f"#:schema ./{FILE}\n# Made by: gctune schema > {FILE}\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of a whole gctune.toml."""
    made = Settings.model_json_schema(schema_generator=_Plain)
    sections = made["properties"]
    sections["pools"] |= {"propertyNames": {"pattern": f"^{POOL_NAME}$"}}
    extends = {"type": "string", "description": "the environment whose settings it stands on"}
    environment = {
        "type": "object",
        "properties": {**sections, "extends": extends},
        "additionalProperties": False,
    }
    environments = {
        "type": "object",
        "description": "Settings of one environment each, before those above.",
        "additionalProperties": environment,
    }
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **made,
        "title": "gctune.toml",
        "description": "Settings of gctune.",
        "properties": {**sections, "environments": environments},
    }


def text() -> str:
    """The schema as the file that ships with gctune holds it."""
    return json.dumps(schema(), indent=2) + "\n"


class _Plain(GenerateJsonSchema):
    """Leaves out titles that repeat the names; writes defaults as people write them."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """No field has a title besides its name."""
        return False

    def encode_default(self, dft: Any) -> Any:
        """A default as people write it."""
        return plain(dft)

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of what may be unset: that of what it is when set."""
        return self.generate_inner(schema["schema"])  # TOML has no null: unset is left out

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """The schema with its default, but for a section's and where none is set."""
        if schema["default"] is None or isinstance(schema["default"], BaseModel):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)
