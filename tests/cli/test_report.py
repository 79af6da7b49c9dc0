"""`report RUN`: a run's report by what the cluster has of it; by a fake API server over HTTP."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from record_kit import load_end, sign_off
from runner_helpers import CONFIG_MAPS, IDENTITY, NAMESPACE, START, write
from runs_kit import RUN, shard, state, under_load, workflow
from validationrun.base.times import format_time
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import build_status
from validationrun.kube.cluster import Object
from validationrun.oracle.outcome import Phase
from validationrun.oracle.verdict_table import RunVerdict

NAME = IDENTITY.workflow


def signed_off(verdict: Any = "Passed") -> SignOff:
    """The evaluator's last word; `verdict` of its first rule."""
    failed_t = START + 70 if verdict == "Failed" else None
    height = state("height", verdict, failed_t=failed_t, answered=True, swept=True, value="23")
    halted = state("halted", message="did not fire", answered=True, swept=True)
    return sign_off(height, halted, start=50, end=80, bundle_hash=RUN.bundle_hash)


def ended(api: FakeApiServer, verdict: str, phase: Any, argo: str, reason: str) -> Object:
    """A run that is over, with finalize's verdict; its status."""
    written = under_load(api)
    shards = [shard(0, code=0, ended=81), shard(1, code=0, ended=81)]
    signed = signed_off("Failed" if verdict == "Failed" else "Passed")
    write(written, load_end(start=50, end=80, message="all ended 0", shards=shards), signed)
    found = workflow(api, NAME, uid=IDENTITY.uid, phase="Error")
    completed = format_time(START + 725)
    status = build_status(IDENTITY, found, written, RunVerdict(Phase(phase), reason, "told"), completed, signed.rules)
    write(written, status)
    workflow(api, NAME, uid=IDENTITY.uid, phase=argo)
    return status.to_data()


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
