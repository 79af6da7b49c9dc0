"""
JUnit XML of a suite: a test suite for the suite itself, then one for each member with the cases that its own report has.

The case `suite` repeats the verdict, and each member's case `run` its end, so that the whole is red unless the suite is Passed.
The cases depend on the specs and not on how the suite went; a rule of a member that was not started is skipped, and every case of
a member that was not chosen.
"""

# ElementTree only writes here; it never parses untrusted XML.
import xml.etree.ElementTree as ET
from typing import Final

from validationrun.base.times import format_time, time_if_known
from validationrun.oracle.outcome import RunReason, Verdict
from validationrun.oracle.suite_verdict import Outcome
from validationrun.report import formatting
from validationrun.report.grid import CellState
from validationrun.report.junit import RULES, RUN_CASE, WORKLOAD_CASE, add_case
from validationrun.report.suite_view import MemberView, RuleCell, SuiteView

SUITE_CASE: Final = "suite"

_NEVER_RAN: Final = (Outcome.NOT_STARTED, Outcome.NOT_CHOSEN)
_OF_CODE: Final = {0: (Verdict.PASSED, ""), 1: (Verdict.FAILED, RunReason.WORKLOAD_FAILED)}


def render(view: SuiteView) -> str:
    root = ET.Element("testsuites", name="validationrun")
    group = formatting.clean(view.status.name, formatting.NAME)
    own = ET.SubElement(root, "testsuite", name=group)
    _properties(own, _facts(view))
    status = view.status
    overridden = "\n".join(f"overridden: {formatting.clean(str(each))}" for each in status.overridden)
    reason = status.reason or status.phase
    add_case(own, group, SUITE_CASE, status.verdict, reason, status.message, overridden, view.seconds)
    _count(own, view.seconds, time_if_known(status.start_time))
    for member in view.members:
        _member(root, f"{group}.{formatting.clean(member.name, formatting.NAME)}", member)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{view.seconds:.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _facts(view: SuiteView) -> dict[str, str]:
    status = view.status
    return {
        "run-id": status.run_id,
        "namespace": status.namespace,
        "mode": view.result.mode,
        "verdict": status.verdict,
        "phase": status.phase,
        "reason": status.reason or "",
        "overridden": "; ".join(map(str, status.overridden)),
        "runs": "; ".join(f"{count} {word}" for word, count in view.tally().items()),
    }


def _member(root: ET.Element, group: str, member: MemberView) -> None:
    suite = ET.SubElement(root, "testsuite", name=group)
    parameters = {f"parameter-{name}": value for name, value in member.result.parameters.items()}
    _properties(suite, {"run-id": member.said.workflow, "run": member.said.run, "end": member.word, **parameters})
    verdict = member.said.outcome if member.said.outcome in (Outcome.PASSED, Outcome.FAILED) else Verdict.ERROR
    if member.is_chosen:
        message, doubt = member.message or member.word, formatting.clean(member.doubt)
        add_case(suite, group, RUN_CASE, verdict, member.reason or member.word, message, doubt, member.seconds or 0)
    else:
        _skip(suite, group, RUN_CASE, member)
    if member.result.load:
        _workload(suite, group, member)
    for rule in member.rules or ():
        _rule(suite, f"{group}.{RULES}", rule, member)
    _count(suite, member.seconds or 0, member.began)


def _workload(suite: ET.Element, group: str, member: MemberView) -> None:
    status = member.result.status
    code = status.workload_exit_code if status is not None else None
    if member.word in _NEVER_RAN:
        _skip(suite, group, WORKLOAD_CASE, member)
        return
    verdict, reason = (Verdict.ERROR, "") if code is None else _OF_CODE.get(code, (Verdict.ERROR, ""))
    if status is not None and status.load_ended_early and verdict == Verdict.PASSED:
        verdict, reason = Verdict.ERROR, RunReason.LOAD_ENDED_EARLY
    if member.doubt:
        verdict = Verdict.ERROR
    message = "no exit code is known" if code is None else f"exit code {code}"
    add_case(suite, group, WORKLOAD_CASE, verdict, reason, message, "", 0)


def _rule(suite: ET.Element, group: str, rule: RuleCell, member: MemberView) -> None:
    if rule.state == CellState.NOT_RUN and member.word in _NEVER_RAN:
        _skip(suite, group, rule.name, member)
        return
    verdict = Verdict.ERROR
    if rule.state in (CellState.PASSED, CellState.FAILED):
        verdict = Verdict(rule.state.value)
    reason = (rule.status.reason if rule.status is not None else "") or rule.state
    message = (rule.status.message if rule.status is not None else "") or rule.state.meaning
    add_case(suite, group, formatting.clean(rule.name, formatting.NAME), verdict, reason, message, "", 0)


def _skip(suite: ET.Element, group: str, name: str, member: MemberView) -> None:
    shown = formatting.clean(name, formatting.NAME)
    case = ET.SubElement(suite, "testcase", classname=group, name=shown, time="0.000")
    ET.SubElement(case, "skipped", message=formatting.clean(member.message or member.word))


def _count(suite: ET.Element, seconds: float, began: float | None) -> None:
    numbers = {"tests": "", "failures": "/failure", "errors": "/error", "skipped": "/skipped"}
    for name, child in numbers.items():
        suite.set(name, str(len(suite.findall(f"testcase{child}"))))
    suite.set("time", f"{seconds:.3f}")
    if began is not None:
        suite.set("timestamp", format_time(began))


def _properties(suite: ET.Element, facts: dict[str, str]) -> None:
    parent = ET.SubElement(suite, "properties")
    for name, value in facts.items():
        if value:
            shown = formatting.clean(value, formatting.SENTENCE)
            ET.SubElement(parent, "property", name=formatting.clean(name, formatting.NAME), value=shown)
