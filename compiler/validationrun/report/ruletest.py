"""Render the results of rule tests as text, JSON and JUnit XML."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any, Final

from validationrun.judging.ruletest.compare import Mismatch, offset
from validationrun.judging.ruletest.suite import Tested
from validationrun.oracle.fold import RuleState
from validationrun.spec.findings import Diagnostic, format_path

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(tested: Tested) -> Iterator[str]:
    """One line for a test that passed; for a failed test also each mismatch and the result of every rule."""
    yield f"{'ok' if tested.ok else 'FAILED':<7} {tested.ready.case.test.name}"
    if not tested.ok:
        for mismatch in tested.mismatches:
            yield f"  {told(tested, mismatch)}"
        for state in tested.outcome.states:
            yield f"  rule {rule_words(tested, state)}"


def told(tested: Tested, mismatch: Mismatch) -> str:
    """An unmet expectation, with its position in the file."""
    placed = tested.place_of(mismatch)
    return f"{placed.file}:{placed.line}:{placed.column}: {placed.path}: {placed.message}"


def rule_words(tested: Tested, state: RuleState) -> str:
    """`height-advances: Failed ThresholdViolated at 1m30s: 0, not > 0`."""
    opens = tested.ready.case.opens
    if state.failed_t is not None:
        moment = f" at {offset(state.failed_t, opens)}"
    elif state.last_t is not None:
        moment = f", last asked for {offset(state.last_t, opens)}"
    else:
        moment = ""
    why = f"; {state.why}" if state.why else ""
    return f"{state.name}: {f'{state.verdict} {state.reason}'.strip()}{moment}: {state.message}{why}"


def as_json(results: Sequence[Tested], unproved: Sequence[Diagnostic] | None = None) -> str:
    """
    The stable form of `-o json`.

    Args:
        unproved: the rules that no test proves; None when nobody asked, and then the document has no such key.
    """
    strict = {} if unproved is None else {"unproved": [diagnostic.as_json() for diagnostic in unproved]}
    document = {
        **strict,
        "tests": [_test(tested) for tested in results],
        "passed": sum(tested.ok for tested in results),
        "failed": sum(not tested.ok for tested in results),
    }
    return json.dumps(document, indent=2) + "\n"


def _test(tested: Tested) -> dict[str, Any]:
    case, outcome = tested.ready.case, tested.outcome
    return {
        "file": tested.ready.file,
        "name": case.test.name,
        "ok": tested.ok,
        "seconds": round(tested.seconds, 3),
        "questions": outcome.questions,
        "verdict": outcome.verdict.verdict,
        "reason": outcome.verdict.reason,
        "message": outcome.verdict.message,
        "stopTime": None if outcome.stop_time is None else offset(outcome.stop_time, case.opens),
        "rules": [_rule(tested, state) for state in outcome.states],
        "mismatches": [_mismatch(tested, mismatch) for mismatch in tested.mismatches],
    }


def _rule(tested: Tested, state: RuleState) -> dict[str, str | None]:
    opens = tested.ready.case.opens
    return {
        "name": state.name,
        "verdict": state.verdict,
        "reason": state.reason,
        "message": state.message,
        "firstFailure": None if state.failed_t is None else offset(state.failed_t, opens),
        "lastEvaluation": None if state.last_t is None else offset(state.last_t, opens),
        "value": tested.outcome.values.get(state.name),
        "why": state.why,
    }


def _mismatch(tested: Tested, mismatch: Mismatch) -> dict[str, str | int | None]:
    placed = tested.place_of(mismatch)
    return {
        "path": format_path(mismatch.loc),
        "line": placed.line,
        "column": placed.column,
        "expected": mismatch.expected,
        "got": mismatch.got,
    }


def as_junit(results: Sequence[Tested], unproved: Sequence[Diagnostic] = ()) -> str:
    """A suite for each file, a case for each test, and one for each rule that no test proves."""
    root = ET.Element("testsuites", {"name": "validationrun test", **_counts(results, unproved)})
    for file in dict.fromkeys(tested.ready.file for tested in results):
        of_file = [tested for tested in results if tested.ready.file == file]
        rules = [diagnostic for diagnostic in unproved if diagnostic.file == file]
        suite = ET.SubElement(root, "testsuite", {"name": _clean(file), **_counts(of_file, rules)})
        for tested in of_file:
            _case(suite, tested)
        for diagnostic in rules:
            message = _clean(f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}: {diagnostic.message}")
            case = ET.SubElement(
                suite, "testcase", classname=_clean(file), name=_clean(diagnostic.message), time="0.000"
            )
            ET.SubElement(case, "failure", type="Unproved", message=message).text = message
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, tested: Tested) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(tested.ready.file),
        name=_clean(tested.ready.case.test.name),
        time=f"{tested.seconds:.3f}",
    )
    if not tested.ok:
        messages = [told(tested, mismatch) for mismatch in tested.mismatches]
        messages += [f"rule {rule_words(tested, state)}" for state in tested.outcome.states]
        failure = ET.SubElement(case, "failure", type="Unexpected", message=_clean(messages[0]))
        failure.text = _clean("\n".join(messages))


def _counts(results: Sequence[Tested], unproved: Sequence[Diagnostic]) -> dict[str, str]:
    return {
        "tests": str(len(results) + len(unproved)),
        "failures": str(sum(not tested.ok for tested in results) + len(unproved)),
        "errors": "0",
        "time": f"{sum(tested.seconds for tested in results):.3f}",
    }


def _clean(text: str) -> str:
    """Replace the characters that XML does not allow, not even escaped."""
    return _NO_XML.sub("\ufffd", text)
