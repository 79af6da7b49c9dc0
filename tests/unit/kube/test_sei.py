"""Views of the chain's objects: what the controller says, at the moments at which it says it."""

from typing import Any

import pytest

from validationrun.kube.sei import NodeGroup, SeiNode, TaskFailure

BARE: dict[str, Any] = {"metadata": {"name": "a", "namespace": "n", "uid": "u"}}


def group(generation: int = 1, **status: Any) -> NodeGroup:
    return NodeGroup({"metadata": {**BARE["metadata"], "generation": generation}, "status": status})


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_bare_objects_have_empty_fields() -> None:
    found = NodeGroup(BARE)
    assert (found.phase, found.is_seen, found.has_failed, found.genesis, found.image) == ("", False, False, "", None)
    assert (found.failed_nodes, found.troubles, found.failed_task) == ([], [], None)
    node = SeiNode(BARE)
    assert (node.phase, node.has_failed, node.failed_task, node.image, node.troubles) == ("", False, None, None, [])


def test_the_image_stands_where_the_kind_has_it() -> None:
    assert NodeGroup({**BARE, "spec": {"template": {"spec": {"image": "a"}}}}).image == "a"
    assert NodeGroup({**BARE, "spec": {"image": "b"}}).image == "b"
    assert SeiNode({**BARE, "spec": {"image": "c"}}).image == "c"


@pytest.mark.parametrize(
    ("found", "is_seen"),
    [
        (group(), False),
        (group(conditions=[condition("Paused", "False")]), False),
        (group(phase="Initializing"), True),
        (group(phase="Ready", observedGeneration=1), True),
        (group(2, phase="Ready"), False),
        (group(2, phase="Ready", observedGeneration=1), False),
        (group(2, phase="Ready", observedGeneration=2), True),
    ],
    ids=["new", "no phase", "in its ceremony", "seen", "changed in its ceremony", "changed", "change seen"],
)
def test_a_status_without_observed_generation_speaks_of_the_first_generation_only(
    found: NodeGroup, is_seen: bool
) -> None:
    assert found.is_seen is is_seen


def test_a_failed_node_is_seen_whatever_the_phase_says() -> None:
    nodes = [{"name": "a-0", "phase": "Running"}, {"name": "a-1", "phase": "Failed"}, {"name": "a-2"}]
    for phase in ("Ready", "Degraded", "Initializing"):
        assert group(phase=phase, nodes=nodes).failed_nodes == ["a-1"]


def test_a_failed_ceremony_is_final_whatever_the_phase_says() -> None:
    failed = [condition("GenesisCeremonyComplete", "False", "CeremonyFailed", "the plan failed")]
    assert group(phase="Initializing", conditions=failed).has_failed
    assert group(phase="Failed").has_failed
    assert not group(
        phase="Initializing", conditions=[condition("GenesisCeremonyComplete", "False", "Pending")]
    ).has_failed


def test_only_two_conditions_speak_of_trouble() -> None:
    found = group(
        conditions=[
            condition("Paused", "False", "NotPaused", "spec.paused is unset"),
            condition("PlanInProgress", "False", "NotStarted", "no plan has run yet"),
            condition("RolloutInProgress", "False", "AllUpToDate", "4/4"),
            condition("RouteReady", "False", "NoRoutes", "no route"),
            condition("NodesReady", "False", "NodesFailed", "0/4 nodes ready"),
            condition("GenesisCeremonyComplete", "True", "Complete", "done"),
        ]
    )
    assert (found.troubles, found.genesis) == (["NodesReady: NodesFailed: 0/4 nodes ready"], "True")


def test_a_ceremony_that_failed_is_told_before_the_nodes_that_wait_for_it_also_without_a_message() -> None:
    conditions = [
        condition("NodesReady", "False", "NodesInitializing", "0/1 nodes ready"),
        condition("GenesisCeremonyComplete", "False", "CeremonyFailed"),
    ]
    assert group(conditions=conditions).troubles == [
        "GenesisCeremonyComplete: CeremonyFailed",
        "NodesReady: NodesInitializing: 0/1 nodes ready",
    ]


def test_the_failed_task_is_the_plans() -> None:
    detail = {"type": "config-apply", "id": "x", "error": "invalid write_mode", "retryCount": 3}
    node = SeiNode({**BARE, "status": {"phase": "Failed", "plan": {"failedTaskDetail": detail}}})
    assert (node.has_failed, node.failed_task) == (True, TaskFailure("config-apply", "invalid write_mode"))
