"""suite-finalize gives no verdict about another bundle than the one that was submitted."""

import pathlib

import pytest
from tests.unit.steps.suite_world import World

from runner_helpers import IDENTITY

OWN = ("workflows", IDENTITY.workflow)
OLD = "ab12cd34" + "0" * 56


pytestmark = pytest.mark.usefixtures("termination_log")


def submitted_with(world: World, digest: str) -> None:
    """`submit` or the CronWorkflow wrote the hash of this bundle on the suite's Workflow."""
    world.cluster.objects[OWN]["metadata"]["annotations"] = {"validation.sei.io/bundle-hash": digest}


def test_a_suite_that_argo_ran_from_another_bundle_is_an_error(world: World, termination_log: pathlib.Path) -> None:
    """Such as a schedule whose suite was submitted again, with fewer runs, by somebody else."""
    submitted_with(world, OLD)
    world.member("first")
    world.member("second")
    assert world.finalize() == 1
    status = world.status()
    assert (status.verdict, status.phase, status.reason) == ("Error", "Error", "BundleMissing")
    told = f"submitted with bundle ab12cd34, but Argo ran the template of {world.digest[:8]}"
    assert termination_log.read_text() == f"Error: BundleMissing: {told}"
    assert [(member.name, member.outcome) for member in status.members] == [("first", "Passed"), ("second", "Passed")]


def test_a_failure_of_another_bundle_is_none_of_the_suite(world: World) -> None:
    submitted_with(world, OLD)
    world.on_created = lambda name: world.ends(name, "Failed", "RuleFailed:height")
    world.member("first")
    assert world.finalize() == 1
    assert (world.status().verdict, world.status().reason) == ("Error", "BundleMissing")


def test_a_stopped_suite_of_another_bundle_is_cancelled(world: World) -> None:
    submitted_with(world, OLD)
    world.change_own({"spec": {"shutdown": "Stop"}})
    assert world.finalize() == 1
    assert world.status().phase == "Cancelled"


def test_the_bundle_that_was_submitted_passes(world: World) -> None:
    submitted_with(world, world.digest)
    world.member("first")
    world.member("second")
    assert world.finalize() == 0


def test_a_suite_without_the_annotation_is_judged(world: World) -> None:
    """Somebody created the Workflow by hand."""
    world.member("first")
    world.member("second")
    assert "annotations" not in world.cluster.objects[OWN]["metadata"]
    assert world.finalize() == 0
