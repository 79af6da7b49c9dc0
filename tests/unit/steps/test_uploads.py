"""Row 8: with results to be uploaded, no run passes whose uploads are not proven by what Argo says of its steps."""

import base64
import gzip
import json
import pathlib
from typing import Any

import pytest
from tests.unit.steps.finalize_world import FAILED, RESULTS, UNANSWERED, World

from runner_helpers import IDENTITY, START, WORKFLOWS, argo_nodes, node_id, workflow
from validationrun.base.conventions import LOAD_JOB, RULE_EVALUATOR
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.kube.cluster import TASK_RESULTS, ForbiddenError, Resource

STORED = {"outputs": {"artifacts": [{"name": "results"}], "exitCode": "0"}}
NO_BUCKET = {
    "phase": "Error",
    "message": "Error (exit code 1): failed to put file: The specified bucket does not exist",
}
FAULT = {"phase": "Failed", "message": "main: Error (exit code 70): an earlier attempt signed off"}
RED = {"phase": "Failed", "message": "main: Error (exit code 3): NoSamples: rule height"}
LOAD, EVALUATOR = LOAD_JOB, RULE_EVALUATOR


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    """A run that passes, whose results are to be uploaded."""
    made = World(tmp_path)
    made.keys.change(RunEntry, results=RESULTS)
    return made


def attempts(world: World, step: str, *ends: dict[str, Any]) -> None:
    """How the attempts of a step ended, as the nodes say."""
    status(world)["nodes"].update(argo_nodes(step, *ends))


