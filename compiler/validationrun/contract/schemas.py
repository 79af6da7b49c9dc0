"""The JSON Schemas of the documents that cross a process, by the name of their file in `schemas/`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from validationrun.base.document import json_schema
from validationrun.contract.record_key import RecordKey
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.status_document import Status


def schemas() -> dict[str, dict[str, Any]]:
    """`make schemas` writes them; the spec's own schema comes from `validationrun schema`."""
    return {
        "run-record.schema.json": _record_schema(RECORD_KEYS),
        "status.schema.json": json_schema(Status),
    }


def _record_schema(keys: Sequence[type[RecordKey]]) -> dict[str, Any]:
    references, definitions = msgspec.json.schema_components(keys, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "RunRecord",
        "description": "The keys of the ConfigMap that holds a run record, each parsed as JSON.",
        "type": "object",
        "properties": dict(zip((document.key for document in keys), references, strict=True)),
        "$defs": definitions,
    }
