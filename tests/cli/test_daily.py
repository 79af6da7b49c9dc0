"""`list`, `stop`, `delete`, `rerun`: what they do to a cluster, by a fake API server over HTTP."""

import datetime as dt
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer, serving
from runner_helpers import CONFIG_MAPS, IDENTITY, JOBS, NAMESPACE, START, WORKFLOWS, FakeCluster
from validationrun import record
from validationrun.cli.list_ import short
from validationrun.cluster import CHAIN_OBJECTS, NAMESPACES, WORKFLOW_TEMPLATES
from validationrun.record import Record, format_time

OURS = {"sei.io/managed-by": "validationrun"}


@pytest.fixture
def api(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApiServer]:
    with serving(FakeCluster()) as fake:
        monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(tmp_path / "kubeconfig")))
        yield fake


def workflow(
    api: FakeApiServer, name: str, *, phase: str = "Running", verdict: str = "Awaited", after: float = 0, **more: Any
) -> dict[str, Any]:
    """A run as Argo shows it; `phase` is Argo's own."""
    labels = {**OURS, "validation.sei.io/verdict": verdict, "validation.sei.io/phase": more.pop("ours", "Running")}
    status = {"phase": phase, "startedAt": format_time(START + after)}
    if phase in ("Succeeded", "Failed", "Error"):
        status["finishedAt"] = format_time(START + after + 725)
    return api.cluster.put(
        WORKFLOWS,
        {
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": more.pop("uid", f"uid-of-{name}"),
                "labels": {**labels, **more.pop("labels", {})},
                "annotations": {"validation.sei.io/reason": more.pop("reason", "")},
            },
            "spec": {"workflowTemplateRef": {"name": more.pop("template", "nightly")}, **more.pop("spec", {})},
            "status": {**status, **more.pop("status", {})},
        },
    )


def test_the_list_is_newest_first_and_tells_each_verdict(api: FakeApiServer) -> None:
    workflow(api, "old", phase="Succeeded", verdict="Passed", ours="Succeeded", reason="RunSucceeded")
    workflow(api, "new", after=100)
    workflow(api, "bad", phase="Failed", verdict="Failed", ours="Failed", reason="RuleFailed:height", after=50)
    done = call("list", "-n", NAMESPACE)
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert header.split() == ["RUN", "PHASE", "VERDICT", "AGE", "DURATION", "REASON"]
    assert [row.split()[:3] for row in rows] == [
        ["new", "Running", "Awaited"],
        ["bad", "Failed", "Failed"],
        ["old", "Succeeded", "Passed"],
    ]
    assert rows[1].split()[-2:] == ["12m5s", "RuleFailed:height"]


def test_a_label_that_says_passed_is_not_believed_when_the_workflow_failed(api: FakeApiServer) -> None:
    """For instance after an upload that failed, or on a copy that was terminated: the record says what is true."""
    workflow(api, "terminated", phase="Failed", verdict="Passed", ours="Succeeded", spec={"shutdown": "Terminate"})
    (found,) = json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)
    assert (found["phase"], found["verdict"]) == ("Cancelled", "Error")


def test_a_run_that_finalize_could_not_label_is_told_by_its_record(api: FakeApiServer) -> None:
    workflow(api, IDENTITY.workflow, uid=IDENTITY.uid, phase="Succeeded")
    written = Record.create(api.cluster, IDENTITY, "nightly-0f8fad5b", {"name": "nightly"})  # type: ignore[arg-type]
    result = {"phase": "Succeeded", "verdict": "Passed", "reason": "RunSucceeded"}
    written.write(record.FINALIZE, record.RESULT, result)
    (found,) = json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)
    assert (found["verdict"], found["reason"]) == ("Passed", "RunSucceeded")


def test_without_a_record_a_workflow_that_succeeded_is_no_pass(api: FakeApiServer) -> None:
    workflow(api, "odd", phase="Succeeded")
    (found,) = json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)
    assert found["verdict"] == "Error"


