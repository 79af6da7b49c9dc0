"""
Runs that share a name, a chain id or a past with another: each is judged by its own evidence, and by nothing else.

What each must come to stands in cases.yaml, first the first run.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.e2e.checks import check_nothing_left, check_readers, check_record, check_status, check_workflow
from tests.e2e.faults import wait_for
from tests.e2e.running import CASES, Outcome, Prepared, prepare, run_operator, start, wait_to_its_end
from tests.e2e.world import World, as_json, until

from validationrun.base.times import parse_time
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.record_key import Key
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    PODS,
    SEI_NODE_DEPLOYMENTS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    AlreadyExistsError,
    Object,
)
from validationrun.kube.objects import Workflow
from validationrun.runs.submit import start as start_workflow

FAILS: Final = {"spec": {"load": {"workload": {"args": ["--rate=5", "--exit-code=1"]}}}}
LABEL_VERDICT: Final = "validation.sei.io/verdict"


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = request.node.name.removeprefix("test_")[:24].replace("_", "-").strip("-")
    with World.open(name) as opened, run_operator(opened):
        yield opened


def test_two_runs_with_one_chain_id(world: World, tmp_path: Path) -> None:
    """The second waits for the first and its clean-up, and then passes on a chain of its own by the same id."""
    prepared = prepare(world, tmp_path, options=["--set", "chain-id=twin"])
    workflows = [start(world, prepared) for _ in range(2)]
    first, second = (one["metadata"]["name"] for one in workflows)
    until("the second run waits", lambda: _waits(world, second), 60)

    owners = [_chain_owner(world, first)]
    outcomes = [wait_to_its_end(world, prepared, first)]
    owners.append(_chain_owner(world, second))
    outcomes.append(wait_to_its_end(world, prepared, second))
    assert owners == [one["metadata"]["uid"] for one in workflows]
    _check_all(world, "two-runs-with-one-chain-id", outcomes)
    assert [one.status["chain"]["chainId"] for one in outcomes] == ["twin", "twin"]
    # It got the lock only when the first was over, clean-up included.
    began = parse_time(_need(world, outcomes[1], RunEntry).started_at)
    assert parse_time(outcomes[0].workflow["status"]["finishedAt"]) <= began
    _delete_all(world, prepared)


def test_same_workflow_name_again(world: World, tmp_path: Path) -> None:
    """The first passed, and all of its evidence is still there. The second fails by its own."""
    prepared = prepare(world, tmp_path)
    first = _named(world, prepared, "again")
    outcomes = [wait_to_its_end(world, prepared, "again")]
    jobs = {_need(world, outcomes[0], JobEntry).uid}
    until("the first run's step pods are gone", lambda: not _step_pods(world, "again"), 60)
    _orphan(world, "again")
    left = world.holdings() - prepared.before
    assert {one.partition("/")[0] for one in left} >= {"configmaps", "jobs", "pods"}, left
    assert f"configmaps/again-{first['metadata']['uid']}-record" in left

    (tmp_path / "second").mkdir()
    failing = prepare(world, tmp_path / "second", FAILS)
    second = _named(world, failing, "again")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    outcomes.append(wait_to_its_end(world, failing, "again"))
    _check_readable("same-workflow-name-again", outcomes)
    check_record(world, outcomes[1])
    check_readers(world, outcomes[1])
    assert _need(world, outcomes[1], JobEntry).uid not in jobs
    chains = [one.status["chain"]["chainId"] for one in outcomes]
    assert len(set(chains)) == 2

    deleted = world.run("delete", "again", "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    # What has no Workflow any more goes by its chain id.
    deleted = world.run("delete", "--chain-id", chains[0], "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    check_nothing_left(world, prepared.before)


def test_resubmitted(world: World, tmp_path: Path) -> None:
    """`argo resubmit` of a run that passed: it takes over labels and annotations, and not the verdict that they tell."""
    prepared = prepare(world, tmp_path)
    first = start(world, prepared)["metadata"]["name"]
    outcomes = [wait_to_its_end(world, prepared, first)]
    second = _resubmit(world, first)
    _check_begins_awaited(world, second)
    outcomes.append(wait_to_its_end(world, prepared, second))
    _check_all(world, "resubmitted", outcomes)
    assert len({one.status["chain"]["chainId"] for one in outcomes}) == 2
    assert len({_need(world, one, JobEntry).uid for one in outcomes}) == 2
    _delete_all(world, prepared)


def test_resubmitted_memoized(world: World, tmp_path: Path) -> None:
    """`argo resubmit --memoized` of a run that failed: nothing is proven, neither good nor bad, and no chain stays."""
    prepared = prepare(world, tmp_path, FAILS)
    first = start(world, prepared)["metadata"]["name"]
    outcomes = [wait_to_its_end(world, prepared, first)]
    jobs = len(world.cluster.list(JOBS))
    second = _resubmit(world, first, "--memoized")
    _check_begins_awaited(world, second)
    outcomes.append(wait_to_its_end(world, prepared, second))
    _check_readable("resubmitted-memoized", outcomes)
    check_record(world, outcomes[0])
    check_readers(world, outcomes[1])
    assert len(world.cluster.list(JOBS)) == jobs
    assert world.cluster.list(SEI_NODE_DEPLOYMENTS) == []
    _delete_all(world, prepared)


def test_retried_after_clean_up(world: World, tmp_path: Path) -> None:
    """`argo retry` of a run that failed and whose chain is gone: its verdict was written once, and stands."""
    prepared = prepare(world, tmp_path, FAILS)
    name = start(world, prepared)["metadata"]["name"]
    outcomes = [wait_to_its_end(world, prepared, name)]
    jobs = {one["metadata"]["uid"] for one in world.cluster.list(JOBS)}
    world.argo("retry", name)
    until("Argo has begun again", lambda: _phase(world, name) == "Running", 60)
    listed = world.run("status", name, "-n", world.namespace, "-o", "json")
    assert as_json(listed.stdout) == outcomes[0].status
    outcomes.append(wait_to_its_end(world, prepared, name))
    _check_all(world, "retried-after-clean-up", outcomes)
    assert outcomes[0].status == outcomes[1].status
    assert parse_time(outcomes[0].workflow["status"]["finishedAt"]) < parse_time(
        outcomes[1].workflow["status"]["finishedAt"]
    )
    assert {one["metadata"]["uid"] for one in world.cluster.list(JOBS)} == jobs
    assert world.cluster.list(SEI_NODE_DEPLOYMENTS) == []
    _delete_all(world, prepared)


def _named(world: World, prepared: Prepared, name: str) -> Object:
    """A Workflow by a name of its user's own, from what `submit` would create."""
    printed = world.run("submit", str(prepared.spec), "--dry-run", "client")
    assert printed.returncode == 0, printed.stderr
    bundle, template, workflow = yaml.safe_load_all(printed.stdout)
    with contextlib.suppress(AlreadyExistsError):
        world.cluster.create(CONFIG_MAPS, bundle)
    world.cluster.apply(WORKFLOW_TEMPLATES, template)
    del workflow["metadata"]["generateName"]
    workflow["metadata"]["name"] = name
    start_workflow(world.cluster, Workflow(workflow))
    found = world.cluster.get(WORKFLOWS, name)
    assert found is not None
    return found


