"""What is left of an earlier chain of the same id: a SeiNode is gone before its pod, and its volume goes after the pod."""

import copy
import logging
import pathlib
from typing import Any

import pytest
from tests.unit.steps.chain_world import World

from emit_helpers import full_run
from runner_helpers import IDENTITY, START
from validationrun.kube.cluster import (
    PERSISTENT_VOLUME_CLAIMS,
    SEI_NODES,
    ForbiddenError,
    Object,
    Resource,
    UnreachableError,
)

OF_A_NODE = {"ownerReferences": [{"kind": "SeiNode", "uid": "gone"}]}
GOING = {**OF_A_NODE, "deletionTimestamp": "t"}


def spec(api: str) -> dict[str, Any]:
    made = copy.deepcopy(full_run())
    if api == "SeiNetwork":
        made["spec"]["chain"]["api"] = api
        for entry in made["spec"]["chain"]["deployments"]:
            entry["spec"].pop("monitoring", None)
    return made


class Chain(World):
    """A chain of either API, for which volumes are left."""

    api = "SeiNodeDeployment"

    def volume(self, deployment: str, ordinal: int = 0, **metadata: Any) -> str:
        """As the controller labels it: a full node of a SeiNetwork belongs to no group."""
        node = f"mine-{deployment}-{ordinal}"
        labels = {"sei.io/node": node}
        if self.api == "SeiNodeDeployment" or deployment == "validators":
            labels["sei.io/nodedeployment"] = f"mine-{deployment}"
        name = f"data-{node}"
        self.cluster.put(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": name, "labels": labels, **metadata}})
        return name


@pytest.fixture(params=["SeiNodeDeployment", "SeiNetwork"])
def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain(tmp_path, monkeypatch, spec(request.param))
    made.height, made.api = 5, request.param
    return made


def goes(world: Chain, name: str, after: float) -> None:
    world.clock.after(after, lambda: world.cluster.objects.pop(("persistentvolumeclaims", name)))


@pytest.mark.parametrize("deployment", ["validators", "rpc"])
@pytest.mark.parametrize("metadata", [GOING, OF_A_NODE], ids=["deleted", "owner gone"])
def test_a_chain_id_is_used_again_only_when_its_volumes_are_gone(
    world: Chain, deployment: str, metadata: dict[str, Any]
) -> None:
    """No SeiNode is left any more. Nothing is created meanwhile: a full node of before would connect to the new validators."""
    name = world.volume(deployment, **metadata)
    before: list[list[str]] = []
    world.clock.after(25, lambda: before.append(world.chain_objects()))
    goes(world, name, 30)
    assert world.ensure(chain_id="mine")["reason"] is None
    assert 30 <= world.clock.now - START < 40
    assert before == [[]]


def test_each_full_node_waits_for_its_own_volume(world: Chain) -> None:
    goes(world, world.volume("rpc", 1, **GOING), 30)
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - START >= 30


def test_nodes_are_told_before_their_volumes(world: Chain, caplog: pytest.LogCaptureFixture) -> None:
    labels = {"sei.io/nodedeployment": "mine-validators"}
    metadata = {"name": "mine-validators-0", "labels": labels, "deletionTimestamp": "t"}
    world.cluster.put(SEI_NODES, {"metadata": metadata})
    world.volume("validators", **GOING)
    result = world.ensure(chain_id="mine")
    assert result["message"] == (
        "not within timeouts.chainReady: SeiNode mine-validators-0 of an earlier chain is still going away"
    )
    assert not caplog.records or "were looked for" not in caplog.text


def test_a_volume_that_never_goes_keeps_the_chain_from_coming_up(world: Chain) -> None:
    world.volume("validators", **GOING)
    result = world.ensure(chain_id="mine")
    assert (result["reason"], result["message"]) == (
        "ChainNotReady",
        "not within timeouts.chainReady: PersistentVolumeClaim data-mine-validators-0 of an earlier chain is still going away",
    )
    assert world.chain_objects() == []


@pytest.mark.parametrize("metadata", [{}, {"ownerReferences": [{"kind": "StatefulSet", "uid": "other"}]}])
def test_a_volume_that_stays_may_be_there_to_be_imported(world: Chain, metadata: dict[str, Any]) -> None:
    world.volume("rpc", **metadata)
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - START < 10


def test_volumes_of_another_chain_are_not_waited_for(world: Chain) -> None:
    world.volume("rpc", **GOING)
    assert world.ensure(chain_id="other")["reason"] is None
    assert world.clock.now - START < 10


def test_its_own_objects_are_adopted_beside_their_volumes(world: Chain) -> None:
    """After a crash: the volumes are those of its own nodes."""
    world.ensure(chain_id="mine")
    for deployment in ("validators", "rpc"):
        world.volume(deployment, **OF_A_NODE)
    before = world.clock.now
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - before < 10


def refuse(world: Chain, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    listed = world.cluster.list

    def answer(resource: Resource, **selectors: str) -> list[Object]:
        if resource == PERSISTENT_VOLUME_CLAIMS:
            raise error
        return listed(resource, **selectors)

    monkeypatch.setattr(world.cluster, "list", answer)


def test_without_the_right_to_see_volumes_the_chain_comes_up_as_before(
    world: Chain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Preflight does not ask for the right either: access rules of an older version lack it."""
    caplog.set_level(logging.INFO)
    world.volume("validators", **GOING)
    world.cluster.denied = {("list", "persistentvolumeclaims")}
    refuse(world, monkeypatch, ForbiddenError("cannot list persistentvolumeclaims", 403, "Forbidden"))
    assert world.ensure(chain_id="mine")["reason"] is None
    assert "no persistentvolumeclaims of an earlier chain were looked for: cannot list" in caplog.text


def test_an_api_server_that_is_away_is_no_refused_right(world: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(world, monkeypatch, UnreachableError("connection refused"))
    with pytest.raises(UnreachableError):
        world.ensure(chain_id="mine")


def another(world: Chain, label: str = "sei.io/chain-id", name: str = "mine-vals-0", **metadata: Any) -> None:
    """A SeiNode of this chain id, with a name that the run does not know."""
    owner = {"ownerReferences": [{"kind": "SeiNodeDeployment", "uid": "other"}]}
    world.cluster.put(SEI_NODES, {"metadata": {"name": name, "labels": {label: "mine"}, **owner, **metadata}})


@pytest.mark.parametrize("label", ["sei.io/chain-id", "sei.io/chain"])
def test_nodes_that_another_spec_named_are_of_the_chain_too(world: Chain, label: str) -> None:
    """The new nodes would connect to them, and the rules would see both."""
    another(world, label)
    result = world.ensure(chain_id="mine")
    assert (
        result["reason"],
        "SeiNode mine-vals-0 of another chain by this id is still there; give" in result["message"],
    ) == (
        "ChainIdInUse",
        True,
    )
    assert world.chain_objects() == []
    assert 30 <= world.clock.now - START < 40


@pytest.mark.parametrize("metadata", [{"deletionTimestamp": "t"}, {}], ids=["deleted", "owner gone"])
def test_nodes_that_another_spec_named_are_waited_for(world: Chain, metadata: dict[str, Any]) -> None:
    another(world, **metadata)
    seconds = 60 if metadata else 20
    world.clock.after(seconds, lambda: world.cluster.objects.pop(("seinodes", "mine-vals-0")))
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - START >= seconds


def test_one_that_stays_is_told_beside_one_that_goes(world: Chain) -> None:
    another(world, deletionTimestamp="t")
    another(world, name="mine-vals-1")
    result = world.ensure(chain_id="mine")
    assert (result["reason"], "SeiNode mine-vals-1" in result["message"]) == ("ChainIdInUse", True)


def test_a_node_of_another_chain_is_nothing_to_wait_for(world: Chain) -> None:
    world.cluster.put(SEI_NODES, {"metadata": {"name": "mine-vals-0", "labels": {"sei.io/chain-id": "yours"}}})
    assert world.ensure(chain_id="mine")["reason"] is None
    assert world.clock.now - START < 10


def test_its_own_nodes_of_an_earlier_attempt_are_no_others(world: Chain) -> None:
    assert world.ensure(chain_id="mine")["reason"] is None
    group = {"sei.io/chain-id": "mine", "sei.io/nodedeployment": "mine-validators"}
    world.cluster.put(SEI_NODES, {"metadata": {"name": "mine-validators-0", "labels": group}})
    data = world.cluster.objects[("configmaps", IDENTITY.record_name)]["data"]
    del data["chain"]
    assert world.ensure(chain_id="mine")["reason"] is None
