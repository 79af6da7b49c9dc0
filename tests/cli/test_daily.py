"""`list`, `stop`, `delete`, `rerun`: what they do to a cluster, by a fake API server over HTTP."""

import io
import json
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from cli_helpers import call
from fake_api_server import FakeApiServer
from record_kit import verdict_status
from runner_helpers import CONFIG_MAPS, IDENTITY, JOBS, NAMESPACE, WORKFLOWS, begin
from runs_kit import OURS, RUN, gitops, under_load, workflow
from validationrun.cli import delete
from validationrun.kube.cluster import SEI_NODE_DEPLOYMENTS


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
    begin(api.cluster, RUN, verdict_status("Succeeded", "RunSucceeded", "all held"))
    (found,) = json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)
    assert (found["verdict"], found["reason"]) == ("Passed", "RunSucceeded")


def test_a_record_that_cannot_be_read_is_an_error_of_its_run_alone(api: FakeApiServer) -> None:
    """As after a release that wrote it in another way; a status of that run says so too."""
    workflow(api, IDENTITY.workflow, uid=IDENTITY.uid, phase="Succeeded")
    workflow(api, "good", phase="Succeeded", verdict="Passed", ours="Succeeded", reason="RunSucceeded")
    name = begin(api.cluster, RUN).identity.record_name
    api.cluster.objects[("configmaps", name)]["data"]["result"] = '{"verdict": "Passed"}'
    found = {one["name"]: one for one in json.loads(call("list", "-n", NAMESPACE, "-o", "json").out)}
    assert {key: one["verdict"] for key, one in found.items()} == {IDENTITY.workflow: "Error", "good": "Passed"}
    assert f"ConfigMap {name}: key result cannot be read: Status: " in found[IDENTITY.workflow]["message"]
    shown = call("wait", IDENTITY.workflow, "-n", NAMESPACE)
    assert (shown.code, shown.out) == (2, "")
    assert "key result cannot be read" in shown.err


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
    assert call("list", "-n", NAMESPACE).out == f"no runs in namespace {NAMESPACE}\n"


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
    assert {name for plural, name in api.cluster.objects if plural == "workflows"} == {"nightly-2"}


def test_delete_by_chain_id_takes_its_run_and_orphans_and_nothing_else(api: FakeApiServer) -> None:
    chain = {"sei.io/chain-id": "nightly-1f2e"}
    workflow(api, "mine", uid="mine-uid")
    owner = [{"kind": "Workflow", "name": "mine", "uid": "mine-uid"}]
    gone = [{"kind": "Workflow", "name": "mine", "uid": "an-older-uid"}]

    def put(resource: Any, name: str, labels: dict[str, str], owners: list[dict[str, str]]) -> None:
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels, "ownerReferences": owners}
        api.cluster.put(resource, {"metadata": metadata})

    put(CONFIG_MAPS, "record", {**OURS, **chain, "sei.io/run-id": "mine"}, owner)
    put(SEI_NODE_DEPLOYMENTS, "orphan", {**OURS, **chain}, gone)
    put(SEI_NODE_DEPLOYMENTS, "somebody-elses", chain, [])
    put(JOBS, "of-another-chain", {**OURS, "sei.io/chain-id": "other"}, [])
    # A Workflow of somebody else, and a set of something, whose children only look like ours.
    api.cluster.put(WORKFLOWS, {"metadata": {"name": "etl", "namespace": NAMESPACE, "uid": "etl-uid"}, "spec": {}})
    put(CONFIG_MAPS, "of-etl", {**OURS, **chain}, [{"kind": "Workflow", "name": "etl", "uid": "etl-uid"}])
    put(CONFIG_MAPS, "of-a-set", {**OURS, **chain}, [{"kind": "ReplicaSet", "name": "x", "uid": "x-uid"}])
    done = call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes")
    assert done.code == 0
    assert [line.strip() for line in done.out.splitlines() if line.startswith("  ")] == [
        "workflows.argoproj.io mine (Running)",
        "configmaps record",
        "seinodedeployments.sei.io orphan",
    ]
    # The record goes with its Workflow: Kubernetes does that, which this API server only pretends to be.
    assert {name for _, name in api.cluster.objects} - {NAMESPACE} == {
        "record",
        "somebody-elses",
        "of-another-chain",
        "etl",
        "of-etl",
        "of-a-set",
    }


