"""The JSON Schemas of the documents that cross a process, by the name of their file in `schemas/`."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from validationrun.base.document import Document, json_schema
from validationrun.contract.history_document import HistoryDocument
from validationrun.contract.plan_json import PlanDocument
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.contract.result_json import ResultDocument
from validationrun.contract.schedule_status import ScheduleStatus
from validationrun.contract.status_document import Status
from validationrun.contract.suite_json import SuiteDocument
from validationrun.contract.suite_record import MEMBER_KEYS, SUITE_KEYS, SuiteStatus
from validationrun.contract.suite_result import SuiteResult

DOCUMENTS: Final[Mapping[str, type[Document]]] = {
    "history.schema.json": HistoryDocument,
    "plan.schema.json": PlanDocument,
    "result.schema.json": ResultDocument,
    "schedule-status.schema.json": ScheduleStatus,
    "status.schema.json": Status,
    "suite.schema.json": SuiteDocument,
    "suite-result.schema.json": SuiteResult,
    "suite-status.schema.json": SuiteStatus,
}
"""Each document that crosses a process as a file, or is printed."""


def schemas() -> dict[str, dict[str, Any]]:
    """`make schemas` writes them; the spec's own schema comes from `validationrun schema`."""
    return {
        "run-record.schema.json": _record_schema("RunRecord", {key.key: key for key in RECORD_KEYS}),
        "suite-record.schema.json": _record_schema("SuiteRecord", SUITE_KEYS, MEMBER_KEYS),
        **{name: json_schema(document) for name, document in DOCUMENTS.items()},
    }


def _record_schema(
    title: str, keys: Mapping[str, type[Document]], patterns: Mapping[str, type[Document]] | None = None
) -> dict[str, Any]:
    """`patterns` are regular expressions of further keys."""
    documents = {**keys, **(patterns or {})}
    references, definitions = msgspec.json.schema_components(documents.values(), ref_template="#/$defs/{name}")
    properties = dict(zip(documents, references, strict=True))
    further = {pattern: properties.pop(pattern) for pattern in patterns or {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": "The keys of the ConfigMap that holds the record, each parsed as JSON.",
        "type": "object",
        "properties": properties,
        **({"patternProperties": further} if further else {}),
        "$defs": definitions,
    }
