"""
Suites on a real cluster: what each must come to stands in EXPECT, which was written first.

The members are the run of base.yaml, shortened, each with a chain of its own.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.e2e.faults import kill
from tests.e2e.running import BASE, run_operator
from tests.e2e.world import World, as_json, until

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.owned_record import Identity
from validationrun.contract.suite_record import MemberEntry, SuiteRecord
from validationrun.kube.cluster import PODS, WORKFLOWS, Object

SUITE: Final = "suite"
LONGEST: Final = "9m"

EXPECT: Final[Mapping[str, Mapping[str, Any]]] = {
    "passes": {
        "exit": 0, "phase": "Succeeded", "verdict": "Passed", "reason": "AllPassed",
        "message": "2 of 2 runs passed", "members": {"first": "Passed", "second": "Passed"},
    },
    "one-fails": {
        "exit": 1, "phase": "Failed", "verdict": "Failed", "reason": "MemberFailed:first",
        "message": "NotStarted: second", "members": {"first": "Failed", "second": "NotStarted"},
    },
    "stopped": {
        "exit": 2, "phase": "Cancelled", "verdict": "Error", "reason": "Cancelled",
        "message": "the suite was stopped before it had a verdict", "members": {"first": "Cancelled", "second": "NotStarted"},
    },
    "terminated": {
        "exit": 2, "phase": "Cancelled", "verdict": "Error", "reason": "Cancelled",
        "message": "the suite was terminated", "members": {"first": None, "second": None},
    },
    "follower-killed": {
        "exit": 0, "phase": "Succeeded", "verdict": "Passed", "reason": "AllPassed",
        "message": "1 of 1 run passed", "members": {"first": "Passed"},
    },
    "member-deleted": {
        "exit": 2, "phase": "Error", "verdict": "Error", "reason": "MemberNotPassed:first",
        "message": "its Workflow .* was deleted", "members": {"first": "Gone"},
    },
}  # fmt: skip


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = request.node.name.removeprefix("test_")[:24].replace("_", "-").strip("-")
    with World.open(name) as opened, run_operator(opened):
        yield opened


def suite_of(world: World, folder: Path, *members: str, fails: str = "", duration: str = "12s", **spec: Any) -> Path:
    """A suite of runs that are written inside it; its access files and theirs are in force."""
    runs = []
    for name in members:
        own = copy.deepcopy(BASE["spec"])
        own["load"]["duration"] = duration
        own["load"]["workload"]["args"] = ["--rate=10", "--min-included=1"]
        if name == fails:
            own["rules"][0]["query"]["threshold"] = "1000000"
        runs.append({"name": name, "spec": own})
    document = {
        "apiVersion": BASE["apiVersion"],
        "kind": "ValidationSuite",
        "metadata": {"name": SUITE, "namespace": world.namespace},
        "spec": {"runs": runs, **spec},
    }
    path, out = folder / "suite.yaml", folder / "out"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    compiled = world.run_offline("compile", str(path), "--out", str(out))
    assert compiled.returncode == 0, compiled.stderr
    for each in sorted((out / world.namespace).iterdir()):
        world.grant(each)
    return path


def submit(world: World, path: Path) -> Object:
    """Starts the suite and waits for nothing; its Workflow."""
    submitted = world.run("submit", str(path))
    assert submitted.returncode == 0, submitted.stderr
    workflow = world.cluster.get(WORKFLOWS, submitted.stdout.strip())
    assert workflow is not None
    return workflow


def entry_of(world: World, suite: Object, member: str) -> MemberEntry | None:
    identity = Identity(suite["metadata"]["name"], suite["metadata"]["uid"], world.namespace)
    written = SuiteRecord.read(world.cluster, identity)
    return written.member(member) if written is not None else None


def is_under_load(world: World, entry: MemberEntry) -> bool:
    found = world.cluster.get(WORKFLOWS, entry.workflow)
    written = world.record(found) if found is not None else None
    return written is not None and "load-start" in written._data


def wait_under_load(world: World, suite: Object, member: str = "first") -> MemberEntry:
    entry = until(f"{member} is started", lambda: entry_of(world, suite, member), 120)
    until(f"{member} is under load", lambda: is_under_load(world, entry), 240)
    return entry


def check(world: World, case: str, name: str) -> None:
    """What `wait` says of the suite is what was expected, and nothing of it still runs."""
    expect = EXPECT[case]
    waited = world.run("wait", name, "-n", world.namespace, "--timeout", LONGEST, "-o", "json")
    print(waited.stdout, waited.stderr)
    status = as_json(waited.stdout)
    assert {key: status[key] for key in ("phase", "verdict", "reason")} == {
        key: expect[key] for key in ("phase", "verdict", "reason")
    }
    assert waited.returncode == expect["exit"]
    assert re.search(expect["message"], status["message"]), status["message"]
    assert {member["name"]: member["outcome"] for member in status["members"]} == expect["members"]
    members = world.cluster.list(
        WORKFLOWS, labels=f"{conventions.LABEL_SUITE}={SUITE},{conventions.LABEL_SUITE_MEMBER}"
    )
    until("every member has ended", lambda: all(has_ended(one) for one in members) or None, 1)
    until("nothing of the suite runs", lambda: not world.left_running() or None, 120)


def test_two_runs_pass(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", "second", concurrency="Parallel")
    suite = submit(world, path)
    name = suite["metadata"]["name"]
    check(world, "passes", name)
    found = world.cluster.get(WORKFLOWS, name)
    assert found is not None
    assert found["status"]["phase"] == "Succeeded"
    assert found["metadata"]["labels"][conventions.LABEL_VERDICT] == "Passed"
    first = entry_of(world, suite, "first")
    assert first is not None
    member = as_json(world.run("status", first.workflow, "-n", world.namespace, "-o", "json").stdout)
    assert member["verdict"] == "Passed"
    assert member["overridden"] == []


def test_a_failure_starts_no_further_run(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", "second", fails="first")
    suite = submit(world, path)
    check(world, "one-fails", suite["metadata"]["name"])
    found = world.cluster.get(WORKFLOWS, suite["metadata"]["name"])
    assert found is not None
    assert "MemberFailed:first" in found["status"]["message"]
    assert len(world.cluster.list(WORKFLOWS)) == 2


def test_a_stopped_suite(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", "second", duration="2m")
    suite = submit(world, path)
    wait_under_load(world, suite)
    assert world.run("stop", suite["metadata"]["name"], "-n", world.namespace).returncode == 0
    check(world, "stopped", suite["metadata"]["name"])


def test_a_terminated_suite(world: World, tmp_path: Path) -> None:
    """No suite-finalize runs: the member's own evaluator ends it."""
    path = suite_of(world, tmp_path, "first", "second", duration="2m")
    suite = submit(world, path)
    entry = wait_under_load(world, suite)
    world.argo("terminate", suite["metadata"]["name"])
    until("the member has ended", lambda: has_ended(world.cluster.get(WORKFLOWS, entry.workflow) or {}) or None, 120)
    check(world, "terminated", suite["metadata"]["name"])
    member = as_json(world.run("status", entry.workflow, "-n", world.namespace, "-o", "json").stdout)
    assert (member["phase"], member["reason"]) == ("Cancelled", "Cancelled")
    assert member["message"] == "the run was stopped with its suite before it had a verdict"


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
    path = suite_of(world, tmp_path, "first", duration="40s")
    suite = submit(world, path)
    wait_under_load(world, suite)
    label = f"{conventions.LABEL_ARGO_WORKFLOW}={suite['metadata']['name']}"
    (pod,) = [one for one in world.cluster.list(PODS, labels=label) if one["status"]["phase"] == "Running"]
    kill(world, pod)
    check(world, "follower-killed", suite["metadata"]["name"])
    assert len(world.cluster.list(WORKFLOWS)) == 2


def test_a_member_that_is_deleted(world: World, tmp_path: Path) -> None:
    path = suite_of(world, tmp_path, "first", duration="2m")
    suite = submit(world, path)
    entry = wait_under_load(world, suite)
    world.cluster.delete(WORKFLOWS, entry.workflow)
    check(world, "member-deleted", suite["metadata"]["name"])