def _orphan(world: World, name: str) -> None:
    """Deletes a Workflow and leaves all that it owned."""
    world.ask("DELETE", WORKFLOWS, name, {"propagationPolicy": "Orphan"})
    until("the Workflow is gone", lambda: world.cluster.get(WORKFLOWS, name) is None, 60)


def _resubmit(world: World, name: str, *options: str) -> str:
    return world.argo("resubmit", name, *options, "-o", "name").strip().rpartition("/")[2]


def _check_begins_awaited(world: World, name: str) -> None:
    """Argo copies the labels of the first run. From the moment when its controller knows the second, they are new."""
    until("Argo has seen it", lambda: _phase(world, name), 60)
    workflow = world.cluster.get(WORKFLOWS, name)
    assert workflow is not None
    metadata = workflow["metadata"]
    assert metadata["labels"][LABEL_VERDICT] == "Awaited"
    assert (metadata["labels"]["sei.io/chain-id"], metadata["annotations"]["validation.sei.io/reason"]) == ("", "")
    shown = as_json(world.run("status", name, "-n", world.namespace, "-o", "json").stdout)
    assert (shown["verdict"], shown["reason"]) == ("Awaited", None)


def _check_readable(case: str, outcomes: list[Outcome]) -> None:
    """Status and Workflow of each run as its entry says."""
    expects: list[Mapping[str, Any]] = CASES[case]["expect"]
    for expect, outcome in zip(expects, outcomes, strict=True):
        check_status(expect, outcome.status, outcome.code)
        check_workflow(expect, outcome)


def _check_all(world: World, case: str, outcomes: list[Outcome]) -> None:
    """Record and readers too, of runs that are all still there."""
    _check_readable(case, outcomes)
    for outcome in outcomes:
        check_record(world, outcome)
        check_readers(world, outcome)


def _delete_all(world: World, prepared: Prepared) -> None:
    until("the chain's pods are gone", lambda: not world.left_running(), 90)
    names = [one["metadata"]["name"] for one in world.cluster.list(WORKFLOWS)]
    deleted = world.run("delete", *names, "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    check_nothing_left(world, prepared.before)


def _chain_owner(world: World, name: str) -> str:
    """UID of the Workflow that owns the one chain there is, once the run's chain serves."""
    wait_for(world, "chain-ready", name)
    (owner,) = {
        reference["uid"]
        for one in world.cluster.list(SEI_NODE_DEPLOYMENTS)
        for reference in one["metadata"]["ownerReferences"]
    }
    return str(owner)


def _need(world: World, outcome: Outcome, key: type[Key]) -> Key:
    found = world.record(outcome.workflow)
    assert found is not None
    return found.need(key)


def _step_pods(world: World, name: str) -> list[Object]:
    return world.cluster.list(PODS, labels=f"workflows.argoproj.io/workflow={name}")


def _phase(world: World, name: str) -> str | None:
    return ((world.cluster.get(WORKFLOWS, name) or {}).get("status") or {}).get("phase")


def _waits(world: World, name: str) -> bool:
    status = (world.cluster.get(WORKFLOWS, name) or {}).get("status") or {}
    return bool(((status.get("synchronization") or {}).get("mutex") or {}).get("waiting"))
