"""The JSON Schema of the wire spec, generated from the models."""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from validationrun.spec.v1alpha1 import ValidationRun


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
    schema = ValidationRun.model_json_schema(by_alias=True, schema_generator=_WireSchema)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_without_titles(schema)}
    schema["title"] = "ValidationRun"
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
