"""`report` of a suite on a cluster: each member as its record says it, and what is lost, deleted or waiting as such."""

import json
from typing import Any

import pytest
from tests.report.page import read
from tests.report.suites import rule, run

from cli_helpers import call
from emit_helpers import FILE, as_yaml, rules_only
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE, START
from suites_kit import NAME, PASSED, entry, put_member, put_suite, result
from validationrun.base.times import format_time
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import compile_all
from validationrun.contract.owned_record import Identity
from validationrun.contract.status_document import Status
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.kube.cluster import CONFIG_MAPS
from validationrun.spec.source import read_compiled

FAILED = result("Failed", "Failed", "MemberFailed:second", "run second: 0, not > 0")
ROWS = {"first": "Passed", "second": "Failed", "third": "NotStarted"}


def put_record(api: FakeApiServer, name: str, status: Status) -> None:
    """The sealed record of a member's own run."""
    identity = Identity(f"run-{name}-abcde", f"uid-{name}", NAMESPACE)
    metadata = {"name": identity.record_name, "namespace": NAMESPACE, "ownerReferences": [identity.owner()]}
    api.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": {"result": status.to_json()}, "immutable": True})


def put_bundle(api: FakeApiServer, name: str) -> str:
    """The bundle of a run whose rules are known; its hash."""
    document = rules_only()
    document["metadata"]["name"] = name
    compiled = compile_all([(FILE, as_yaml(document))], EmitOptions())
    (bundle,) = [file.text for file in compiled.runs[0].files if file.name == "bundle.yaml"]
    (made,) = read_compiled(bundle)
    api.cluster.put(CONFIG_MAPS, made)
    return str(made["metadata"]["annotations"]["validation.sei.io/bundle-hash"])


def member(name: str, outcome: str, reason: str = "", message: str = "", *, begun: bool = True) -> SuiteMemberStatus:
    return SuiteMemberStatus(
        name=name, run=f"run-{name}", workflow=f"run-{name}-abcde" if begun else "", outcome=outcome, reason=reason,
        message=message, started_at=format_time(START), ended_at=format_time(START + 60),
    )  # fmt: skip


def put_ended(api: FakeApiServer) -> None:
    """The first passed, the second failed, the third was not started."""
    members = [
        member("first", "Passed"),
        member("second", "Failed", "RuleFailed:height", "0, not > 0"),
        member("third", "NotStarted", "StopOnFailure", "not started, because run second ended as Failed", begun=False),
    ]
    ended = SuiteStatus(**{**{name: getattr(FAILED, name) for name in FAILED.__struct_fields__}, "members": members})
    put_suite(api, phase="Failed", result=ended)
    put_member(api, "first", phase="Succeeded")
    put_member(api, "second", phase="Failed")
    put_record(api, "first", run("first", "Passed", rule("height"), rule("p99")))
    put_record(api, "second", run("second", "Failed", rule("height", "Failed", "ThresholdViolated")))


def report(*arguments: str, code: int = 0) -> str:
    done = call("report", NAME, "-n", NAMESPACE, *arguments)
    assert done.code == code, done.err
    return str(done.out if code == 0 else done.err)


def grid(page: str) -> dict[str, list[str]]:
    """The words of the cells by the name of their row."""
    body = next(table.one("tbody") for table in read(page).one("div", class_="cells").all("table"))
    rows = {}
    for row in body.all("tr"):
        head = row.one("th")
        rows[head.one("a").text] = [cell.one("span", class_="word").text for cell in row.all("td")]
    return rows


def test_a_suite_that_ended(api: FakeApiServer) -> None:
    put_ended(api)
    page = report("-o", "html")
    assert read(page).one("h1").text == "Failed"
    assert grid(page) == {
        "first": ["Passed", "Passed"],
        "second": ["Failed", "missing"],
        "third": ["unknown", "unknown"],
    }
    text = report()
    assert text.startswith("FAILED  suite release-suite  MemberFailed:second")
    assert "StopOnFailure: not started, because run second ended as Failed" in text
    document = json.loads(report("-o", "json"))
    assert (document["kind"], document["mode"]) == ("ValidationSuiteResult", "argo")
    assert [one["status"] and one["status"]["verdict"] for one in document["members"]] == ["Passed", "Failed", None]
    assert '<testsuite name="release-suite.third" tests="1" failures="0" errors="1"' in report("-o", "junit")
    assert report("-o", "markdown").startswith("## ❌ Failed: suite")