def test_what_a_delete_may_not_take_is_named_and_the_rest_goes(api: FakeApiServer) -> None:
    chain = {**OURS, "sei.io/chain-id": "nightly-1f2e"}
    for resource, name in ((SEI_NODE_DEPLOYMENTS, "orphan"), (JOBS, "load")):
        api.cluster.put(resource, {"metadata": {"name": name, "namespace": NAMESPACE, "labels": chain}})
    api.denied = {("delete", SEI_NODE_DEPLOYMENTS.plural)}
    done = call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (2, "deleted: load")
    assert "jane may not delete seinodedeployments.sei.io" in done.err
    assert done.err.splitlines()[-1] == "still there: seinodedeployments.sei.io orphan"


def test_delete_wants_names_or_a_chain_and_not_both(api: FakeApiServer) -> None:
    del api
    for arguments, message in (
        ([], "name the runs to delete, or give --chain-id"),
        (["a", "--chain-id", "b"], "RUN and --chain-id exclude each other"),
    ):
        done = call("delete", *arguments, "-n", NAMESPACE)
        assert (done.code, message in done.err) == (2, True)
    assert "carries chain id unknown" in call("delete", "--chain-id", "unknown", "-n", NAMESPACE).err


def test_delete_takes_no_run_on_a_chain_that_others_may_share(api: FakeApiServer) -> None:
    """With `endpoints` the chain id is the chain's, not the run's: such a run is deleted by its name."""
    workflow(api, IDENTITY.workflow, uid=IDENTITY.uid)
    begin(api.cluster, replace(RUN, name="shadow", chain_id="pacific-1", bring_up=False))
    done = call("delete", "--chain-id", "pacific-1", "-n", NAMESPACE, "--yes")
    assert (done.code, done.out) == (2, "")
    assert f"delete by name what shall go: {IDENTITY.workflow}" in done.err
    assert ("workflows", IDENTITY.workflow) in api.cluster.objects
    assert call("delete", IDENTITY.workflow, "-n", NAMESPACE, "--yes").code == 0
    assert ("workflows", IDENTITY.workflow) not in api.cluster.objects


@pytest.mark.parametrize("chain_id", ["", "a,b", "a in (b)", "../x"])
def test_a_chain_id_cannot_widen_the_selector(api: FakeApiServer, chain_id: str) -> None:
    """A run whose parameters were refused has an empty chain id: no id must select it."""
    workflow(api, "nightly-1", labels={"sei.io/chain-id": ""})
    done = call("delete", "--chain-id", chain_id, "-n", NAMESPACE, "--yes")
    assert (done.code, "--chain-id must be" in done.err) == (2, True)
    assert ("workflows", "nightly-1") in api.cluster.objects


def test_delete_names_what_a_run_takes_along(api: FakeApiServer) -> None:
    under_load(api)
    done = call("delete", IDENTITY.workflow, "-n", NAMESPACE)
    assert f"  workflows.argoproj.io {IDENTITY.workflow} (Running)\n    configmaps {IDENTITY.record_name}\n" in done.out


def test_delete_needs_no_right_to_see_what_a_run_takes_along(api: FakeApiServer) -> None:
    under_load(api)
    api.denied = {("list", "seinodedeployments"), ("list", "jobs"), ("list", "configmaps")}
    assert call("delete", IDENTITY.workflow, "-n", NAMESPACE, "--yes").code == 0


def test_delete_by_chain_works_where_no_chain_can_be(api: FakeApiServer) -> None:
    """A cluster that has only runs on existing chains need not have the chain's resource definition."""
    del api.groups["sei.io"]
    workflow(api, "mine", labels={"sei.io/chain-id": "nightly-1f2e"})
    assert call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes").code == 0
    assert ("workflows", "mine") not in api.cluster.objects


def first_run(api: FakeApiServer, digest: str | None, value: str = "5m") -> dict[str, Any]:
    first = workflow(
        api,
        "nightly-1",
        phase="Failed",
        verdict="Failed",
        spec={"arguments": {"parameters": [{"name": "duration", "value": value}]}},
    )
    if digest is not None:
        first["metadata"]["annotations"]["validation.sei.io/bundle-hash"] = digest
    return first


