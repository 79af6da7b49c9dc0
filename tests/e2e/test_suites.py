"""Suites on a real cluster: what each must come to stands in cases.yaml, which was written first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.controllers import additional_controller
from tests.e2e.faults import FAULTS, kill
from tests.e2e.running import CASES, prepare, run_operator, start
from tests.e2e.suites import (
    SUITE,
    apply,
    check,
    check_verdict,
    entry_of,
    on_both_lines,
    running_pods,
    started,
    submit,
    submit_from,
    suite_of,
    wait_started,
    wait_under_load,
)
from tests.e2e.world import World, as_json, until

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended, is_shut_down
from validationrun.contract.new_workflow import new_workflow
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, WORKFLOWS
from validationrun.kube.objects import Workflow


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_")[:24])
    with World.open(name.strip("-")) as opened, run_operator(opened):
        yield opened


def expected(case: str, number: int | None = None) -> Mapping[str, Any]:
    found = CASES[f"suite-{case}"]["expect"]
    chosen: Mapping[str, Any] = found if number is None else found[number]
    return chosen


@on_both_lines
def test_two_runs_pass(world: World, tmp_path: Path, controller: Sequence[str]) -> None:
    path = suite_of(world, tmp_path, "first", "second", concurrency="Parallel", options=controller)
    suite = submit(world, path, *controller)
    check(world, expected("passes"), suite)
    found = world.cluster.get(WORKFLOWS, suite["metadata"]["name"])
    assert found is not None
    assert found["status"]["phase"] == "Succeeded"
    assert found["metadata"]["labels"][conventions.LABEL_VERDICT] == "Passed"
    first = entry_of(world, suite, "first")
    assert first is not None
    member = as_json(world.run("status", first.workflow, "-n", world.namespace, "-o", "json").stdout)
    assert member["verdict"] == "Passed"
    assert member["overridden"] == []


@on_both_lines
def test_a_failure_starts_no_further_run(world: World, tmp_path: Path, controller: Sequence[str]) -> None:
    """Started by `submit --from`, which looks for every template of a member first."""
    suite_of(world, tmp_path, "first", "second", fails="first", options=controller)
    out = tmp_path / SUITE / world.namespace
    apply(world, out / SUITE)
    apply(world, out / f"{SUITE}-first")
    refused = world.run("submit", "--from", SUITE, "-n", world.namespace)
    assert refused.returncode != 0
    assert f"needs WorkflowTemplate {SUITE}-second" in refused.stderr
    assert world.cluster.list(WORKFLOWS) == []
    apply(world, out / f"{SUITE}-second")
    suite = submit_from(world)
    check(world, expected("one-fails"), suite)
    found = world.cluster.get(WORKFLOWS, suite["metadata"]["name"])
    assert found is not None
    assert "MemberFailed:first" in found["status"]["message"]
    assert len(world.cluster.list(WORKFLOWS)) == 2


def test_what_did_not_pass_is_started_again_as_a_part(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", "second", "third", fails="second")
    whole = submit(world, path)
    check(world, expected("part", 0), whole)
    again = started(world, "rerun", whole["metadata"]["name"], "-n", world.namespace, "--not-passed")
    status = check(world, expected("part", 1), again)
    assert [(each["name"], each["value"]) for each in status["overridden"]] == [("only", "second,third")]
    last = started(world, "submit", "--from", SUITE, "-n", world.namespace, "--set", "only=third")
    check(world, expected("part", 2), last)
    found = world.cluster.get(WORKFLOWS, last["metadata"]["name"])
    assert found is not None
    assert found["metadata"]["labels"][conventions.LABEL_OVERRIDDEN] == "true"
    refused = world.run("rerun", last["metadata"]["name"], "-n", world.namespace, "--not-passed")
    assert refused.returncode == 2
    assert "every chosen run" in refused.stderr
    # Two of the whole, one of each part: what was passed over started nothing.
    assert len(world.cluster.list(WORKFLOWS)) == 3 + 4


def test_a_stopped_suite(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", "second", duration="2m")
    suite = submit(world, path)
    wait_under_load(world, suite)
    assert world.run("stop", suite["metadata"]["name"], "-n", world.namespace).returncode == 0
    check(world, expected("stopped"), suite)


@on_both_lines
def test_a_terminated_suite(world: World, tmp_path: Path, controller: Sequence[str]) -> None:
    """No suite-finalize runs: the suite-member that ends stops the member, or the member's own evaluator ends it."""
    path = suite_of(world, tmp_path, "first", "second", duration="2m", options=controller)
    suite = submit(world, path, *controller)
    entry = wait_under_load(world, suite)
    instance = ["--instanceid", controller[1]] if controller else []
    world.argo("terminate", suite["metadata"]["name"], *instance)
    until("the member has ended", lambda: has_ended(world.cluster.get(WORKFLOWS, entry.workflow) or {}) or None, 120)
    check(world, expected("terminated"), suite)
    member = as_json(world.run("status", entry.workflow, "-n", world.namespace, "-o", "json").stdout)
    assert (member["phase"], member["reason"]) == ("Cancelled", "Cancelled")
    assert re.fullmatch(r"the run was stopped( with its suite)? before it had a verdict", member["message"])


