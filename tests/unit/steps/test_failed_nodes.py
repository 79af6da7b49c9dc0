"""A chain that fails: found by its nodes, at once, and told with the node, the task and the error."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps.chain_world import RPC, VALIDATORS, World

from runner_helpers import IDENTITY, START, read
from validationrun.contract.status import build_status
from validationrun.kube.cluster import SEI_NODES, ClusterError, ForbiddenError, Object, Resource
from validationrun.steps.probes import Unanswered

CAUSE = {"type": "config-apply", "id": "1", "error": "invalid write_mode"}
NOT_IN_HEALTH = [
    {"type": "Paused", "status": "False", "message": "spec.paused is unset or false"},
    {"type": "PlanInProgress", "status": "False", "message": "no plan has run yet"},
    {"type": "RolloutInProgress", "status": "False", "message": "4/4 replicas on spec.image"},
]


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path, monkeypatch)
    made.height = 5
    return made


def fails(world: World, group: str, *ordinals: int, phase: str = "Degraded", **status: Any) -> None:
    """So says the group of these of its nodes."""
    nodes = [{"name": f"{group}-{ordinal}", "phase": "Failed"} for ordinal in ordinals]
    world.cluster.objects[("seinodedeployments", group)]["status"] = {"phase": phase, "nodes": nodes, **status}


def node(world: World, group: str, ordinal: int, cause: dict[str, str] | None = None, **metadata: Any) -> None:
    """A SeiNode that failed."""
    owner = {
        "kind": "SeiNodeDeployment",
        "uid": world.cluster.objects[("seinodedeployments", group)]["metadata"]["uid"],
    }
    plan = {"plan": {"failedTaskDetail": cause}} if cause is not None else {}
    labels = {"sei.io/nodedeployment": group}
    metadata = {"name": f"{group}-{ordinal}", "labels": labels, "ownerReferences": [owner], **metadata}
    world.cluster.put(SEI_NODES, {"metadata": metadata, "status": {"phase": "Failed", **plan}})


def ended_at(world: World) -> float:
    return world.clock.now - START


@pytest.mark.parametrize("phase", ["Degraded", "Initializing", "Failed", "Ready"])
def test_a_failed_validator_ends_the_wait_at_once_whatever_the_phase(world: World, phase: str) -> None:
    world.makes_ready = False

    def fail() -> None:
        fails(world, VALIDATORS, 2, phase=phase)
        node(world, VALIDATORS, 2, CAUSE)

    world.clock.after(5, fail)
    result = world.ensure()
    assert result["reason"] == "ChainFailed"
    assert result["message"] == f"SeiNode {VALIDATORS}-2 failed: config-apply: invalid write_mode"
    assert ended_at(world) < 15


def test_a_failed_full_node_ends_the_wait_at_once(world: World) -> None:
    world.ensure()

    def fail() -> None:
        fails(world, RPC, 1)
        node(world, RPC, 1, CAUSE)

    world.clock.after(10, fail)
    found = world.wait()
    assert found is not None
    assert (found["reason"], found["message"]) == (
        "ChainFailed",
        f"SeiNode {RPC}-1 failed: config-apply: invalid write_mode",
    )
    assert ended_at(world) < 20
    failures = {one["name"]: one["failures"] for one in found["deployments"]}
    told = {"node": f"{RPC}-1", "task": "config-apply", "error": "invalid write_mode"}
    assert failures == {"validators": [], "rpc": [told]}


def test_the_status_of_a_chain_that_never_came_up_names_its_failed_nodes(world: World) -> None:
    world.makes_ready = False

    def fail() -> None:
        fails(world, VALIDATORS, 0)
        node(world, VALIDATORS, 0, CAUSE)

    world.clock.after(5, fail)
    world.ensure()
    chain = build_status(IDENTITY, {}, read(world.cluster), None, None).chain
    assert chain is not None
    assert [(one.name, one.object_name, one.phase, one.image is None) for one in chain.deployments] == [
        ("validators", VALIDATORS, "Degraded", False),
        ("rpc", RPC, None, True),
    ]
    assert [one.task for one in chain.deployments[0].failures] == ["config-apply"]


def test_one_cause_of_many_nodes_is_told_once(world: World) -> None:
    world.ensure()
    fails(world, VALIDATORS, *range(9))
    for ordinal in range(8):
        node(world, VALIDATORS, ordinal, CAUSE)
    found = world.wait()
    assert found is not None
    others = ", ".join(f"{VALIDATORS}-{ordinal}" for ordinal in range(1, 5))
    assert found["message"] == (
        f"SeiNode {VALIDATORS}-0 failed: config-apply: invalid write_mode (and so did {others} and 3 more); "
        f"SeiNode {VALIDATORS}-8 failed: the controller gave no reason"
    )
    assert len(found["deployments"][0]["failures"]) == 8


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ForbiddenError("seinodes.sei.io is forbidden", 403), "its cause cannot be read: seinodes.sei.io is forbidden"),
        (ClusterError("404 page not found", 404), "its cause cannot be read: 404 page not found"),
    ],
)
def test_a_failure_is_told_also_without_the_right_to_read_its_cause(
    world: World, monkeypatch: pytest.MonkeyPatch, error: ClusterError, words: str
) -> None:
    world.ensure()
    listed = world.cluster.list

    def refuse(resource: Resource, *, labels: str = "", fields: str = "") -> list[Object]:
        if resource == SEI_NODES:
            raise error
        return listed(resource, labels=labels, fields=fields)

    monkeypatch.setattr(world.cluster, "list", refuse)
    fails(world, RPC, 0)
    found = world.wait()
    assert found is not None
    assert (found["reason"], found["message"]) == ("ChainFailed", f"SeiNode {RPC}-0 failed: {words}")


def test_a_node_without_a_cause_is_told_with_the_conditions_that_mean_something(world: World) -> None:
    world.ensure()
    conditions = [*NOT_IN_HEALTH, {"type": "NodesReady", "status": "False", "message": "1/2 nodes ready (1 failed)"}]
    fails(world, RPC, 0, conditions=conditions)
    node(world, RPC, 0)
    found = world.wait()
    assert found is not None
    assert found["message"] == (
        f"SeiNode {RPC}-0 failed: the controller gave no reason; NodesReady: 1/2 nodes ready (1 failed)"
    )


def test_a_failed_ceremony_is_told_though_no_node_failed(world: World) -> None:
    world.makes_ready = False
    told = {
        "type": "GenesisCeremonyComplete",
        "status": "False",
        "reason": "CeremonyFailed",
        "message": "the plan failed",
    }
    world.clock.after(5, lambda: fails(world, VALIDATORS, phase="Initializing", conditions=[*NOT_IN_HEALTH, told]))
    result = world.ensure()
    assert (
        result["message"]
        == f"SeiNodeDeployment {VALIDATORS} failed: GenesisCeremonyComplete: CeremonyFailed: the plan failed"
    )
    assert ended_at(world) < 15


def test_the_objects_own_task_is_told_beside_its_nodes(world: World) -> None:
    world.ensure()
    fails(world, RPC, 0, plan={"failedTaskDetail": {"type": "assemble-genesis", "error": "no bucket"}})
    node(world, RPC, 0, CAUSE)
    found = world.wait()
    assert found is not None
    assert found["message"] == (
        f"SeiNode {RPC}-0 failed: config-apply: invalid write_mode; "
        f"SeiNodeDeployment {RPC} failed: assemble-genesis: no bucket"
    )


def test_what_a_controller_says_is_bounded_and_printable(world: World) -> None:
    world.ensure()
    fails(world, RPC, 0, 1, 2, 3)
    for ordinal in range(4):
        node(world, RPC, ordinal, {"type": "t" * 5000, "error": f"{ordinal}\x1b[31m\n" + "€" * 50_000})
    found = world.wait()
    assert found is not None
    assert found["message"].isprintable()
    assert len(found["message"].encode()) <= 2000
    failures = found["deployments"][1]["failures"]
    assert all(one["error"].isprintable() and len(one["error"].encode()) <= 600 for one in failures)
    assert all(len(one["task"].encode()) <= 100 for one in failures)


def test_a_node_of_somebody_else_with_the_same_label_says_nothing(world: World) -> None:
    world.ensure()
    fails(world, RPC, 0)
    node(world, RPC, 0, {"type": "lie", "error": "of another"}, ownerReferences=[{"uid": "other"}])
    found = world.wait()
    assert found is not None
    assert found["message"] == f"SeiNode {RPC}-0 failed: the controller gave no reason"


def test_a_chain_that_is_slow_is_told_by_the_conditions_that_mean_something(world: World) -> None:
    world.makes_ready = False
    conditions = [
        *NOT_IN_HEALTH,
        {"type": "NodesReady", "status": "False", "message": "2/4 nodes ready (2 initializing)"},
    ]
    status = {"phase": "Initializing", "conditions": conditions}
    world.clock.after(5, lambda: world.cluster.objects[("seinodedeployments", VALIDATORS)].update(status=status))
    result = world.ensure()
    words = f"SeiNodeDeployment {VALIDATORS}: phase is Initializing; NodesReady: 2/4 nodes ready (2 initializing)"
    assert (result["reason"], result["message"]) == ("ChainNotReady", f"not within timeouts.chainReady: {words}")


def test_observed_generation_that_is_absent_keeps_no_chain_from_being_ready(world: World) -> None:
    world.makes_ready = False
    status = {"phase": "Ready", "conditions": [{"type": "GenesisCeremonyComplete", "status": "True"}]}
    world.clock.after(5, lambda: world.cluster.objects[("seinodedeployments", VALIDATORS)].update(status=status))
    assert world.ensure()["reason"] is None


def test_a_running_node_whose_seid_crash_loops_never_serves(world: World) -> None:
    """The controller leaves it Running, however often it crashes."""
    world.ensure()
    world.height = Unanswered(f"{RPC}: connection refused")
    world.cluster.objects[("seinodedeployments", RPC)]["status"] = {
        "phase": "Ready",
        "nodes": [{"name": f"{RPC}-0", "phase": "Running"}],
    }
    found = world.wait()
    assert found is not None
    assert found["reason"] == "ChainNotReady"
    assert found["message"].startswith("not serving within timeouts.chainReady: ")


def left_over(world: World, **metadata: Any) -> None:
    """A SeiNode of a chain of the same id, whose own object is gone."""
    labels = {"sei.io/nodedeployment": "mine-validators"}
    world.cluster.put(SEI_NODES, {"metadata": {"name": "mine-validators-0", "labels": labels, **metadata}})


@pytest.mark.parametrize(
    "metadata", [{"ownerReferences": [{"kind": "SeiNodeDeployment", "uid": "gone"}]}, {"deletionTimestamp": "t"}]
)
def test_a_chain_id_is_used_again_only_when_the_nodes_of_before_are_gone(world: World, metadata: Any) -> None:
    left_over(world, **metadata)
    world.clock.after(30, lambda: world.cluster.objects.pop(("seinodes", "mine-validators-0")))
    assert world.ensure(chain_id="mine")["reason"] is None
    assert ended_at(world) >= 30


def test_nodes_of_before_that_never_go_keep_the_chain_from_coming_up(world: World) -> None:
    left_over(world, deletionTimestamp="t")
    result = world.ensure(chain_id="mine")
    assert (result["reason"], result["message"]) == (
        "ChainNotReady",
        "not within timeouts.chainReady: SeiNode mine-validators-0 of an earlier chain is still going away",
    )
    assert world.chain_objects() == []


def test_nodes_of_before_that_were_kept_are_in_use(world: World) -> None:
    left_over(world)
    result = world.ensure(chain_id="mine")
    assert (result["reason"], "SeiNode mine-validators-0" in result["message"]) == ("ChainIdInUse", True)
    assert world.chain_objects() == []
