"""
JUnit XML: a suite for the run, with a case each for the verdict, the workload and every rule.

The case `run` repeats the verdict, so that the suite is red unless the run is Passed. The cases depend on the spec and
not on how the run went, so that a CI system can follow each case from run to run.
"""

# ElementTree only writes here; it never parses untrusted XML.
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Final

from validationrun.base.times import format_time
from validationrun.oracle.outcome import RunReason, Verdict
from validationrun.oracle.workload import Workload
from validationrun.report import formatting
from validationrun.report.model import RuleView, RunView
from validationrun.report.phrases import answers_told, failure_told, margin_told

RUN_CASE: Final = "run"
WORKLOAD_CASE: Final = "workload"
RULES: Final = "rules"

_OPEN: Final = "not judged"
_OF_CODE: Final[dict[int | None, tuple[Verdict, str]]] = {
    0: (Verdict.PASSED, ""),
    1: (Verdict.FAILED, RunReason.WORKLOAD_FAILED),
    None: (Verdict.ERROR, ""),
}
"""Verdict and reason of a workload by its exit code; a stopped workload has none."""


def render(view: RunView) -> str:
    root = ET.Element("testsuites", name="validationrun")
    group = formatting.clean(view.about.name, formatting.NAME)
    suite = ET.SubElement(root, "testsuite", name=group)
    _properties(suite, view)
    overridden = "\n".join(f"overridden: {formatting.clean(text)}" for text in view.about.overridden)
    add_case(suite, group, RUN_CASE, view.verdict, view.reason, view.message, overridden, view.seconds)
    if view.workload is not None:
        _workload(suite, group, view.workload)
    for rule in view.rules:
        state = rule.state
        add_case(suite, f"{group}.{RULES}", rule.name, state.verdict, state.reason, state.message, _told(rule, view), 0)
    _count(root, suite, view)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _count(root: ET.Element, suite: ET.Element, view: RunView) -> None:
    numbers = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
    }
    for element in (root, suite):
        for name, value in numbers.items():
            element.set(name, str(value))
        element.set("time", f"{view.seconds:.3f}")
    suite.set("skipped", "0")
    if view.began is not None:
        suite.set("timestamp", format_time(view.began))


def _properties(suite: ET.Element, view: RunView) -> None:
    parent = ET.SubElement(suite, "properties")
    for name, value in _facts(view):
        ET.SubElement(parent, "property", name=name, value=formatting.clean(value, formatting.SENTENCE))


def _facts(view: RunView) -> Iterator[tuple[str, str]]:
    """The properties that identify the run; those without a value are left out."""
    about = view.about
    facts = {
        "run-id": about.run_id,
        "namespace": about.namespace,
        "chain-id": view.chain_id,
        "spec-hash": about.spec_hash,
        "mode": about.mode,
        "verdict": view.verdict,
        "phase": view.phase,
        "reason": view.reason,
        "window-start": view.start,
        "window-end": view.end,
        "stop-time": view.stop_time,
        "stop-rule": view.stop_rule,
        "prometheus-version": about.prometheus,
        "overridden": "; ".join(about.overridden),
        **{f"version-{formatting.clean(name, formatting.NAME)}": value for name, value in about.versions.items()},
    }
    for name, value in facts.items():
        if value not in (None, ""):
            yield name, format_time(value) if isinstance(value, float) else str(value)


def _workload(suite: ET.Element, group: str, workload: Workload) -> None:
    verdict, reason = _OF_CODE.get(workload.code, (Verdict.ERROR, RunReason.WORKLOAD_INFRA_FAILURE))
    if workload.early is not None:
        verdict = Verdict.ERROR
    exit_text = f"exit code {workload.code}" if workload.code is not None else "no exit code: it was stopped"
    add_case(
        suite, group, WORKLOAD_CASE, verdict, workload.reason or reason, workload.message or exit_text, exit_text, 0
    )


def _told(rule: RuleView, view: RunView) -> str:
    lines = [answers_told(rule), margin_told(rule, view.start)]
    if rule.state.why:
        lines.append(f"why it was empty: {formatting.clean(rule.state.why)}")
    lines += failure_told(rule, view.start)
    return "\n".join(line for line in lines if line)


def add_case(
    suite: ET.Element, group: str, name: str, verdict: str, reason: str, message: str, told: str, seconds: float
) -> None:
    case = ET.SubElement(suite, "testcase", classname=group, name=name, time=f"{seconds:.3f}")
    if verdict == Verdict.PASSED:
        if told:
            ET.SubElement(case, "system-out").text = told
        return
    # A verdict other than Passed and Failed was not judged, and counts as an error.
    kind = "failure" if verdict == Verdict.FAILED else "error"
    shown = formatting.clean(message) or _OPEN
    finding = ET.SubElement(case, kind, type=formatting.clean(reason, 2 * formatting.NAME) or _OPEN, message=shown)
    finding.text = f"{verdict}: {shown}" + (f"\n{told}" if told else "")
