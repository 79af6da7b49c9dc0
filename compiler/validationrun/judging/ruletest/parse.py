"""Parses plain data into a test file, or reports a finding for every wrong field."""

from collections.abc import Iterator
from typing import Any, Final

from validationrun.base import conventions
from validationrun.judging.ruletest.model import KIND, RuleTestFile
from validationrun.spec.faults import missing, parse_as
from validationrun.spec.findings import Diagnostic, Finding, format_path, quote
from validationrun.spec.source import Document

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
    """Returns the test file and no findings, or None and all findings."""
    findings = list(_document_type(data))
    if findings:
        return None, findings
    return parse_as(RuleTestFile, data, _EXAMPLES)


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
            yield missing((field,), _EXAMPLES)
        elif data[field] != known:
            help_ = f"write `{field}: {known}`"
            if data[field] == conventions.KIND_RUN:
                help_ = f"name it by `spec:` in a file of kind {KIND}"
            yield Finding("VR110", (field,), f"{field} {quote(data[field])} is no rule test's", help_)