def test_the_list_can_be_filtered(api: FakeApiServer) -> None:
    workflow(api, "bad", phase="Failed", verdict="Failed", ours="Failed")
    workflow(api, "other", template="soak")
    assert [line.split()[0] for line in call("list", "-n", NAMESPACE, "--verdict", "Failed").out.splitlines()] == [
        "RUN",
        "bad",
    ]
    assert [line.split()[0] for line in call("list", "-A", "--name", "soak").out.splitlines()] == [
        "NAMESPACE",
        NAMESPACE,
    ]
    assert call("list", "-n", NAMESPACE, "--name", "none").out == f"no runs in namespace {NAMESPACE} that match\n"


def test_a_namespace_that_is_not_there_is_not_an_empty_one(api: FakeApiServer) -> None:
    done = call("list", "-n", "typo")
    assert (done.code, done.out, "there is no namespace typo" in done.err) == (2, "", True)
    api.cluster.put(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    assert call("list", "-n", NAMESPACE).out == f"no runs in namespace {NAMESPACE}\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (725, "12m5s"), (3 * 3600 + 1200, "3h20m"), (2 * 86400 + 4 * 3600, "2d4h")],
)
def test_spans_have_their_two_largest_units(seconds: int, text: str) -> None:
    assert short(dt.timedelta(seconds=seconds)) == text


def test_stop_asks_argo_to_stop(api: FakeApiServer) -> None:
    workflow(api, "nightly-1")
    done = call("stop", "nightly-1", "-n", NAMESPACE)
    assert (done.code, done.out) == (0, f"stopping nightly-1 in {NAMESPACE}\n")
    assert api.cluster.patches == [("workflows", "nightly-1", {"spec": {"shutdown": "Stop"}})]


def test_there_is_nothing_to_stop_in_a_run_that_ended(api: FakeApiServer) -> None:
    workflow(api, "nightly-1", phase="Failed")
    done = call("stop", "nightly-1", "-n", NAMESPACE)
    assert (done.code, api.cluster.patches) == (2, [])
    assert "has ended already" in done.err


def test_a_stop_does_not_take_a_terminate_back(api: FakeApiServer) -> None:
    workflow(api, "nightly-1", spec={"shutdown": "Terminate"})
    assert (call("stop", "nightly-1", "-n", NAMESPACE).code, api.cluster.patches) == (0, [])


@pytest.mark.parametrize("verb", ["stop", "rerun", "delete"])
def test_somebody_elses_workflow_is_no_run(api: FakeApiServer, verb: str) -> None:
    other = {"metadata": {"name": "etl", "namespace": NAMESPACE}, "spec": {}, "status": {"phase": "Running"}}
    api.cluster.put(WORKFLOWS, other)
    done = call(verb, "etl", "-n", NAMESPACE, *(["--yes"] if verb == "delete" else []))
    assert done.code == 2
    assert "there is no run etl" in done.err
    assert ("workflows", "etl") in api.cluster.objects


def test_delete_shows_what_goes_and_needs_a_yes(api: FakeApiServer) -> None:
    workflow(api, "nightly-1")
    done = call("delete", "nightly-1", "-n", NAMESPACE)
    assert done.code == 2
    assert "workflows.argoproj.io nightly-1" in done.out
    assert "nothing was deleted; --yes deletes without asking" in done.err
    assert ("workflows", "nightly-1") in api.cluster.objects


def test_delete_takes_the_runs_that_are_named_or_none(api: FakeApiServer) -> None:
    workflow(api, "nightly-1")
    workflow(api, "nightly-2")
    assert call("delete", "nightly-1", "gone", "-n", NAMESPACE, "--yes").code == 2
    assert ("workflows", "nightly-1") in api.cluster.objects
    assert call("delete", "nightly-1", "-n", NAMESPACE, "--yes").code == 0
    assert set(api.cluster.objects) == {("workflows", "nightly-2")}


