"""Views of objects: every field may be absent, and what is written back has lost none."""

from typing import Any

import pytest

from validationrun.kube.objects import (
    ContainerStatus,
    Event,
    KubeObject,
    Node,
    Owner,
    Pod,
    Workflow,
    WorkflowTemplate,
)

BARE: dict[str, Any] = {"metadata": {"name": "a", "namespace": "n", "uid": "u"}}


def test_a_bare_object_has_empty_fields() -> None:
    found = KubeObject(BARE)
    assert (found.name, found.namespace, found.uid, found.created) == ("a", "n", "u", "")
    assert (found.labels, found.annotations, found.owners, found.spec, found.status) == ({}, {}, [], {}, {})
    workflow = Workflow(BARE)
    assert (workflow.template, workflow.phase, workflow.message) == ("", "", "")
    assert (workflow.started, workflow.finished, workflow.waits_for_lock) == (None, None, False)
    assert (workflow.parameters, workflow.nodes, workflow.stored_templates) == ({}, [], [])
    assert (Pod(BARE).arguments("main"), Pod(BARE).number("index")) == ([], -1)
    template = WorkflowTemplate(BARE)
    assert (template.parameters, template.mounted_config_maps("v")) == ((), [])
    assert found.object is BARE


def test_an_owner_counts_by_its_uid_and_never_by_its_name() -> None:
    reference = {"kind": "Workflow", "name": "run", "uid": "1"}
    found = KubeObject({"metadata": {**BARE["metadata"], "ownerReferences": [reference]}})
    assert found.owners == [Owner("Workflow", "run", "1")]
    assert (found.is_owned_by("1"), found.is_owned_by("run"), found.is_owned_by("2")) == (True, False, False)


def test_a_workflow_shows_what_argo_says_of_it() -> None:
    node = {
        "templateName": "load-job",
        "type": "Pod",
        "phase": "Failed",
        "startedAt": "2026-11-28T00:00:00Z",
        "outputs": {"parameters": [{"name": "message", "value": "exit 1"}, {"name": "empty"}]},
    }
    workflow = Workflow(
        {
            **BARE,
            "spec": {
                "workflowTemplateRef": {"name": "nightly"},
                "arguments": {"parameters": [{"name": "duration", "value": "5m"}, {"name": "chain-id"}]},
            },
            "status": {
                "phase": "Running",
                "nodes": {"x": node},
                "storedWorkflowTemplateSpec": {"templates": [{"name": "load-job"}]},
                "synchronization": {"mutex": {"waiting": [{"mutex": "m"}]}},
            },
        }
    )
    assert (workflow.template, workflow.phase, workflow.waits_for_lock) == ("nightly", "Running", True)
    # A parameter without a value is the template's own.
    assert workflow.parameters == {"duration": "5m"}
    assert workflow.stored_templates == ["load-job"]
    times = "2026-11-28T00:00:00Z", None
    assert workflow.nodes == [Node("load-job", "Pod", "Failed", "", *times, {"message": "exit 1", "empty": ""})]


@pytest.mark.parametrize("written", ["", "yesterday", "2026-11-28T00:00:00", 5, {}, None])
def test_what_is_no_time_in_a_status_is_none(written: Any) -> None:
    times = {"startedAt": written, "finishedAt": written}
    workflow = Workflow({**BARE, "status": {**times, "nodes": {"a": {"type": "Pod", **times}}}})
    (node,) = workflow.nodes
    assert (workflow.started, workflow.finished, node.started, node.finished) == (None, None, None, None)


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("", -1), ("-2", -1), ("x", -1)])
def test_a_number_in_an_annotation_is_a_number(text: str, number: int) -> None:
    assert Pod({"metadata": {**BARE["metadata"], "annotations": {"index": text}}}).number("index") == number


def test_arguments_are_those_of_the_named_container() -> None:
    pod = Pod({**BARE, "spec": {"containers": [{"name": "wait"}, {"name": "main", "args": ["load-job", "--x"]}]}})
    assert (list(pod.arguments("main")), list(pod.arguments("wait"))) == (["load-job", "--x"], [])


def test_a_container_has_one_state() -> None:
    ended = {"exitCode": 1, "reason": "Error", "startedAt": "a", "finishedAt": "b"}
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    main = {"name": "main", "state": {"terminated": ended}, "restartCount": 2, "lastState": last}
    statuses = [main, {"name": "wait", "lastState": {}}]
    pod = Pod({**BARE, "status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": statuses}})
    assert (pod.phase, pod.reason, pod.message, pod.node, pod.init_containers) == ("Failed", "Evicted", None, None, [])
    assert pod.containers == [
        ContainerStatus("main", "terminated", "Error", None, 1, "a", "b", 2, "", 137, "OOMKilled"),
        ContainerStatus("wait", "unknown", None, None, None, None, None, 0),
    ]


def test_an_event_has_a_time_whoever_wrote_it() -> None:
    """Newer clients write `eventTime`, older ones `lastTimestamp`."""
    events = Event.all(
        [
            {"lastTimestamp": "3", "eventTime": "2", "type": "Warning", "reason": "Failed", "message": "m", "count": 4},
            {"lastTimestamp": None, "eventTime": "2", "metadata": {"creationTimestamp": "1"}},
            {"metadata": {"creationTimestamp": "1"}},
            {},
        ]
    )
    assert [event.at for event in events] == ["3", "2", "1", ""]
    assert events[0] == Event("3", "Warning", "Failed", "m", 4)
    assert events[3] == Event("", "", "", "", 1)
