"""Plain data -> test file, or findings that name every field that is wrong."""

import difflib
from collections.abc import Iterator
from typing import Any, Final

import pydantic
from pydantic_core import ErrorDetails

from validationrun import conventions
from validationrun.api.parse import _field, _finding, _model_in, _nulls, _without_misspelt
from validationrun.diagnostics import Anchor, Diagnostic, Finding, Loc, format_path, quote
from validationrun.load import Document
from validationrun.ruletest.model import KIND, RuleTestFile

_EXAMPLES: Final = {
    "apiVersion": f"apiVersion: {conventions.API_VERSION}",
    "kind": f"kind: {KIND}",
    "spec": "spec: run.yaml",
    "tests": "tests:",
    "interval": "interval: 15s",
    "values": "values: 0+1x20",
    "series": "series: 'up{job=\"node\"}'",
    "verdict": "verdict: Passed",
    "type": "type: timeout",
}


def parse_tests(data: Any) -> tuple[RuleTestFile | None, list[Finding]]:
    """A document's data as a test file. Returns it and no findings, or None and all that is wrong."""
    findings = list(_document_type(data))
    if findings:
        return None, findings
    findings = list(_nulls(data))
    told = {finding.loc for finding in findings}
    try:
        parsed = RuleTestFile.model_validate(data)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        found = [_told(detail, data) for detail in details if _field(detail["loc"], data) not in told]
        return None, findings + _without_misspelt(found)
    return (None if findings else parsed), findings


def place(finding: Finding, document: Document, file: str) -> Diagnostic:
    """The finding with its line and column."""
    span = document.locate(finding)
    line = document.lines[span.line] if span.line < len(document.lines) else ""
    path = format_path(finding.loc)
    return Diagnostic(finding.code, finding.severity, file, span, path, finding.message, finding.help, line)


def _document_type(data: Any) -> Iterator[Finding]:
    if not isinstance(data, dict):
        help_ = f"begin with `apiVersion: {conventions.API_VERSION}`"
        yield Finding("VR110", (), "a document must be a mapping", help_)
        return
    for field, known in (("apiVersion", conventions.API_VERSION), ("kind", KIND)):
        if field not in data:
            yield _missing((field,))
        elif data[field] != known:
            help_ = f"write `{field}: {known}`"
            if data[field] == conventions.KIND_RUN:
                help_ = f"name it by `spec:` in a file of kind {KIND}"
            yield Finding("VR110", (field,), f"{field} {quote(data[field])} is no rule test's", help_)


def _told(detail: ErrorDetails, data: Any) -> Finding:
    """What differs by the model is said here; the rest is the same for every document of ours."""
    loc = _field(detail["loc"], data)
    if detail["type"] == "missing":
        return _missing(loc)
    if detail["type"] == "extra_forbidden":
        return _unknown(loc)
    return _finding(detail, data)


def _missing(loc: Loc) -> Finding:
    example = _EXAMPLES.get(str(loc[-1]), f"{loc[-1]}:")
    return Finding("VR201", loc, f"{format_path(loc)} is required", f"add `{example}`", anchor=Anchor.KEY)


def _unknown(loc: Loc) -> Finding:
    known = sorted(_known_fields(loc[:-1]))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.6)
    help_ = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return Finding("VR202", loc, f"{format_path(loc)} is an unknown field", help_, anchor=Anchor.KEY)


def _known_fields(loc: Loc) -> set[str]:
    """The names that the model at this path knows."""
    found: type[pydantic.BaseModel] | None = RuleTestFile
    for part in loc:
        if found is not None and isinstance(part, str):
            by_alias = {info.alias: info.annotation for info in found.model_fields.values()}
            found = _model_in(by_alias.get(part))
    return {str(info.alias) for info in found.model_fields.values()} if found else set()
