"""The JSON Schema of the wire spec, generated from the models."""

import json
from typing import Any

import pydantic
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from validationrun.spec.parse import MODELS


class _WireSchema(GenerateJsonSchema):
    """
    pydantic's schema without `null`: an optional field may be absent, but not empty.

    The parser refuses `field:` without a value, and so should an editor.
    """

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        result = super().dict_schema(schema)
        if "patternProperties" in result:
            result["additionalProperties"] = False
        return result

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if result.get("default", ...) is None:
            result = {key: value for key, value in result.items() if key != "default"}
        return result


def render_schema() -> str:
    """The schema as text, the same on every machine."""
    inputs: list[tuple[type[pydantic.BaseModel], JsonSchemaMode]] = [(model, "validation") for model in MODELS.values()]
    _, definitions = models_json_schema(inputs, by_alias=True, schema_generator=_WireSchema)
    kinds = ", ".join(MODELS)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "validation.sei.io/v1alpha1",
        "description": f"A document of validationrun: {kinds}.",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"kind": {"enum": list(MODELS), "description": "Kind of document."}},
        # Not oneOf, because an editor then shows the faults of the other kinds, too.
        "allOf": [
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
                "then": {"$ref": f"#/$defs/{model.__name__}"},
            }
            for kind, model in MODELS.items()
        ],
        **_without_titles(definitions),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _without_titles(value: Any, *, names: bool = False) -> Any:
    """Removes pydantic's titles, which editors show beside the same field name. A field named `title` stays."""
    if isinstance(value, dict):
        return {
            key: _without_titles(item, names=key in ("properties", "$defs"))
            for key, item in value.items()
            if names or key != "title"
        }
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    return value
