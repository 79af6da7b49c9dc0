"""`report RUN`: a run's report by what the cluster has of it; by a fake API server over HTTP."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from runner_helpers import CONFIG_MAPS, IDENTITY, NAMESPACE, START
from runs_kit import JOB, RUN, shard, under_load, workflow, write
from validationrun.base.times import format_time
from validationrun.contract import record
from validationrun.contract.status import run_status
from validationrun.kube.cluster import Object

NAME = IDENTITY.workflow


def signed_off(verdict: str = "Passed") -> Object:
    """The evaluator's last word; `verdict` of its first rule."""
    state = {"last_t": START + 80, "failed_t": START + 70 if verdict == "Failed" else None, "errors": 0, "exhausted": False,
             "answered": True, "refused": False, "swept": True, "fired": 0, "fired_t": None, "why": ""}  # fmt: skip
    rules = [
        {**state, "name": "height", "verdict": verdict, "reason": "", "message": "23 > 0", "value": "23"},
        {**state, "name": "halted", "verdict": "Passed", "reason": "", "message": "did not fire", "value": None},
    ]
    return {
        "workflowUid": IDENTITY.uid, "jobUid": JOB["uid"], "bundleHash": RUN["bundleHash"], "start": format_time(START + 50),
        "end": format_time(START + 80), "stopTime": None, "stopRule": None, "clock": [], "rules": rules, "stopped": False,
    }  # fmt: skip


def ended(api: FakeApiServer, verdict: str, phase: str, argo: str, reason: str) -> Object:
    """A run that is over, with finalize's verdict; its status."""
    written = under_load(api)
    shards = [shard(0, code=0, ended=81), shard(1, code=0, ended=81)]
    load = {"code": 0, "reason": "", "message": "all ended 0", "shards": shards, "jobUid": JOB["uid"],
            "start": format_time(START + 50), "end": format_time(START + 80)}  # fmt: skip
    write(written, {record.LOAD: load, record.SIGN_OFF: signed_off("Failed" if verdict == "Failed" else "Passed")})
    found = workflow(api, NAME, uid=IDENTITY.uid, phase="Error")
    status = run_status(IDENTITY, found, written)
    status |= {"verdict": verdict, "phase": phase, "reason": reason, "message": "told"}
    write(written, {record.RESULT: status})
    workflow(api, NAME, uid=IDENTITY.uid, phase=argo)
    return status


@pytest.mark.parametrize(
    ("verdict", "phase", "reason"),
    [
        ("Failed", "Failed", "RuleFailed:height"),
        ("Error", "Error", "EvaluatorLost"),
        ("Error", "Cancelled", "Cancelled"),
    ],
)
def test_a_run_that_did_not_pass_is_red_in_every_form(
    api: FakeApiServer, verdict: str, phase: str, reason: str
) -> None:
    status = ended(api, verdict, phase, "Failed", reason)
    text = call("report", NAME, "-n", NAMESPACE)
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith(f"{phase.upper()}  nightly  {reason}\n")
    assert "made of the run record" in text.out
    suite = ET.fromstring(call("report", NAME, "-n", NAMESPACE, "-o", "junit").out)  # noqa: S314 - our own
    assert int(suite.attrib["failures"]) + int(suite.attrib["errors"]) > 0
    assert json.loads(call("report", NAME, "-n", NAMESPACE, "-o", "json").out) == status
    assert "report.log" not in call("report", NAME, "-n", NAMESPACE, "-o", "markdown").out
    page = call("report", NAME, "-n", NAMESPACE, "-o", "html").out
    assert reason.partition(":")[0] in page
    assert "Files beside this page" not in page


def test_a_pass_whose_workflow_failed_is_no_pass(api: FakeApiServer) -> None:
    ended(api, "Passed", "Succeeded", "Failed", "RunSucceeded")
    assert call("report", NAME, "-n", NAMESPACE).out.startswith("ERROR  nightly  Unknown\n")


def test_a_pass_that_contradicts_its_record_is_refused(api: FakeApiServer) -> None:
    """The Job, the second witness of a load that passed, is not there."""
    ended(api, "Passed", "Succeeded", "Succeeded", "RunSucceeded")
    done = call("report", NAME, "-n", NAMESPACE)
    assert (done.code, done.out, "says Passed of a run" in done.err) == (2, "", True)


def test_a_run_that_goes_on_has_no_report(api: FakeApiServer) -> None:
    under_load(api)
    done = call("report", NAME, "-n", NAMESPACE)
    assert (done.code, done.out) == (2, "")
    assert f"`validationrun watch {NAME} -n {NAMESPACE}` waits for it" in done.err


def test_a_run_without_a_record_is_told_as_an_error(api: FakeApiServer) -> None:
    workflow(api, NAME, uid=IDENTITY.uid, phase="Failed")
    assert not [key for key in api.cluster.objects if key[0] == CONFIG_MAPS.plural]
    assert call("report", NAME, "-n", NAMESPACE).out.startswith("ERROR  nightly  ChainNotReady\n")


def test_what_is_neither_folder_nor_run(api: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del api
    monkeypatch.chdir(tmp_path)
    done = call("report", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert "there is no folder nowhere: looking for a run" in done.err
    assert "there is no namespace default" in done.err
    # With a path there is no doubt.
    assert "run nowhere" not in call("report", "./nowhere").err
    assert "is no Kubernetes name" in call("report", "../..//x", "-n", NAMESPACE).err


def test_a_folder_of_that_name_is_the_folder_unless_a_namespace_is_given(
    api: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(api, "Failed", "Failed", "Failed", "RuleFailed:height")
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert "result.json" in call("report", NAME).err
    assert call("report", NAME, "-n", NAMESPACE).code == 0
