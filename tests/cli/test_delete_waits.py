"""`delete` ends when the chain is gone, with the nodes that go after their object; or it says what is left."""

from typing import Any

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE, Clock, FakeCluster
from runs_kit import OURS, workflow
from validationrun.kube.cluster import (
    PERSISTENT_VOLUME_CLAIMS,
    SEI_NETWORKS,
    SEI_NODE_DEPLOYMENTS,
    SEI_NODES,
    WORKFLOWS,
    ForbiddenError,
    Object,
    Resource,
)
from validationrun.runs.delete import Doomed, wait_until_gone

CHAIN = {**OURS, "sei.io/chain-id": "nightly-1f2e"}
GROUP = Doomed(SEI_NODE_DEPLOYMENTS, "nightly-1f2e-rpc", "group-uid")
RUN = Doomed(WORKFLOWS, "nightly-x7k2p", "run-uid", children=(GROUP,))


class World(FakeCluster):
    """After the deletion: what is left goes as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.forbidden: set[Resource] = set()
        self.told: list[str] = []

    def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> "list[Object]":
        if resource in self.forbidden:
            raise ForbiddenError(f"cannot list {resource.full_name}", 403)
        return super().list(resource, labels=labels, fields=fields)

    def node(self, name: str, owner: str) -> None:
        labels = {"sei.io/nodedeployment": GROUP.name}
        self.put(SEI_NODES, {"metadata": {"name": name, "labels": labels, "ownerReferences": [{"uid": owner}]}})

    def volume(self, node: str, *, group: str = "", **metadata: Any) -> None:
        labels = {"sei.io/node": node, **({"sei.io/nodedeployment": group} if group else {})}
        self.put(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": f"data-{node}", "labels": labels, **metadata}})

    def wait(self, doomed: Doomed = RUN) -> "list[str]":
        now, sleep = self.clock.time, self.clock.sleep
        return wait_until_gone(self, [doomed], self.told.append, now, sleep)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


def test_nodes_that_go_after_their_object_are_waited_for(world: World) -> None:
    world.node("nightly-1f2e-rpc-0", GROUP.uid)
    world.clock.after(60, lambda: world.objects.pop(("seinodes", "nightly-1f2e-rpc-0")))
    began = world.clock.now
    assert world.wait() == []
    assert 60 <= world.clock.now - began < 70
    assert world.told == ["waiting until the chain is gone: seinodes.sei.io nightly-1f2e-rpc-0"]


@pytest.mark.parametrize("group", [GROUP.name, ""], ids=["of a group", "of a standalone node"])
def test_volumes_that_go_after_their_node_are_waited_for(world: World, group: str) -> None:
    """The nodes are gone already: their volumes go after their pods."""
    alone = Doomed(SEI_NODES, "nightly-1f2e-rpc-0", "node-uid")
    world.volume("nightly-1f2e-rpc-0", group=group, deletionTimestamp="t")
    world.clock.after(60, lambda: world.objects.pop(("persistentvolumeclaims", "data-nightly-1f2e-rpc-0")))
    began = world.clock.now
    assert world.wait(RUN if group else alone) == []
    assert 60 <= world.clock.now - began < 70
    assert world.told == ["waiting until the chain is gone: persistentvolumeclaims data-nightly-1f2e-rpc-0"]


def test_a_volume_that_stays_on_purpose_or_is_of_a_newer_chain_is_not_waited_for(world: World) -> None:
    world.volume("nightly-1f2e-rpc-0", group=GROUP.name)
    world.volume("nightly-1f2e-rpc-0-other", group="another", deletionTimestamp="t")
    assert (world.wait(), world.told) == ([], [])


def test_nodes_that_stay_are_named(world: World) -> None:
    world.node("nightly-1f2e-rpc-0", GROUP.uid)
    began = world.clock.now
    assert world.wait() == ["seinodes.sei.io nightly-1f2e-rpc-0"]
    assert 300 <= world.clock.now - began < 310


def test_an_object_that_stays_is_named_and_a_newer_one_of_its_name_is_not(world: World) -> None:
    made = world.put(SEI_NODE_DEPLOYMENTS, {"metadata": {"name": GROUP.name, "uid": GROUP.uid}})
    assert world.wait() == ["seinodedeployments.sei.io nightly-1f2e-rpc"]
    made["metadata"]["uid"] = "newer"
    assert world.wait() == []


def test_nodes_of_somebody_else_are_not_waited_for(world: World) -> None:
    world.node("nightly-1f2e-rpc-0", "another-group")
    assert (world.wait(), world.told) == ([], [])


def test_without_the_right_to_see_them_nothing_is_waited_for(world: World) -> None:
    world.node("nightly-1f2e-rpc-0", GROUP.uid)
    world.volume("nightly-1f2e-rpc-0", group=GROUP.name, deletionTimestamp="t")
    world.forbidden = {SEI_NODES, SEI_NODE_DEPLOYMENTS, PERSISTENT_VOLUME_CLAIMS}
    assert world.wait() == []


def test_what_is_left_makes_the_exit_code(api: FakeApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validationrun.runs.delete.GONE_SECONDS", 0)
    workflow(api, "nightly-1", uid="run-uid")
    owner = [{"kind": "Workflow", "name": "nightly-1", "uid": "run-uid"}]
    labels = {**CHAIN, "sei.io/run-id": "nightly-1"}
    metadata = {"name": "nightly-1f2e-rpc", "namespace": NAMESPACE, "labels": labels, "ownerReferences": owner}
    api.cluster.put(SEI_NODE_DEPLOYMENTS, {"metadata": metadata})
    done = call("delete", "nightly-1", "-n", NAMESPACE, "--yes")
    assert (done.code, done.out.splitlines()[-1]) == (2, "deleted: nightly-1")
    assert done.err.splitlines()[-1] == "still there: seinodedeployments.sei.io nightly-1f2e-rpc"


def put(api: FakeApiServer, resource: Resource, name: str, owners: list[dict[str, Any]]) -> None:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": CHAIN, "ownerReferences": owners}
    api.cluster.put(resource, {"metadata": metadata})


def test_a_chain_of_seinetwork_goes_with_its_full_nodes(api: FakeApiServer) -> None:
    """A SeiNode of a SeiNetwork goes with that."""
    api.groups["sei.io"] = ("seinetworks", "seinodes")
    gone = [{"kind": "Workflow", "name": "nightly-1", "uid": "gone"}]
    put(api, SEI_NETWORKS, "nightly-1f2e-val", gone)
    put(api, SEI_NODES, "nightly-1f2e-rpc-0", gone)
    put(api, SEI_NODES, "nightly-1f2e-val-0", [{"kind": "SeiNetwork", "name": "nightly-1f2e-val", "uid": "gone"}])
    done = call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == ["deleted: nightly-1f2e-val", "deleted: nightly-1f2e-rpc-0"]
    assert [name for plural, name in api.cluster.objects if plural == "seinodes"] == ["nightly-1f2e-val-0"]


def test_a_right_to_a_kind_that_the_cluster_has_not_is_not_needed(api: FakeApiServer) -> None:
    api.denied = {("list", "seinetworks"), ("list", "seinodes")}
    api.groups["sei.io"] = ("seinodedeployments", "seinodes")
    put(api, SEI_NODE_DEPLOYMENTS, "nightly-1f2e-rpc", [])
    assert call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes").code == 0


def test_a_right_to_a_kind_that_the_cluster_has_is_needed(api: FakeApiServer) -> None:
    api.groups["sei.io"] = ("seinetworks", "seinodes")
    api.denied = {("list", "seinodes")}
    put(api, SEI_NETWORKS, "nightly-1f2e-val", [])
    done = call("delete", "--chain-id", "nightly-1f2e", "-n", NAMESPACE, "--yes")
    assert (done.code, "jane may not list seinodes.sei.io" in done.err) == (2, True)
    assert ("seinetworks", "nightly-1f2e-val") in api.cluster.objects
