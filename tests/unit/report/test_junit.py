"""`report.junit.xml`: what a CI system reads out of it."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import msgspec
import pytest
from tests.report.worlds import WORLDS

from validationrun import report
from validationrun.oracle.fold import RuleState
from validationrun.report import junit
from validationrun.report.from_result import view_of

SHORT = [name for name in WORLDS if name != "soak"]

ALLOWED = {
    # The structure that Jenkins' JUnit plugin accepts (junit-10.xsd), as far as it is used here: attributes, children in any number.
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": (
        {"name", "time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname"},
    "property": {"name", "value"},
}


def suite_root(result) -> ET.Element:
    return ET.fromstring(report.to_junit(result))  # noqa: S314 - of our own making


def suite_of(result) -> ET.Element:
    root = suite_root(result)
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def cases(suite: ET.Element) -> dict[tuple[str, str], str]:
    """By class and name: `passed`, `failure` or `error`."""
    found = {}
    for case in suite.iter("testcase"):
        key = (case.attrib["classname"], case.attrib["name"])
        assert key not in found
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        assert len(kinds) <= 1
        found[key] = kinds[0] if kinds else "passed"
    return found


@pytest.mark.parametrize("name", SHORT)
def test_the_structure_is_the_one_that_jenkins_accepts(world, name):
    root = suite_root(world(name).result)
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
        assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
    (suite,) = root
    assert suite[0].tag == "properties"
    for element in (root, suite):
        assert int(element.attrib["tests"]) == len(list(root.iter("testcase")))
        assert int(element.attrib["failures"]) == len(list(root.iter("failure")))
        assert int(element.attrib["errors"]) == len(list(root.iter("error")))
        assert re.fullmatch(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?", element.attrib["time"])


@pytest.mark.parametrize("name", SHORT)
def test_it_is_green_only_when_the_verdict_is_passed(world, name):
    """A reader of the XML alone must never see green for a run that is not Passed."""
    result = world(name).result
    suite = suite_of(result)
    red = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert (red == 0) == (result.status.verdict == "Passed")
    expected = {"Passed": "passed", "Failed": "failure", "Error": "error"}[result.status.verdict]
    assert cases(suite)[("nightly", "run")] == expected


def test_there_is_a_case_for_the_run_the_workload_and_each_rule(world):
    """The shape is the spec's, however the run went."""
    rules = ["height-advances", "p99-latency", "tx-included", "node-failed", "memory-stable"]
    shape = [("nightly", "run"), ("nightly", "workload"), *(("nightly.rules", rule) for rule in rules)]
    for name in ("passed", "stopped", "error", "alert-fired", "never-began"):
        assert list(cases(suite_of(world(name).result))) == shape
    without_load = [one for one in shape if one != ("nightly", "workload")]
    assert list(cases(suite_of(world("interrupted").result))) == without_load


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [(1, "failure", "WorkloadFailed"), (2, "error", "WorkloadInfraFailure"), (None, "error", "not judged")],
)
def test_the_workloads_case_has_the_reason_of_its_exit_code(world, code, kind, reason):
    view = view_of(world("passed").result)
    workload = msgspec.structs.replace(view.workload, code=code, reason="", message="")
    root = ET.fromstring(junit.render(dataclasses.replace(view, workload=workload)))  # noqa: S314 - of our own making
    [finding] = root.findall(f"testsuite/testcase[@name='workload']/{kind}")
    assert finding.get("type") == reason


def test_each_case_has_its_own_verdict(world):
    found = cases(suite_of(world("stopped").result))
    assert [found[("nightly.rules", rule)] for rule in ("height-advances", "p99-latency", "tx-included")] == [
        "failure",
        "failure",
        "passed",
    ]
    assert found[("nightly", "workload")] == "error"
    found = cases(suite_of(world("alert-fired").result))
    assert found[("nightly", "workload")] == "failure"
    assert found[("nightly.rules", "node-failed")] == "failure"
    assert set(cases(suite_of(world("no-data").result)).values()) == {"error"}
    assert set(cases(suite_of(world("passed").result)).values()) == {"passed"}


def test_a_rule_without_a_verdict_is_red(world):
    """Not judged is never silently passed."""
    result = world("interrupted").result
    awaited = RuleState("p99-latency")
    states = [awaited if state.name == "p99-latency" else state for state in result.document.states]
    open_ = dataclasses.replace(result, document=msgspec.structs.replace(result.document, states=states))
    assert cases(suite_of(open_))[("nightly.rules", "p99-latency")] == "error"


def test_rules_may_be_called_like_the_other_cases(world):
    """A rule named `run` or `workload` does not hide the case of that name."""
    found = cases(suite_of(world("hostile").result))
    assert found[("nightly", "run")] == "error"
    assert found[("nightly.rules", "run")] == "failure"
    assert found[("nightly", "workload")] == "error"
    assert found[("nightly.rules", "workload")] == "error"


def test_a_failure_says_what_when_and_how_often(world):
    suite = suite_of(world("stopped").result)
    failure = suite.find("testcase[@name='p99-latency']/failure")
    assert failure.attrib == {"type": "ThresholdViolated", "message": "1.263, not <= 0.8"}
    assert failure.text.splitlines() == [
        "Failed: 1.263, not <= 0.8",
        "27 of 30 decisions had an answer (PrometheusUnavailable 3)",
        "furthest beyond the threshold by 0.474: value 1.274 at 2026-11-18T11:10:20Z (+3m40s)",
        "failed first at 2026-11-18T11:10:00Z (+3m20s)",
        "asked: p99",
        'series: {pod="0"}',
    ]


def test_the_suite_carries_what_the_run_is_told_apart_by(world):
    result = world("stopped").result
    suite = suite_of(result)
    properties = {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}
    assert properties["run-id"] == result.status.run_id
    assert properties["chain-id"] == "nightly-0f8fad5b"
    assert properties["spec-hash"] == result.status.spec_hash
    assert properties["window-start"] == "2026-11-18T11:06:40Z"
    assert properties["stop-time"] == "2026-11-18T11:11:40Z"
    assert properties["stop-rule"] == "height-advances"
    assert properties["reason"] == "RuleStopOnFailure:height-advances"
    assert properties["version-validationrun"]
    assert suite.attrib["timestamp"] == result.status.start_time
    assert suite.attrib["time"] == "309.000"


def test_the_xml_is_legal_whatever_the_text(world):
    """Control characters have no form in XML 1.0, not even as references."""
    text = report.to_junit(world("hostile").result)
    assert not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    assert "&#0;" not in text
    assert "\u202e" not in text
    assert len(text) < 60_000
    failure = suite_of(world("hostile").result).find("testcase[@name='broken']/error")
    assert failure.text.startswith("Error: HTTP 500: </script><script>alert(1)</script><img src=x onerror=alert(2)>")
