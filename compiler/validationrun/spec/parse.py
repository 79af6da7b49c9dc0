"""Plain data -> a document of its kind, or a finding for every wrong field."""

from collections.abc import Iterator
from typing import Any, Final

from validationrun.base import conventions
from validationrun.spec.faults import missing, parse_as
from validationrun.spec.findings import Anchor, Finding, Loc, format_path, quote
from validationrun.spec.partial import readable_parts
from validationrun.spec.v1alpha1 import ValidationRun, ValidationSchedule, ValidationSuite

AnyDocument = ValidationRun | ValidationSuite | ValidationSchedule
"""A document of any kind that compiles."""

MODELS: Final[dict[str, type[AnyDocument]]] = {
    conventions.KIND_RUN: ValidationRun,
    conventions.KIND_SUITE: ValidationSuite,
    conventions.KIND_SCHEDULE: ValidationSchedule,
}
"""The model of each kind. What compiles a kind stands in the table of `compiling.kinds`."""

_OF_RUN: Final = ("sequence", "chaos")
_LATER: Final = "it comes in a later version; leave it out until then"
_EXAMPLES: Final = {
    "apiVersion": f"apiVersion: {conventions.API_VERSION}",
    "kind": f"kind: {conventions.KIND_RUN}",
    "duration": "duration: 10m",
    "op": 'op: ">"',
    "threshold": 'threshold: "0"',
    "role": "role: validator",
    "type": "type: query",
    "chainId": "chainId: nightly",
}


def parse_document(data: Any) -> tuple[AnyDocument | None, list[Finding]]:
    """
    A document's data as the model of its kind.

    Returns the document and no findings, or None and every finding, in the order of the model's fields.
    """
    findings = list(_document_type(data))
    if any(finding.code != "VR201" for finding in findings) or (findings and data.get("kind") not in MODELS):
        return None, findings
    return parse_as(MODELS[data["kind"]], data, _EXAMPLES, [*findings, *_not_supported_yet(data)])


def document_parts(data: Any) -> AnyDocument | None:
    """
    The readable parts of a document that has findings, as `spec.partial` makes them.

    None when the document is of an unknown kind or version: then nothing is known about its fields.
    """
    wrong = [finding for finding in _document_type(data) if finding.code != "VR201"]
    if wrong or data.get("kind") not in MODELS:
        return None
    return readable_parts(MODELS[data["kind"]], data)


def _document_type(data: Any) -> Iterator[Finding]:
    """Checks `apiVersion` and `kind`, before any other field."""
    if not isinstance(data, dict):
        yield Finding(
            "VR110", (), "a document must be a mapping", f"begin with `apiVersion: {conventions.API_VERSION}`"
        )
        return
    for field, known in (("apiVersion", (conventions.API_VERSION,)), ("kind", tuple(MODELS))):
        value = data.get(field)
        if value is None and field not in data:
            yield missing((field,), _EXAMPLES)
        elif value == conventions.KIND_RULE_TEST:
            message = f"kind {value} is a rule test, which does not compile"
            yield Finding("VR110", (field,), message, "`validationrun test` runs it")
        elif value not in known:
            yield Finding("VR110", (field,), f"{field} {quote(value)} is not known", f"write `{field}: {known[0]}`")


def _not_supported_yet(data: dict[str, Any]) -> Iterator[Finding]:
    for loc, spec, fields in _specs(data):
        for field in fields:
            if isinstance(spec, dict) and spec.get(field) is not None:
                place = (*loc, field)
                yield Finding("VR111", place, f"{format_path(place)} is not supported yet", _LATER, anchor=Anchor.KEY)


def _specs(data: Any) -> Iterator[tuple[Loc, Any, tuple[str, ...]]]:
    """Each mapping of the document that may hold what is not supported yet, with its place and the names of these fields."""
    spec = data.get("spec")
    if data["kind"] == conventions.KIND_RUN:
        yield ("spec",), spec, _OF_RUN
    elif data["kind"] == conventions.KIND_SUITE:
        yield from _specs_of_suite(("spec",), spec)
    elif isinstance(spec, dict):
        run, suite = spec.get("runTemplate"), spec.get("suiteTemplate")
        if isinstance(run, dict):
            yield ("spec", "runTemplate", "spec"), run.get("spec"), _OF_RUN
        if isinstance(suite, dict):
            yield from _specs_of_suite(("spec", "suiteTemplate", "spec"), suite.get("spec"))


def _specs_of_suite(loc: Loc, spec: Any) -> Iterator[tuple[Loc, Any, tuple[str, ...]]]:
    runs = spec.get("runs") if isinstance(spec, dict) else None
    for index, entry in enumerate(runs if isinstance(runs, list) else []):
        if isinstance(entry, dict):
            yield (*loc, "runs", index, "spec"), entry.get("spec"), _OF_RUN
