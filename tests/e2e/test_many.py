"""Twenty whole runs side by side in one namespace. Each has its own chain, its own load and its own verdict."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e.checks import check_nothing_left, check_record, check_status, check_workflow
from tests.e2e.running import CASES, Outcome, prepare, run_operator, start
from tests.e2e.world import World, open_cluster, until

from validationrun.contract.argo_phase import has_ended
from validationrun.contract.load_entries import JobEntry
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import WORKFLOWS
from validationrun.runs.submit import held_workflow, read_template
from validationrun.runs.submit import start as start_workflow

RUNS: Final = 20
_SUBMITS_AT_ONCE: Final = 8
_SECONDS: Final = 900

# Forty nodes that make two blocks a second would need the whole machine for themselves.
_NODE: Final = {
    "image": "localhost/validationrun/chain:test",
    "overrides": {"test.operator.timeout_commit": "3s"},
}
# As small as a run can be, and patient: twenty of them share two cores.
SPEC: Final[dict[str, Any]] = {
    "chain": {
        "deployments": [
            {
                "name": "val",
                "role": "validator",
                "spec": {"replicas": 1, "template": {"spec": _NODE}},
            },
            {
                "name": "rpc",
                "role": "fullNode",
                "spec": {"replicas": 1, "template": {"spec": _NODE}},
            },
        ]
    },
    "load": {
        "duration": "15s",
        "workload": {
            "args": ["--rate=1", "--min-included=5"],
            "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}},
        },
    },
    "timeouts": {"chainReady": "9m", "loadStart": "5m", "runDuration": "5m"},
}


@pytest.fixture
def world() -> Iterator[World]:
    with World.open("twenty-runs-at-once") as opened, run_operator(opened):
        yield opened


@pytest.mark.alone
def test_twenty_runs_at_once(world: World, tmp_path: Path) -> None:
    expect = CASES["twenty-runs-at-once"]["expect"]
    prepared = prepare(world, tmp_path, {"spec": SPEC})
    began = time.monotonic()
    names = [start(world, prepared)["metadata"]["name"]]
    with ThreadPoolExecutor(_SUBMITS_AT_ONCE) as pool:
        names += pool.map(lambda _: _start_another(world.namespace), range(RUNS - 1))
    assert len(set(names)) == RUNS
    submitted = time.monotonic()
    for name in names:
        # One after the other: looking at all of them at once would be a load of its own.
        until(f"{name} has ended", lambda: _has_ended(world, name), began + _SECONDS - time.monotonic())
    print(f"{RUNS} runs: submitted in {submitted - began:.0f}s, ended after {time.monotonic() - began:.0f}s")

    listed = world.run("list", "-n", world.namespace, "-o", "json")
    assert listed.returncode == 0, listed.stderr
    rows = {one["name"]: one for one in json.loads(listed.stdout)}
    verdicts = {name: (rows[name]["verdict"], rows[name]["reason"]) for name in names}
    assert verdicts == dict.fromkeys(names, (expect["verdict"], expect["reason"]))
    chains, jobs, times = set(), set(), []
    for name in names:
        workflow = world.cluster.get(WORKFLOWS, name)
        assert workflow is not None
        found = world.record(workflow)
        assert found is not None
        # What finalize wrote is what readers print; `list` has been asked, and twenty `wait` would say no more.
        outcome = Outcome(found.need(Status).to_data(), expect["exit"], workflow, prepared.document, prepared.before)
        check_status(expect, outcome.status, outcome.code)
        check_workflow(expect, outcome)
        check_record(world, outcome)
        chains.add(outcome.status["chain"]["chainId"])
        jobs.add(found.need(JobEntry).uid)
        times.append((workflow["status"]["startedAt"], workflow["status"]["finishedAt"]))
    assert (len(chains), len(jobs)) == (RUNS, RUNS)
    assert {rows[name]["chain_id"] for name in names} == chains
    # Side by side: the last had begun before the first was over.
    assert max(started for started, _ in times) < min(finished for _, finished in times)

    until("the chains are gone", lambda: not world.left_running(), 120)
    deleted = world.run("delete", *names, "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    check_nothing_left(world, prepared.before)


def _start_another(namespace: str) -> str:
    """As `submit --from` does, without a process for each: those alone would take the two cores for a minute."""
    cluster = open_cluster(namespace)
    return start_workflow(cluster, held_workflow(cluster, read_template(cluster, "e2e"), {}))


def _has_ended(world: World, name: str) -> bool:
    found = world.cluster.get(WORKFLOWS, name)
    return found is not None and has_ended(found)
