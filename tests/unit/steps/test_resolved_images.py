"""finalize notes which images nodes and shards really ran; no verdict depends on them."""

import pathlib
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.finalize_world import CHAIN_ID, World, runs, terminated

from runner_helpers import IDENTITY, PODS, START
from validationrun.base import conventions
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainReady, DeploymentStatus
from validationrun.contract.load_entries import LoadEnd
from validationrun.steps import resolved_images

A, B, C = (f"r.example/seid@sha256:{digit * 64}" for digit in "abc")
DEPLOYMENTS = [DeploymentStatus("val", "validator", image="seid:v1"), DeploymentStatus("rpc", "fullNode")]


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    made = World(tmp_path)
    made.keys.change(ChainReady, deployments=DEPLOYMENTS)
    return made


def node(world: World, deployment: str, number: int, *containers: dict[str, Any]) -> None:
    """A pod as the chain's controller labels it."""
    labels = {conventions.LABEL_CHAIN_ID: CHAIN_ID, conventions.LABEL_DEPLOYMENT: deployment}
    name = f"{CHAIN_ID}-{deployment}-{number}-0"
    body = {
        "metadata": {
            "name": name,
            "labels": {conventions.LABEL_RUN_ID: IDENTITY.workflow, **labels},
            "creationTimestamp": format_time(START),
        },
        "status": {"phase": "Running", "containerStatuses": list(containers)},
    }
    world.cluster.put(PODS, body)


def chain_images(world: World) -> dict[str, Any]:
    deployments = world.status()["chain"]["deployments"]
    return {entry["name"]: (entry["imageID"], entry["imageIDs"]) for entry in deployments}


def load_images(world: World) -> tuple[str | None, list[str]]:
    load = world.status()["load"]
    return load["imageID"], load["imageIDs"]


def test_each_deployment_has_the_image_of_its_own_nodes(world: World) -> None:
    sidecar = runs("sei-sidecar", imageID=C)
    node(world, "val", 0, sidecar, runs("seid", imageID=A))
    node(world, "val", 1, runs("seid", imageID=A), sidecar)
    node(world, "rpc", 0, runs("seid", imageID=f"docker-pullable://{B}"))
    assert world.decide() == ("Passed", "RunSucceeded")
    assert chain_images(world) == {"val": (A, []), "rpc": (B, [])}


def test_nodes_with_different_images_are_told_apart(world: World) -> None:
    node(world, "val", 0, runs("seid", imageID=B))
    node(world, "val", 1, runs("seid", imageID=A))
    assert world.decide() == ("Passed", "RunSucceeded")
    assert chain_images(world) == {"val": (None, [A, B]), "rpc": (None, [])}


def test_a_pod_that_is_gone_or_waits_leaves_null(world: World) -> None:
    node(world, "val", 0, {"name": "seid", "imageID": "", "state": {"waiting": {"reason": "ImagePullBackOff"}}})
    assert world.decide() == ("Passed", "RunSucceeded")
    assert chain_images(world) == {"val": (None, []), "rpc": (None, [])}
    assert load_images(world) == (None, [])


def test_shards_whose_pods_are_gone_have_the_image_that_load_job_noted(world: World) -> None:
    world.keys.change(LoadEnd, image_id=A)
    assert world.decide() == ("Passed", "RunSucceeded")
    assert load_images(world) == (A, [])


def test_shards_that_load_job_did_not_see_are_looked_at(world: World) -> None:
    world.shard(0, terminated(0, "workload", imageID=A), terminated(0, "sidecar", imageID=C), phase="Succeeded")
    assert world.decide() == ("Passed", "RunSucceeded")
    assert load_images(world) == (A, [])


def test_a_shard_that_differs_from_what_load_job_noted_is_told(world: World) -> None:
    world.keys.change(LoadEnd, image_id=A)
    world.shard(0, terminated(0, "workload", imageID=B), phase="Succeeded")
    assert world.decide() == ("Passed", "RunSucceeded")
    assert load_images(world) == (None, [A, B])


def test_a_fault_of_ours_changes_no_verdict(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a pod looks like, the verdict is given."""

    def explode(_ids: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(resolved_images, "agreed", explode)
    node(world, "val", 0, runs("seid", imageID=A))
    assert world.decide() == ("Passed", "RunSucceeded")
    assert chain_images(world) == {"val": (None, []), "rpc": (None, [])}


def test_no_more_requests_than_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pods that finalize lists for its messages are those whose images it notes."""
    asked = []
    listed = world.cluster.list
    monkeypatch.setattr(world.cluster, "list", lambda of, **how: (asked.append(of), listed(of, **how))[1])
    node(world, "val", 0, runs("seid", imageID=A))
    world.finalize()
    # Twice to wait for the pods, before and after the Job is known, and once for the verdict.
    assert asked.count(PODS) == 3
    assert chain_images(world)["val"] == (A, [])


def test_nothing_else_of_the_status_changes(world: World) -> None:
    node(world, "val", 0, runs("seid", imageID=A))
    world.finalize()
    with_image = world.status()
    entry = replace(DEPLOYMENTS[0], image_id=A).to_data()
    assert with_image["chain"]["deployments"][0] == entry
