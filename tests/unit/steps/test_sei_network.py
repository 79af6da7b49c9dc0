"""A chain of a SeiNetwork and SeiNodes: what is created, when it serves, and how it fails."""

import copy
import itertools
import pathlib
from typing import Any

import pytest
from tests.unit.steps.chain_world import RPC, VALIDATORS, World

from emit_helpers import full_run
from runner_helpers import IDENTITY, START, read
from validationrun.contract.chain_entries import PreflightEntry
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import SEI_NETWORKS, SEI_NODES

NODES = [f"{RPC}-0", f"{RPC}-1"]
CAUSE = {"plan": {"failedTaskDetail": {"type": "config-apply", "error": "invalid write_mode"}}}


def spec() -> dict[str, Any]:
    run = copy.deepcopy(full_run())
    chain = run["spec"]["chain"]
    chain["api"] = "SeiNetwork"
    for deployment in chain["deployments"]:
        for field in ("updateStrategy", "networking", "monitoring"):
            deployment["spec"].pop(field, None)
        if deployment["role"] == "fullNode":
            deployment["spec"]["replicas"] = 2
    return run


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path, monkeypatch, spec())
    heights = itertools.count(5)
    made.height = lambda: next(heights)
    return made


def status(world: World, name: str, **status: Any) -> None:
    """So says the controller of a full node."""
    world.cluster.objects[("seinodes", name)]["status"] = status


def test_the_network_first_then_each_full_node(world: World) -> None:
    assert world.ensure()["reason"] is None
    assert world.chain_objects() == [f"seinetworks/{VALIDATORS}", *(f"seinodes/{name}" for name in NODES)]
    for name in NODES:
        made = world.cluster.objects[("seinodes", name)]
        assert made["metadata"]["name"] == name
        assert made["metadata"]["ownerReferences"] == [IDENTITY.owner()]
        assert made["spec"]["chainId"] == "base-0f8fad5b"
    assert world.asked == [f"http://{VALIDATORS}-0-0.{VALIDATORS}-0.eng-ada.svc:26657"]
    assert read(world.cluster).need(RunEntry).chain_api == "SeiNetwork"


def test_no_full_node_before_the_ceremony_is_complete(world: World) -> None:
    world.makes_ready = False
    told = {"phase": "Ready", "conditions": [{"type": "GenesisCeremonyComplete", "status": "False"}]}
    world.clock.after(5, lambda: world.cluster.objects[("seinetworks", VALIDATORS)].update(status=told))
    result = world.ensure()
    assert (result["reason"], "GenesisCeremonyComplete is False" in result["message"]) == ("ChainNotReady", True)
    assert world.chain_objects() == [f"seinetworks/{VALIDATORS}"]


def test_its_own_objects_are_adopted_after_a_crash(world: World) -> None:
    for resource, name in ((SEI_NETWORKS, VALIDATORS), (SEI_NODES, NODES[0])):
        world.cluster.put(resource, {"metadata": {"name": name, "ownerReferences": [IDENTITY.owner()]}})
    assert world.ensure()["reason"] is None
    assert world.chain_objects() == [f"seinodes/{NODES[1]}"]


def test_a_full_node_that_another_run_has_is_in_use(world: World) -> None:
    world.cluster.put(SEI_NODES, {"metadata": {"name": NODES[1], "ownerReferences": [{"uid": "other"}]}})
    result = world.ensure()
    assert (result["reason"], f"SeiNode {NODES[1]} belongs to another run" in result["message"]) == (
        "ChainIdInUse",
        True,
    )


def test_a_full_node_of_an_earlier_run_that_is_going_is_waited_for(world: World) -> None:
    """Background deletion: the chain id is used again before the nodes are gone."""
    name = "mine-rpc-1"
    metadata = {"name": name, "deletionTimestamp": "t", "ownerReferences": [{"uid": "other"}]}
    world.cluster.put(SEI_NODES, {"metadata": metadata})
    before: list[list[str]] = []
    world.clock.after(29, lambda: before.append(world.chain_objects()))
    world.clock.after(30, lambda: world.cluster.objects.pop(("seinodes", name)))
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - START >= 30
    assert before == [[]]


def test_a_full_node_of_an_earlier_run_that_never_goes_is_told(world: World) -> None:
    metadata = {"name": NODES[1], "deletionTimestamp": "t", "ownerReferences": [{"uid": "other"}]}
    world.cluster.put(SEI_NODES, {"metadata": metadata})
    result = world.ensure()
    assert (result["reason"], f"SeiNode {NODES[1]} of an earlier chain is still going away" in result["message"]) == (
        "ChainNotReady",
        True,
    )