def test_a_terminated_suite_whose_run_never_got_a_pod(world: World, tmp_path: Path) -> None:
    """It waits for a lock, which another run holds. The suite-member that ends stops it; Argo ends it when it has the lock."""
    prepared = prepare(world, tmp_path, {"spec": {"load": {"duration": "2m"}}}, options=["--set", "chain-id=held"])
    holder = start(world, prepared)["metadata"]["name"]
    path = suite_of(world, tmp_path, "first", entry={"parameters": {"chain-id": "held"}})
    suite = submit(world, path)
    entry = wait_started(world, suite)
    until("it waits for the lock", lambda: Workflow(world.cluster.get(WORKFLOWS, entry.workflow) or {}).waits_for_lock)
    world.argo("terminate", suite["metadata"]["name"])
    until("the member is stopped", lambda: is_shut_down(world.cluster.get(WORKFLOWS, entry.workflow) or {}), 90)
    assert not has_ended(world.cluster.get(WORKFLOWS, holder) or {})
    assert world.run("stop", holder, "-n", world.namespace).returncode == 0
    until("the member has ended", lambda: has_ended(world.cluster.get(WORKFLOWS, entry.workflow) or {}) or None, 240)
    check(world, expected("terminated-while-its-run-waits-for-a-lock"), suite)
    member = as_json(world.run("status", entry.workflow, "-n", world.namespace, "-o", "json").stdout)
    assert (member["phase"], member["reason"]) == ("Cancelled", "Cancelled")


def test_a_deleted_suite(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", duration="2m")
    before = world.holdings()
    suite = submit(world, path)
    wait_under_load(world, suite)
    deleted = world.run("delete", suite["metadata"]["name"], "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    templates = ("workflowtemplates/", f"configmaps/{SUITE}-")
    until(
        "nothing is left",
        lambda: not [one for one in world.holdings() - before if not one.startswith(templates)] or None,
        180,
    )


def test_a_follower_that_is_killed_is_followed_by_another(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", duration="20s")
    suite = submit(world, path)
    wait_under_load(world, suite)
    (pod,) = running_pods(world, suite)
    kill(world, pod)
    check(world, expected("follower-killed"), suite)
    assert len(world.cluster.list(WORKFLOWS)) == 2


@pytest.mark.installation
def test_a_suite_finalize_that_is_killed_is_tried_again(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", fails="first")
    suite = submit(world, path)
    FAULTS["kill-process"](world, suite, {"step": "suite-finalize", "holding": "finalize.lock"})
    check(world, expected("finalize-killed"), suite)
    found = world.cluster.get(WORKFLOWS, suite["metadata"]["name"])
    assert found is not None
    assert "Failed: MemberFailed:first" in found["status"]["message"]
    attempts = [node for node in Workflow(found).nodes if (node.template, node.type) == ("suite-finalize", "Pod")]
    assert sorted(node.phase for node in attempts) == ["Error", "Failed"]


@pytest.mark.installation
def test_the_controller_restarts_while_a_member_is_followed(world: World, tmp_path: Path) -> None:
    with additional_controller() as controller:
        options = ("--instance-id", controller.instance)
        path = suite_of(world, tmp_path, "first", duration="40s", options=options)
        suite = submit(world, path, *options)
        wait_under_load(world, suite)
        controller.kill()
        controller.start()
        check(world, expected("controller-restarted"), suite)
    assert len(world.cluster.list(WORKFLOWS)) == 2


def test_a_member_that_is_deleted(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", duration="2m")
    suite = submit(world, path)
    entry = wait_under_load(world, suite)
    world.cluster.delete(WORKFLOWS, entry.workflow)
    check(world, expected("member-deleted"), suite)


def test_a_member_that_is_stopped(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", duration="2m")
    suite = submit(world, path)
    entry = wait_under_load(world, suite)
    assert world.run("stop", entry.workflow, "-n", world.namespace).returncode == 0
    check(world, expected("member-stopped"), suite)


def test_two_suites_at_once(world: World, tmp_path: Path) -> None:
    """Of one account, so that the policies of both look at each request of either."""
    first = submit(world, suite_of(world, tmp_path, "first"))
    other = submit(world, suite_of(world, tmp_path, "first", fails="first", name="other"))
    check_verdict(world, expected("beside-another", 0), first)
    check(world, expected("beside-another", 1), other)
    entries = [entry_of(world, suite, "first") for suite in (first, other)]
    assert [entry.run for entry in entries if entry is not None] == [f"{SUITE}-first", "other-first"]
    assert len(world.cluster.list(WORKFLOWS)) == 4


def test_a_run_that_does_not_declare_the_parameter_of_its_suite(world: World, tmp_path: Path) -> None:
    """Somebody applied the run as it compiles by itself: it goes on to its end, and is not what the suite asked for."""
    path = suite_of(world, tmp_path, "first")
    for folder in sorted((tmp_path / SUITE / world.namespace).iterdir()):
        apply(world, folder)
    (entry,) = yaml.safe_load(path.read_text())["spec"]["runs"]
    prepared = prepare(world, tmp_path, {"metadata": {"name": f"{SUITE}-first"}, "spec": entry["spec"]})
    apply(world, prepared.out / world.namespace / f"{SUITE}-first")
    refused = world.run("submit", "--from", SUITE, "-n", world.namespace)
    assert "has another bundle than suite" in refused.stderr
    template = world.cluster.get(WORKFLOW_TEMPLATES, SUITE)
    assert template is not None
    digest = template["metadata"]["annotations"][conventions.ANNOTATION_BUNDLE_HASH]
    suite = world.cluster.create(WORKFLOWS, new_workflow(SUITE, world.namespace, digest, {}, "", suite=True).object)
    check(world, expected("with-a-parameter-that-its-run-does-not-declare"), suite)
    member = entry_of(world, suite, "first")
    assert member is not None
    assert member.reason == "BundleMissing"
