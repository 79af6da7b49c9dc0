"""The JSON Schemas of the documents that cross a process, by the name of their file in `schemas/`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from validationrun.base.document import Document, json_schema
from validationrun.contract.history_document import HistoryDocument
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.record_key import RecordKey
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.result_json import ResultDocument
from validationrun.contract.status_document import Status
from validationrun.contract.suite_json import SuiteDocument
from validationrun.contract.suite_record import SuiteStatus
from validationrun.contract.suite_result import SuiteResult

DOCUMENTS: Final[Mapping[str, type[Document]]] = {
    "history.schema.json": HistoryDocument,
    "plan.schema.json": PlanDocument,
    "result.schema.json": ResultDocument,
    "status.schema.json": Status,
    "suite.schema.json": SuiteDocument,
    "suite-result.schema.json": SuiteResult,
    "suite-status.schema.json": SuiteStatus,
}
"""Each document that crosses a process as a file, or is printed."""


def schemas() -> dict[str, dict[str, Any]]:
    """`make schemas` writes them; the spec's own schema comes from `validationrun schema`."""
    return {
        "run-record.schema.json": _record_schema(RECORD_KEYS),
        **{name: json_schema(document) for name, document in DOCUMENTS.items()},
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
