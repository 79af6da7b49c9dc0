"""Suites on the command line: what submit puts on the cluster, and how a suite is shown, stopped and deleted."""

import json

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE
from suites_kit import FAILED, NAME, PASSED, UID, entry, put_member, put_suite, result
from validationrun.contract.suite_record import SuiteStatus


def test_a_running_suite_shows_each_member(api: FakeApiServer) -> None:
    put_suite(api, first=entry("first", "Passed", "RunSucceeded", "all held"), second=entry("second"))
    done = call("status", NAME, "-n", NAMESPACE)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{NAME} in {NAMESPACE}: Running for ")
    assert lines[1:] == [
        "  message  1 of 3 runs ended; running: second",
        "  runs     first   Passed      run-first-abcde",
        "           second  Running     run-second-abcde",
        "           third   Waiting",
    ]


def test_as_json_it_is_the_status_of_a_suite(api: FakeApiServer) -> None:
    put_suite(api, phase="Succeeded", result=PASSED)
    status = json.loads(call("status", NAME, "-n", NAMESPACE, "-o", "json").out)
    assert (status["kind"], status["verdict"], status["planned"]) == ("ValidationSuiteStatus", "Passed", 3)


@pytest.mark.parametrize(
    ("phase", "recorded", "code", "says"),
    [
        ("Succeeded", PASSED, 0, "3 of 3 runs passed"),
        ("Failed", FAILED, 1, "run second: 0, not > 0"),
        ("Failed", PASSED, 2, "the Workflow failed after its verdict was written"),
        ("Succeeded", None, 2, "Succeeded"),
        ("Error", None, 2, "Error"),
        ("Failed", result("Error", "Cancelled", "Cancelled", "stopped"), 2, "stopped"),
    ],
)
def test_wait_exits_by_the_verdict(
    api: FakeApiServer, phase: str, recorded: SuiteStatus | None, code: int, says: str
) -> None:
    put_suite(api, phase=phase, result=recorded)
    done = call("wait", NAME, "-n", NAMESPACE)
    assert (done.code, says in done.out) == (code, True)


def test_passed_counts_only_once_the_workflow_has_ended(api: FakeApiServer) -> None:
    put_suite(api, result=PASSED)
    status = json.loads(call("status", NAME, "-n", NAMESPACE, "-o", "json").out)
    assert (status["verdict"], status["phase"]) == ("Awaited", "Running")


def test_a_terminated_suite_is_cancelled(api: FakeApiServer) -> None:
    put_suite(api, phase="Failed")
    api.cluster.objects[("workflows", NAME)]["spec"]["shutdown"] = "Terminate"
    status = json.loads(call("status", NAME, "-n", NAMESPACE, "-o", "json").out)
    assert (status["verdict"], status["phase"]) == ("Error", "Cancelled")


def test_it_is_listed_beside_its_runs(api: FakeApiServer) -> None:
    put_suite(api, phase="Failed", result=FAILED)
    put_member(api, "first")
    listed = {run["name"]: run for run in json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)}
    assert (listed[NAME]["verdict"], listed[NAME]["reason"]) == ("Failed", "MemberFailed:second")
    assert listed["run-first-abcde"]["verdict"] == "Awaited"


def test_stop_stops_the_suite_and_leaves_its_members_to_it(api: FakeApiServer) -> None:
    put_suite(api)
    put_member(api, "first")
    assert call("stop", NAME, "-n", NAMESPACE).code == 0
    assert api.cluster.objects[("workflows", NAME)]["spec"]["shutdown"] == "Stop"
    assert "shutdown" not in api.cluster.objects[("workflows", "run-first-abcde")]["spec"]


def test_delete_shows_the_members_too(api: FakeApiServer) -> None:
    put_suite(api)
    put_member(api, "first")
    done = call("delete", NAME, "-n", NAMESPACE, "--yes")
    assert done.code == 0, done.err
    assert f"configmaps {NAME}-{UID}-record" in done.out
    assert "workflows.argoproj.io run-first-abcde" in done.out
    assert ("workflows", NAME) not in api.cluster.objects


def test_a_member_is_no_suite(api: FakeApiServer) -> None:
    put_member(api, "first")
    status = json.loads(call("status", "run-first-abcde", "-n", NAMESPACE, "-o", "json").out)
    assert status["kind"] == "ValidationRunStatus"


def test_watch_tells_what_changes(api: FakeApiServer) -> None:
    put_suite(
        api,
        phase="Failed",
        result=FAILED,
        first=entry("first", "Passed"),
        second=entry("second", "Failed", "RuleFailed:height", "0, not > 0"),
    )
    done = call("watch", NAME, "-n", NAMESPACE)
    assert done.code == 1
    assert "run second: 0, not > 0" in done.out