def test_the_rules_of_a_run_that_was_not_started_come_from_its_bundle(
    api: FakeApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ended(api)
    digest = put_bundle(api, "run-third")
    key = next(key for key in api.cluster.objects if key[0] == "configmaps" and key[1].startswith(f"{NAME}-"))
    data = api.cluster.objects[key]["data"]
    before = json.loads(data["suite"])
    before["suite"]["members"][2]["bundleHash"] = digest
    data["suite"] = json.dumps(before)
    names = [found["name"] for found in rules_only()["spec"]["rules"]]
    document = json.loads(report("-o", "json"))
    assert document["members"][2]["rules"] == names
    assert set(grid(report("-o", "html"))["third"]) == {"missing", "not run"}
    # A bundle that was changed says nothing.
    bundle = next(key for key in api.cluster.objects if key[1].startswith("run-third-bundle-"))
    api.cluster.objects[bundle]["data"]["plan.json"] += " "
    assert json.loads(report("-o", "json"))["members"][2]["rules"] is None


def test_a_member_that_was_deleted_is_told_as_such_and_the_suite_as_its_record_says(api: FakeApiServer) -> None:
    put_ended(api)
    del api.cluster.objects[("workflows", "run-first-abcde")]
    page = report("-o", "html")
    assert read(page).one("h1").text == "Failed"
    assert grid(page)["first"] == ["unknown"]
    assert "its Workflow run-first-abcde is gone, and its record with it" in page


def test_a_workflow_of_that_name_which_the_suite_does_not_own_is_no_member(api: FakeApiServer) -> None:
    put_ended(api)
    api.cluster.objects[("workflows", "run-first-abcde")]["metadata"]["ownerReferences"][0]["uid"] = "another"
    assert grid(report("-o", "html"))["first"] == ["unknown"]


def test_a_member_without_record_is_told_as_such(api: FakeApiServer) -> None:
    """The suite's record stands for its end; what became of its rules nobody knows."""
    put_ended(api)
    for key in [key for key in api.cluster.objects if key[1].startswith("run-first-abcde-uid")]:
        del api.cluster.objects[key]
    page = report("-o", "html")
    assert grid(page)["first"] == ["unknown"]
    assert "its Workflow run-first-abcde has no run record" in page


def test_a_member_whose_own_record_contradicts_the_suite_makes_no_report(api: FakeApiServer) -> None:
    put_ended(api)
    put_record(api, "first", run("first", "Failed", rule("height", "Failed")))
    assert "run first passed, and its own record says Failed" in report("-o", "html", code=2)


def test_a_damaged_record_of_a_member_is_told(api: FakeApiServer) -> None:
    put_ended(api)
    key = next(key for key in api.cluster.objects if key[1].startswith("run-second-abcde-uid"))
    api.cluster.objects[key]["data"]["result"] = "{"
    page = report("-o", "html")
    assert "its record cannot be read" in page
    assert grid(page)["second"] == ["unknown", "unknown"]


def test_a_suite_that_runs_says_so(api: FakeApiServer) -> None:
    put_suite(api, first=entry("first", "Passed", "RunSucceeded", "all held"), second=entry("second"))
    put_member(api, "first", phase="Succeeded")
    put_member(api, "second")
    put_record(api, "first", run("first", "Passed", rule("height")))
    text = report()
    assert text.splitlines()[0].startswith("RUNNING  suite release-suite")
    assert "it still runs: nothing here is final" in text
    page = report("-o", "html")
    assert read(page).one("header").classes == ["verdict", "running"]
    assert grid(page)["second"] == ["unknown"]
    junit = report("-o", "junit")
    assert 'name="suite"' in junit
    assert "<error" in junit
    assert report("-o", "markdown").startswith("## ⏳ Running: suite")


def test_a_suite_that_has_just_begun(api: FakeApiServer) -> None:
    put_suite(api)
    for key in [key for key in api.cluster.objects if key[0] == "configmaps"]:
        del api.cluster.objects[key]
    page = report("-o", "html")
    assert read(page).one("h1").text == "Running"
    assert "Nothing says which rules the runs of this suite have" in page


@pytest.mark.parametrize("form", ["text", "html", "junit", "markdown", "json"])
def test_passed_without_its_runs_is_no_report(api: FakeApiServer, form: Any) -> None:
    """The status says Passed of three runs and lists none: nothing would stand behind the green."""
    put_suite(api, phase="Succeeded", result=PASSED)
    assert "the suite says Passed of 3 runs, and lists 0" in report("-o", form, code=2)
