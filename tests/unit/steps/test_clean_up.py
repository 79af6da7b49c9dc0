"""What goes of a chain, what is waited for, and what is told of the rest."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps.finalize_world import CHAIN_ID, World, deployment

from runner_helpers import START, FakeCluster
from validationrun.base.times import format_time
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    SEI_NETWORKS,
    SEI_NODE_DEPLOYMENTS,
    SEI_NODES,
    ClusterError,
    ForbiddenError,
    Object,
    Resource,
)

GROUP = f"{CHAIN_ID}-rpc"


class Tenant(FakeCluster):
    """Serves only some kinds, and lets some be listed by nobody; knows how each object was deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: set[Resource] = set()
        self.forbidden: set[Resource] = set()
        self.in_foreground: dict[str, bool] = {}

    def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> "list[Object]":
        if resource in self.forbidden:
            raise ForbiddenError(f"cannot list {resource.full_name}", 403, "Forbidden")
        if resource in self.missing:
            raise ClusterError("404 page not found", 404)
        return super().list(resource, labels=labels, fields=fields)

    def delete(self, resource: Resource, name: str, *, uid: str | None = None, foreground: bool = False) -> bool:
        self.in_foreground[name] = foreground
        return super().delete(resource, name, uid=uid)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    made = World(tmp_path)
    cluster = Tenant()
    cluster.objects, made.cluster = made.cluster.objects, cluster
    made.replaced(cluster=cluster)
    return made


def tenant(world: World) -> Tenant:
    assert isinstance(world.cluster, Tenant)
    return world.cluster


def node(world: World, name: str = f"{GROUP}-0", group: str = GROUP, **metadata: Any) -> None:
    """A SeiNode that its object made."""
    owners = [{"kind": "SeiNodeDeployment", "name": group, "uid": "group-uid"}]
    labels = {"sei.io/nodedeployment": group}
    body = {"metadata": {"name": name, "labels": labels, "ownerReferences": owners, **metadata}}
    world.cluster.put(SEI_NODES, body)


def told(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    world.finalize()
    return capsys.readouterr().err


def test_a_chain_goes_together_with_all_that_it_made(world: World) -> None:
    """In the background its nodes, their pods and their volumes would live on."""
    world.chain()
    world.finalize()
    assert tenant(world).in_foreground == {GROUP: True}


def test_nodes_that_go_after_their_object_are_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody deleted the object in the background."""
    world.chain()
    node(world)
    world.clock.after(60, lambda: world.cluster.objects.pop(("seinodes", f"{GROUP}-0")))
    assert "left behind" not in told(world, capsys)
    assert 60 <= world.clock.now - START < 70


def test_nodes_that_stay_are_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.chain()
    node(world, deletionTimestamp=format_time(START), finalizers=["sei.io/seinode-finalizer"])
    began = world.clock.now
    assert told(world, capsys).splitlines()[-1] == (
        f"left behind: SeiNode {GROUP}-0 (deleted since {format_time(START)}, held by sei.io/seinode-finalizer)"
    )
    assert 300 <= world.clock.now - began < 310


def test_nodes_that_were_meant_to_stay_are_not_waited_for(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.chain()
    node(world, ownerReferences=[])
    assert "left behind" not in told(world, capsys)
    assert world.clock.now - START < 60


def test_nodes_of_a_chain_that_has_the_id_too_are_not_waited_for(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """This run never came up, because its chain id was in use."""
    world.chain(owner={"uid": "other"})
    node(world)
    assert "left behind" not in told(world, capsys)
    assert world.clock.now - START < 60


@pytest.mark.parametrize("record_is_there", [True, False])
def test_without_the_right_to_nodes_the_chain_goes_all_the_same(
    world: World, capsys: pytest.CaptureFixture[str], record_is_there: bool
) -> None:
    if not record_is_there:
        world.keys.drop(RunEntry)
    world.chain()
    tenant(world).forbidden = {SEI_NODES}
    words = told(world, capsys)
    assert not world.has_chain
    assert "clean-up failed" not in words


@pytest.mark.parametrize("hidden", ["missing", "forbidden"])
def test_without_a_record_a_kind_of_the_other_api_is_no_error(
    world: World, capsys: pytest.CaptureFixture[str], hidden: str
) -> None:
    world.keys.drop(RunEntry)
    world.chain()
    setattr(tenant(world), hidden, {SEI_NETWORKS})
    words = told(world, capsys)
    assert not world.has_chain
    assert "clean-up failed" not in words


def test_a_kind_that_the_cluster_does_not_serve_leaves_nothing(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant(world).missing = {SEI_NODE_DEPLOYMENTS, SEI_NODES}
    assert "clean-up failed" not in told(world, capsys)


def test_a_chain_that_may_not_be_listed_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    tenant(world).forbidden = {SEI_NODE_DEPLOYMENTS}
    assert "clean-up failed: cannot list seinodedeployments.sei.io" in told(world, capsys)


@pytest.mark.parametrize("record_is_there", [True, False])
def test_a_chain_of_seinetwork_goes_with_its_full_nodes(
    world: World, capsys: pytest.CaptureFixture[str], record_is_there: bool
) -> None:
    world.keys.change(RunEntry, chain_api="SeiNetwork")
    if not record_is_there:
        world.keys.drop(RunEntry)
    tenant(world).missing = {SEI_NODE_DEPLOYMENTS}
    for resource, name in ((SEI_NETWORKS, "val"), (SEI_NODES, "rpc-0"), (SEI_NODES, "rpc-1")):
        body = deployment()
        body["metadata"]["name"] = f"{CHAIN_ID}-{name}"
        world.cluster.put(resource, body)
    node(world, f"{CHAIN_ID}-val-0", f"{CHAIN_ID}-val")
    world.clock.after(60, lambda: world.cluster.objects.pop(("seinodes", f"{CHAIN_ID}-val-0")))
    assert "left behind" not in told(world, capsys)
    assert set(tenant(world).in_foreground) == {f"{CHAIN_ID}-{name}" for name in ("val", "rpc-0", "rpc-1")}
    assert world.clock.now - START >= 60


def test_a_node_of_somebody_else_stays(world: World) -> None:
    world.keys.change(RunEntry, chain_api="SeiNetwork")
    world.cluster.put(SEI_NODES, deployment(owner={"uid": "other"}))
    world.finalize()
    assert ("seinodes", GROUP) in world.cluster.objects


def test_the_diagnostics_begin_with_the_nodes_that_failed(world: World) -> None:
    world.fails()
    body = deployment()
    body["status"]["nodes"] = [{"name": f"{GROUP}-0", "phase": "Failed"}]
    group = world.cluster.put(SEI_NODE_DEPLOYMENTS, body)
    cause = {"type": "config-apply", "error": "invalid \x1b write_mode"}
    node(world, ownerReferences=[{"uid": group["metadata"]["uid"]}])
    status = {"phase": "Failed", "plan": {"failedTaskDetail": cause}}
    world.cluster.objects[("seinodes", f"{GROUP}-0")]["status"] = status
    world.says(f"{GROUP}-0", "SeiNode is in Failed state", reason="NodeFailed")
    world.clock.after(60, lambda: world.cluster.objects.pop(("seinodes", f"{GROUP}-0")))
    world.decide()
    assert world.saved()["pods"][0] == {
        "seiNode": f"{GROUP}-0",
        "of": "chain",
        "phase": "Failed",
        "reason": "config-apply",
        "message": "invalid \\x1b write_mode",
        "events": [f"{format_time(START)} Warning NodeFailed: SeiNode is in Failed state"],
    }