@pytest.mark.parametrize("is_changed", [False, True])
def test_rerun_starts_a_new_run_of_the_same_template_and_parameters(api: FakeApiServer, is_changed: bool) -> None:
    digest = gitops(api)
    first_run(api, "a" * 64 if is_changed else digest)
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert done.code == 0, done.err
    made = api.cluster.objects[("workflows", done.out.strip())]
    assert made["spec"] == {
        "workflowTemplateRef": {"name": "nightly"},
        "arguments": {"parameters": [{"name": "duration", "value": "5m"}]},
    }
    # Nothing else of the first run: no label of a verdict either.
    assert made["metadata"]["labels"] == {**OURS, "validation.sei.io/overridden": "true"}
    annotations = made["metadata"]["annotations"]
    assert annotations.pop("validation.sei.io/overridden")
    assert annotations.pop("validation.sei.io/submission")
    assert annotations == {"validation.sei.io/bundle-hash": digest}
    assert ("has changed since nightly-1 (bundle aaaaaaaa, now " in done.err) == is_changed


def test_rerun_compares_with_the_record_where_nobody_annotated_the_workflow(api: FakeApiServer) -> None:
    """For instance a run of a CronWorkflow."""
    gitops(api)
    under_load(api, phase="Failed")
    done = call("rerun", IDENTITY.workflow, "-n", NAMESPACE)
    assert (done.code, "has changed since" in done.err) == (0, True)


def test_rerun_of_a_parameter_that_no_longer_fits(api: FakeApiServer) -> None:
    first_run(api, gitops(api), value="9h")
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert done.code == 2
    assert (
        "WorkflowTemplate nightly no longer takes the parameters of nightly-1: duration must be a duration of at least 1s and at most"
        in done.err
    )
    assert [name for plural, name in api.cluster.objects if plural == "workflows"] == ["nightly-1"]


def test_rerun_without_its_template_says_so(api: FakeApiServer) -> None:
    workflow(api, "nightly-1", phase="Failed")
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert (done.code, f"there is no WorkflowTemplate nightly in namespace {NAMESPACE}" in done.err) == (2, True)


def test_rerun_without_its_bundle_starts_nothing(api: FakeApiServer) -> None:
    digest = gitops(api)
    first_run(api, digest)
    del api.cluster.objects[("configmaps", f"nightly-bundle-{digest[:8]}")]
    done = call("rerun", "nightly-1", "-n", NAMESPACE)
    assert (done.code, f"needs ConfigMap nightly-bundle-{digest[:8]}" in done.err) == (2, True)
    assert [name for plural, name in api.cluster.objects if plural == "workflows"] == ["nightly-1"]


def test_a_stop_that_waits_for_a_lock_says_how_to_end_the_run(api: FakeApiServer) -> None:
    """Argo looks at a stop only once the Workflow has its lock."""
    workflow(api, "nightly-1", phase="Pending", status={"synchronization": {"mutex": {"waiting": [{"holder": "x"}]}}})
    done = call("stop", "nightly-1", "-n", NAMESPACE)
    assert (done.code, f"`validationrun delete nightly-1 -n {NAMESPACE}` ends it now" in done.err) == (0, True)


def test_the_wide_list_tells_spec_chain_and_message(api: FakeApiServer) -> None:
    """The message in finalize's words: what Argo puts before them, and what stands in other columns, is left out."""
    workflow(
        api,
        "bad",
        phase="Failed",
        verdict="Failed",
        ours="Failed",
        labels={"sei.io/chain-id": "nightly-1f2e"},
        reason="RuleFailed:height",
        status={"message": "main: Error (exit code 1): Failed: RuleFailed:height: 0, not > 0\nthe chain is gone"},
    )
    header, row = call("list", "-n", NAMESPACE, "-o", "wide").out.splitlines()
    assert header.split()[-3:] == ["SPEC", "CHAIN", "MESSAGE"]
    assert row.endswith("nightly  nightly-1f2e  0, not > 0")


def test_the_list_as_yaml_is_the_list_as_json(api: FakeApiServer) -> None:
    workflow(api, "bad", phase="Failed", verdict="Failed", ours="Failed", reason="RuleFailed:height")
    shown = [call("list", "-n", NAMESPACE, "-o", form).out for form in ("yaml", "json")]
    assert yaml.safe_load(shown[0]) == json.loads(shown[1])
    assert json.loads(shown[1])[0]["reason"] == "RuleFailed:height"


def test_an_end_of_input_is_no_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", ended)
    assert delete._confirmed() is False