def test_delete_by_chain_id_takes_its_run_and_orphans_and_nothing_else(api: FakeApiServer) -> None:
    chain = {"sei.io/chain-id": "nightly-1f2e"}
    workflow(api, "mine", uid="mine-uid")
    owner = [{"kind": "Workflow", "name": "mine", "uid": "mine-uid"}]
    gone = [{"kind": "Workflow", "name": "mine", "uid": "an-older-uid"}]

    def put(resource: Any, name: str, labels: dict[str, str], owners: list[dict[str, str]]) -> None:
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels, "ownerReferences": owners}
        api.cluster.put(resource, {"metadata": metadata})

    put(CONFIG_MAPS, "record", {**OURS, **chain}, owner)
    put(CHAIN_OBJECTS, "orphan", {**OURS, **chain}, gone)
    put(CHAIN_OBJECTS, "somebody-elses", chain, [])
    put(JOBS, "of-another-chain", {**OURS, "sei.io/chain-id": "other"}, [])
    # A Workflow of somebody else, and a set of something, whose children only look like ours.
    api.cluster.put(WORKFLOWS, {"metadata": {"name": "etl", "namespace": NAMESPACE, "uid": "etl-uid"}, "spec": {}})
    put(CONFIG_MAPS, "of-etl", {**OURS, **chain}, [{"kind": "Workflow", "name": "etl", "uid": "etl-uid"}])
    put(CONFIG_MAPS, "of-a-set", {**OURS, **chain}, [{"kind": "ReplicaSet", "name": "x", "uid": "x-uid"}])
    done = call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes")
    assert done.code == 0
    assert [line.split()[-1] for line in done.out.splitlines() if line.startswith("  ")] == ["mine", "orphan"]
    # The record goes with its Workflow: Kubernetes does that, which this API server only pretends to be.
    assert {name for _, name in api.cluster.objects} == {
        "record",
        "somebody-elses",
        "of-another-chain",
        "etl",
        "of-etl",
        "of-a-set",
    }


def test_delete_wants_names_or_a_chain_and_not_both(api: FakeApiServer) -> None:
    del api
    for arguments in ([], ["a", "--chain-id", "b"]):
        done = call("delete", *arguments, "-n", NAMESPACE)
        assert (done.code, "name the runs to delete, or give --chain-id" in done.err) == (2, True)
    assert "carries chain id unknown" in call("delete", "--chain-id", "unknown", "-n", NAMESPACE).err


def template(api: FakeApiServer, digest: str) -> None:
    metadata = {"name": "nightly", "namespace": NAMESPACE, "annotations": {"validation.sei.io/bundle-hash": digest}}
    api.cluster.put(WORKFLOW_TEMPLATES, {"metadata": metadata, "spec": {}})


@pytest.mark.parametrize("digest", ["a" * 64, "b" * 64])
def test_rerun_starts_a_new_run_of_the_same_template_and_parameters(api: FakeApiServer, digest: str) -> None:
    first = workflow(
        api,
        "nightly-1",
        phase="Failed",
        verdict="Failed",
        spec={"arguments": {"parameters": [{"name": "duration", "value": "5m"}]}},
    )
    first["metadata"]["annotations"]["validation.sei.io/bundle-hash"] = "a" * 64
    template(api, digest)
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert done.code == 0, done.err
    made = api.cluster.objects[("workflows", done.out.strip())]
    assert made["spec"] == {
        "workflowTemplateRef": {"name": "nightly"},
        "arguments": {"parameters": [{"name": "duration", "value": "5m"}]},
    }
    # Nothing else of the first run: no label of a verdict either.
    assert made["metadata"]["labels"] == OURS
    assert made["metadata"]["annotations"] == {"validation.sei.io/bundle-hash": digest}
    assert ("has changed since" in done.err) == (digest != "a" * 64)


def test_rerun_without_its_template_says_what_to_do(api: FakeApiServer) -> None:
    workflow(api, "nightly-1", phase="Failed")
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert (done.code, "WorkflowTemplate nightly is gone; submit the spec again" in done.err) == (2, True)