def test_validators_that_an_earlier_network_left_to_nobody_are_in_use(world: World) -> None:
    """Its `deletionPolicy` was Retain, the default of a SeiNetwork."""
    labels = {"sei.io/nodedeployment": "mine-validators", "sei.io/seinetwork": "mine-validators"}
    world.cluster.put(SEI_NODES, {"metadata": {"name": "mine-validators-0", "labels": labels}})
    result = world.ensure(chain_id="mine")
    assert (result["reason"], "SeiNode mine-validators-0" in result["message"]) == ("ChainIdInUse", True)
    assert world.chain_objects() == []


def test_an_image_parameter_reaches_network_and_nodes(world: World) -> None:
    assert (
        world.ensure(image_rpc="registry.example.com/seid:v2", image_validators="registry.example.com/seid:v3")[
            "reason"
        ]
        is None
    )
    assert world.cluster.objects[("seinetworks", VALIDATORS)]["spec"]["image"] == "registry.example.com/seid:v3"
    assert [world.cluster.objects[("seinodes", name)]["spec"]["image"] for name in NODES] == [
        "registry.example.com/seid:v2"
    ] * 2


def test_serving_needs_every_full_node_running(world: World) -> None:
    world.ensure()
    status(world, NODES[1], phase="Initializing")
    world.clock.after(30, lambda: status(world, NODES[1], phase="Running"))
    began = world.clock.now
    found = world.wait()
    assert found is not None
    assert found["reason"] is None
    assert world.clock.now - began >= 29 - (began - START)
    assert [(one["objectName"], one["phase"], bool(one["image"])) for one in found["deployments"]] == [
        (VALIDATORS, "Ready", True),
        (RPC, "Running", True),
    ]


def test_a_full_node_that_never_runs_is_told(world: World) -> None:
    world.ensure()
    status(world, NODES[1], phase="Initializing")
    found = world.wait()
    assert found is not None
    assert (found["reason"], found["message"]) == (
        "ChainNotReady",
        f"not serving within timeouts.chainReady: SeiNode {NODES[1]}: phase is Initializing",
    )
    assert found["deployments"][1]["phase"] == "Initializing"


def test_a_failed_full_node_ends_the_wait_at_once_with_its_cause(world: World) -> None:
    world.ensure()
    world.height = 5
    world.clock.after(10, lambda: status(world, NODES[1], phase="Failed", **CAUSE))
    found = world.wait()
    assert found is not None
    assert (found["reason"], found["message"]) == (
        "ChainFailed",
        f"SeiNode {NODES[1]} failed: config-apply: invalid write_mode",
    )
    assert world.clock.now - START < 20
    assert found["deployments"][1]["failures"] == [
        {"node": NODES[1], "task": "config-apply", "error": "invalid write_mode"}
    ]


def test_a_failed_validator_of_a_network_is_told_with_its_cause(world: World) -> None:
    world.makes_ready = False

    def fail() -> None:
        network = world.cluster.objects[("seinetworks", VALIDATORS)]
        nodes = [{"name": f"{VALIDATORS}-3", "phase": "Failed"}]
        network["status"] = {"phase": "Initializing", "nodes": nodes}
        labels = {"sei.io/nodedeployment": VALIDATORS, "sei.io/seinetwork": VALIDATORS}
        owners = [{"kind": "SeiNetwork", "uid": network["metadata"]["uid"]}]
        metadata = {"name": f"{VALIDATORS}-3", "labels": labels, "ownerReferences": owners}
        world.cluster.put(SEI_NODES, {"metadata": metadata, "status": {"phase": "Failed", **CAUSE}})

    world.clock.after(5, fail)
    result = world.ensure()
    assert result["message"] == f"SeiNode {VALIDATORS}-3 failed: config-apply: invalid write_mode"
    assert world.clock.now - START < 15


def test_a_full_node_that_is_deleted_ends_the_wait(world: World) -> None:
    world.ensure()
    world.height = 5
    world.clock.after(10, lambda: world.cluster.objects.pop(("seinodes", NODES[0])))
    found = world.wait()
    assert found is not None
    assert (found["reason"], found["message"]) == ("ChainFailed", f"SeiNode {NODES[0]} was deleted")


def test_a_cluster_of_the_other_api_is_told(world: World) -> None:
    world.cluster.unserved = {"seinetworks"}
    assert world.ensure()["reason"] == "PreflightFailed"
    (found,) = read(world.cluster).need(PreflightEntry).findings
    served = "seinodedeployments.sei.io, seinodes.sei.io"
    words = f"needs seinetworks.sei.io, and the cluster serves {served}; compile with chain.api: SeiNodeDeployment"
    assert (found.reason, found.message) == ("ChainApiMissing", f"chain.api: SeiNetwork {words}")