def status(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.cluster.objects[("workflows", IDENTITY.workflow)]["status"]
    return found


def offload(world: World) -> None:
    status(world).update(nodes=None, offloadNodeStatusVersion="fnv:1")


def report(world: World, *artifacts: str, uid: str = IDENTITY.uid) -> None:
    """What Argo's executor reported of the attempt that signed off."""
    body = {
        "metadata": {"name": node_id(EVALUATOR), "ownerReferences": [{**IDENTITY.owner(), "uid": uid}]},
        "outputs": {"parameters": [{"name": "verdict"}], "artifacts": [{"name": name} for name in artifacts]},
    }
    world.cluster.put(TASK_RESULTS, body)


def test_uploads_that_succeeded_are_a_pass(world: World) -> None:
    assert world.decide() == ("Passed", "RunSucceeded")
    assert world.clock.now == START


def test_a_later_attempt_that_succeeds_proves_an_upload(world: World) -> None:
    """It evaluated the rules itself: one that only finds a sign-off ends 70."""
    attempts(world, EVALUATOR, {"phase": "Error", "message": "pod deleted"}, STORED)
    attempts(world, LOAD, {"phase": "Failed", "message": "main: Error (exit code 137)"}, {})
    assert world.decide() == ("Passed", "RunSucceeded")


def test_an_upload_that_failed_and_attempts_that_had_nothing_to_upload_are_no_pass(world: World) -> None:
    attempts(world, EVALUATOR, NO_BUCKET, FAULT, FAULT, FAULT)
    assert world.decide() == ("Error", "ResultsNotStored")
    assert world.status()["message"] == (
        "the upload of rule-evaluator is not proven (rule-evaluator(0) is Error: Error (exit code 1): failed to put file: "
        "The specified bucket does not exist); `validationrun logs nightly-x7k2p -n eng-ada --saved` shows the container "
        "`wait` of its pods, which uploads"
    )


def test_a_load_job_that_did_not_end_well_is_no_pass(world: World) -> None:
    attempts(world, LOAD, FAULT, FAULT)
    assert world.decide() == ("Error", "ResultsNotStored")
    assert "the upload of load-job is not proven (load-job(1) is Failed: main: Error" in world.status()["message"]


def test_without_results_nothing_has_to_be_stored(world: World) -> None:
    world.keys.change(RunEntry, results=None)
    attempts(world, EVALUATOR, NO_BUCKET, FAULT)
    assert world.decide() == ("Passed", "RunSucceeded")


def test_without_load_there_is_no_load_job_to_prove(world: World) -> None:
    world.keys.change(RunEntry, load=None)
    for key in (JobEntry, LoadEnd):
        world.keys.drop(key)
    world.keys.change(SignOff, job_uid=None)
    for name in (LOAD, node_id(LOAD)):
        del status(world)["nodes"][name]
    assert world.decide() == ("Passed", "RunSucceeded")


def test_a_red_evaluator_that_stored_its_results_keeps_its_reason(world: World) -> None:
    world.keys.change(SignOff, rules=[UNANSWERED])
    attempts(world, EVALUATOR, {**STORED, **RED})
    assert world.decide() == ("Error", "RuleError")


def test_a_red_evaluator_that_did_not_store_its_results_says_so(world: World) -> None:
    world.keys.change(SignOff, rules=[UNANSWERED])
    attempts(world, EVALUATOR, RED)
    assert world.decide() == ("Error", "ResultsNotStored")


@pytest.mark.parametrize("offloaded", [False, True])
def test_what_comes_before_row_8_stays(tmp_path: pathlib.Path, offloaded: bool) -> None:
    """A verdict Failed says more than that its evidence was not stored."""
    changes: list[tuple[Any, str]] = [
        (lambda keys: keys.change(SignOff, rules=[FAILED]), "RuleFailed:height"),
        (lambda keys: keys.change(LoadEnd, code=1), "WorkloadFailed"),
        (lambda keys: keys.change(LoadEnd, code=2), "WorkloadInfraFailure"),
        (lambda keys: keys.drop(SignOff), "EvaluatorLost"),
    ]
    for change, reason in changes:
        world = World(tmp_path)
        world.keys.change(RunEntry, results=RESULTS)
        attempts(world, EVALUATOR, NO_BUCKET, FAULT)
        if offloaded:
            offload(world)
        change(world.keys)
        assert world.decide()[1] == reason


def test_a_run_that_its_user_stopped_is_not_waited_for(world: World) -> None:
    stopped = workflow(shutdown="Stop")
    stopped["status"]["nodes"] = argo_nodes(EVALUATOR, {"phase": "Running"})
    world.cluster.put(WORKFLOWS, stopped)
    assert world.decide()[1] == "Cancelled"
    assert world.clock.now == START


def test_nodes_that_argo_has_not_written_yet_are_waited_for(world: World) -> None:
    attempts(world, EVALUATOR, {"phase": "Running"})
    world.clock.after(40, lambda: attempts(world, EVALUATOR, {}))
    assert world.decide() == ("Passed", "RunSucceeded")
    assert 40 <= world.clock.now - START < 45


@pytest.mark.parametrize("nodes", [{}, argo_nodes(EVALUATOR, {"phase": "Running"})])
def test_nodes_that_never_come_are_no_pass(world: World, nodes: dict[str, Any]) -> None:
    status(world)["nodes"] = nodes
    assert world.decide() == ("Error", "ResultsNotStored")
    assert 120 <= world.clock.now - START < 125


def test_a_stop_while_the_nodes_are_waited_for_cancels(world: World) -> None:
    attempts(world, EVALUATOR, {"phase": "Running"})
    found = world.cluster.objects[("workflows", IDENTITY.workflow)]
    world.clock.after(20, lambda: (found["spec"].update(shutdown="Stop"), attempts(world, EVALUATOR, {})))
    assert world.decide() == ("Error", "Cancelled")


def compress(world: World) -> None:
    text = json.dumps(status(world).pop("nodes")).encode()
    status(world)["compressedNodes"] = base64.b64encode(gzip.compress(text)).decode()


def test_compressed_nodes_are_read(world: World) -> None:
    compress(world)
    assert world.decide() == ("Passed", "RunSucceeded")


def test_compressed_nodes_prove_no_more_than_others(world: World) -> None:
    attempts(world, EVALUATOR, NO_BUCKET, FAULT)
    compress(world)
    assert world.decide() == ("Error", "ResultsNotStored")


@pytest.mark.parametrize("content", [None, b"no gzip", gzip.compress(b"[", mtime=0)], ids=["text", "bytes", "no JSON"])
def test_compressed_nodes_that_cannot_be_read_are_no_pass(world: World, content: bytes | None) -> None:
    text = "no base64" if content is None else base64.b64encode(content).decode()
    status(world).update(nodes=None, compressedNodes=text)
    assert world.decide() == ("Error", "ResultsNotStored")


def test_where_nodes_are_offloaded_the_executors_report_is_the_proof(world: World) -> None:
    offload(world)
    report(world, "results")
    assert world.decide() == ("Passed", "RunSucceeded")
    assert world.clock.now == START


@pytest.mark.parametrize(
    ("artifacts", "uid", "words"),
    [
        ((), IDENTITY.uid, "does not list the artifact results"),
        (("other",), IDENTITY.uid, "does not list the artifact results"),
        (("results",), "another-workflow", "there is no WorkflowTaskResult"),
        (None, IDENTITY.uid, "there is no WorkflowTaskResult"),
    ],
)
def test_where_nodes_are_offloaded_a_report_without_the_upload_is_no_pass(
    world: World, artifacts: tuple[str, ...] | None, uid: str, words: str
) -> None:
    offload(world)
    if artifacts is not None:
        report(world, *artifacts, uid=uid)
    assert world.decide() == ("Error", "ResultsNotStored")
    assert words in world.status()["message"]


def test_where_nodes_are_offloaded_the_report_of_another_attempt_is_no_proof(world: World) -> None:
    """It was ended by a signal, and its evidence is not what was signed off."""
    offload(world)
    report(world, "results")
    world.keys.change(SignOff, node_id=node_id(EVALUATOR, 1))
    assert world.decide() == ("Error", "ResultsNotStored")


def test_where_nodes_are_offloaded_a_sign_off_without_files_needs_no_proof(world: World) -> None:
    offload(world)
    world.keys.change(RunEntry, rules=[])
    world.keys.change(SignOff, rules=[], files={})
    assert world.decide() == ("Passed", "RunSucceeded")


def test_a_role_that_lacks_the_right_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    offload(world)
    get = world.cluster.get

    def refuse(resource: Resource, name: str) -> Any:
        if resource == TASK_RESULTS:
            raise ForbiddenError("cannot get resource workflowtaskresults", 403, "Forbidden")
        return get(resource, name)

    monkeypatch.setattr(world.cluster, "get", refuse)
    assert world.decide() == ("Error", "ResultsNotStored")
    assert "cannot get resource workflowtaskresults; apply access.yaml" in world.status()["message"]
