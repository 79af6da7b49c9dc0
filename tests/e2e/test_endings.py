"""
Runs that end in other ways than by finalize: terminated, told to stop before they began, deleted, with no pod left for it.

What each must come to stands in cases.yaml. Nobody writes a verdict here, so it is the readers who must not invent one.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e.checks import check_nothing_left, check_outcome, check_status
from tests.e2e.faults import Faults, wait_for
from tests.e2e.running import CASES, Outcome, Prepared, prepare, run_operator, start, wait_to_its_end
from tests.e2e.world import KINDS, World, as_json, documents, until

from validationrun.base.times import parse_time
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.owned_record import Identity
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    JOBS,
    PODS,
    SEI_NODE_DEPLOYMENTS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Object,
)

LONG: Final = {"load": {"duration": "4m"}, "timeouts": {"runDuration": "5m"}}
TWIN: Final = ("--set", "chain-id=awaited")


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = request.node.name.removeprefix("test_")[:24].replace("_", "-").strip("-")
    with World.open(name) as opened, run_operator(opened):
        yield opened


def test_terminated(world: World, tmp_path: Path) -> None:
    """
    No finalize runs: readers compute it. The load, which would go on for five minutes, ends by the Job's own deadline.

    The chain stays as long as the Workflow does.
    """
    expect = CASES["terminated"]["expect"]
    spec = {
        "load": {"duration": "30s", "workload": {"args": ["--rate=5", "--exit-after=300"]}},
        "timeouts": {"loadStart": "45s", "runDuration": "35s"},
    }
    prepared = prepare(world, tmp_path, {"spec": spec})
    name = start(world, prepared)["metadata"]["name"]
    workflow = wait_for(world, "load-start")
    job_name = _identity(workflow).job_name
    # Late enough that the rule was answered well: what is good so far is not yet passed.
    until("the rule was answered", lambda: _is_answered(world, workflow), 60)
    world.argo("terminate", name)
    outcome = wait_to_its_end(world, prepared, name)
    check_status(expect, outcome.status, outcome.code)
    _check_unjudged(world, expect, outcome)

    job = until("the load ends by itself", lambda: _ended_job(world, job_name), 120)
    (failed,) = [one for one in job["status"]["conditions"] if one["type"] == "Failed"]
    assert failed["reason"] == "DeadlineExceeded"
    lasted = parse_time(failed["lastTransitionTime"]) - parse_time(job["status"]["startTime"])
    assert job["spec"]["activeDeadlineSeconds"] == 80
    assert lasted < 80 + 30
    until("no pod of the load runs", lambda: not _running(world, f"job-name={job_name}"), 60)
    chain = outcome.status["chain"]["chainId"]
    assert {one["metadata"]["name"] for one in world.cluster.list(SEI_NODE_DEPLOYMENTS)} == {
        f"{chain}-val",
        f"{chain}-rpc",
    }
    # What came after the end changes nothing of what readers say.
    _check_unjudged(world, expect, outcome)
    _delete(world, name)
    check_nothing_left(world, prepared.before)


def test_stopped_while_waiting_for_the_lock(world: World, tmp_path: Path) -> None:
    """
    Two runs that wait for the chain id of a first, which passes. A stop is told to wait for the lock: the second is ended by a
    terminate, the third is stopped once it has the lock. The first holds it long enough for that, on a busy machine too.
    """
    expect = CASES["stopped-while-waiting-for-the-lock"]["expect"]
    prepared = prepare(world, tmp_path, {"spec": {"load": {"duration": "90s"}}}, options=TWIN)
    first = start(world, prepared)["metadata"]["name"]
    until("the first run has the lock", lambda: _has_begun(world, first), 60)
    second = start(world, prepared)["metadata"]["name"]
    until("the second run waits", lambda: _waits(world, second), 60)
    shown = as_json(world.run("status", second, "-n", world.namespace, "-o", "json").stdout)
    assert (shown["phase"], shown["verdict"]) == ("Pending", "Awaited")
    assert "validationrun-awaited" in shown["message"]

    stopped = world.run("stop", second, "-n", world.namespace)
    assert (stopped.returncode, stopped.stdout) == (0, f"stopping {second} in {world.namespace}\n")
    assert "it waits for another run's lock, and Argo stops it only when it has got it" in stopped.stderr
    waiting = world.run("wait", second, "-n", world.namespace, "--timeout", "5s")
    assert (waiting.returncode, waiting.stdout) == (2, "")
    assert "has no verdict within --timeout" in waiting.stderr

    third = start(world, prepared)["metadata"]["name"]
    until("the third run waits", lambda: _waits(world, third), 60)
    assert world.run("stop", third, "-n", world.namespace).returncode == 0

    world.argo("terminate", second)
    outcome = wait_to_its_end(world, prepared, second)
    check_status(expect, outcome.status, outcome.code)
    assert outcome.workflow["status"]["phase"] == expect["workflow"]
    _check_unjudged(world, expect, outcome)
    # It never had a step, and took nothing from the first.
    assert not _running(world, f"workflows.argoproj.io/workflow={second}")
    passed = wait_to_its_end(world, prepared, first)
    assert (passed.code, passed.status["verdict"], passed.status["chain"]["chainId"]) == (0, "Passed", "awaited")
    cancelled = wait_to_its_end(world, prepared, third)
    told = {key: cancelled.status[key] for key in ("phase", "verdict", "reason")}
    assert (cancelled.code, told) == (2, {"phase": "Cancelled", "verdict": "Error", "reason": "Cancelled"})
    assert cancelled.workflow["metadata"]["labels"]["validation.sei.io/verdict"] == "Error"
    until("the chain is gone", lambda: not world.left_running(), 90)
    _delete(world, first, second, third)
    check_nothing_left(world, prepared.before)


def test_deleted(world: World, tmp_path: Path) -> None:
    """Whoever waits is told that the run is gone, and by 2; load, chain and record go with the Workflow."""
    expect = CASES["deleted"]["expect"]
    prepared = prepare(world, tmp_path, {"spec": LONG})
    submit_log, wait_log = tmp_path / "submit.log", tmp_path / "wait.log"
    asking = [world.run_beside(submit_log, "submit", str(prepared.spec), "--wait", "-o", "json")]
    try:
        workflow = wait_for(world, "load-start")
        name = workflow["metadata"]["name"]
        asking.append(world.run_beside(wait_log, "wait", name, "-n", world.namespace, "-o", "json"))
        until(
            "both tell of the load", lambda: all("under load" in one.read_text() for one in (submit_log, wait_log)), 60
        )
        world.cluster.delete(WORKFLOWS, name)
        for process, log in zip(asking, (submit_log, wait_log), strict=True):
            assert process.wait(60) == expect["exit"]
            said = log.read_text()
            assert f"run {name} in {world.namespace} is gone: deleted before it had a verdict" in said
            assert "ValidationRunStatus" not in said
    finally:
        for process in asking:
            process.kill()
    for verb in ("status", "wait"):
        asked = world.run(verb, name, "-n", world.namespace, "-o", "json")
        assert (asked.returncode, asked.stdout) == (expect["exit"], "")
        assert f"there is no run {name} in namespace {world.namespace}" in asked.stderr
    check_nothing_left(world, prepared.before)


def test_quota_full_at_finalize(world: World, tmp_path: Path) -> None:
    """All went well, and finalize's pod is never admitted. Nobody may take that for a pass, and the reason is told."""
    expect = CASES["quota-full-at-finalize"]["expect"]
    prepared = prepare(world, tmp_path)
    # As a GitOps overlay may: a finalize that Argo gives up after ten seconds, not after a quarter of an hour.
    _apply(world, prepared, finalize_timeout="10s")
    log = tmp_path / "submit.log"
    submitting, name = _submit_and_fill_quota(world, log)
    assert submitting.wait(180) == expect["exit"]
    # While Argo tries, its own words; they are lost when it gives up.
    assert "Running: judging; a pod waits: " in log.read_text()
    assert "exceeded quota: full, requested: pods=1" in log.read_text()
    outcome = wait_to_its_end(world, prepared, name)
    check_status(expect, outcome.status, outcome.code)
    assert outcome.workflow["status"]["phase"] == expect["workflow"]
    _check_unjudged(world, expect, outcome)
    written = world.record(outcome.workflow)
    assert written is not None
    assert (written.get(Status), written.sealed) == (None, False)
    assert world.cluster.list(SEI_NODE_DEPLOYMENTS), "nobody was there to remove the chain"

    assert world.cluster.delete(KINDS["ResourceQuota"], "full")
    _delete(world, name)
    check_nothing_left(world, prepared.before)


def test_quota_freed_at_finalize(world: World, tmp_path: Path) -> None:
    """finalize's pod waits until there is room, and then gives the verdict and cleans up."""
    expect = CASES["quota-freed-at-finalize"]["expect"]
    prepared = prepare(world, tmp_path)
    _apply(world, prepared)
    log = tmp_path / "submit.log"
    submitting, name = _submit_and_fill_quota(world, log)
    until("finalize's pod is refused", lambda: "exceeded quota: full, requested: pods=1" in log.read_text())
    assert world.cluster.delete(KINDS["ResourceQuota"], "full")
    assert submitting.wait(180) == expect["exit"], log.read_text()
    check_outcome(world, expect, wait_to_its_end(world, prepared, name))
    check_nothing_left(world, prepared.before)


def _submit_and_fill_quota(world: World, log: Path) -> tuple[subprocess.Popen[str], str]:
    """`submit --wait` of the run, and its name, once it is signed off under a quota that admits no further pod."""
    with Faults(world, [{"at": "load-start", "do": "fill-quota"}]):
        submitting = world.run_beside(log, "submit", "--from", "e2e", "-n", world.namespace, "--wait")
        name: str = wait_for(world, "sign-off")["metadata"]["name"]
    return submitting, name


def _apply(world: World, prepared: Prepared, finalize_timeout: str = "910s") -> None:
    folder = prepared.out / world.namespace / "e2e"
    (bundle,), (template,) = (documents((folder / f"{one}.yaml").read_text()) for one in ("bundle", "workflowtemplate"))
    (finalize,) = [one for one in template["spec"]["templates"] if one["name"] == "finalize"]
    assert finalize["timeout"] == "910s"
    finalize["timeout"] = finalize_timeout
    world.cluster.create(CONFIG_MAPS, bundle)
    world.cluster.create(WORKFLOW_TEMPLATES, template)


def _check_unjudged(world: World, expect: dict[str, Any], outcome: Outcome) -> None:
    """Every reader says what `wait` said; the label says that there was no verdict."""
    for verb, code in (("status", 0), ("wait", expect["exit"])):
        shown = world.run(verb, outcome.name, "-n", world.namespace, "-o", "json")
        assert shown.returncode == code, shown.stderr
        assert as_json(shown.stdout) == outcome.status
    listed = world.run("list", "-n", world.namespace, "-o", "json")
    (row,) = [one for one in json.loads(listed.stdout) if one["name"] == outcome.name]
    assert [row["phase"], row["verdict"], row["reason"]] == [expect["phase"], expect["verdict"], expect["reason"]]
    assert outcome.workflow["metadata"]["labels"]["validation.sei.io/verdict"] == "Awaited"


def _identity(workflow: Object) -> Identity:
    return Identity(workflow["metadata"]["name"], workflow["metadata"]["uid"], workflow["metadata"]["namespace"])


def _is_answered(world: World, workflow: Object) -> bool:
    found = world.record(workflow)
    rules = found.get(RuleStates) if found is not None else None
    return rules is not None and any(state.verdict == "Passed" for state in rules.rules)


def _ended_job(world: World, name: str) -> Object | None:
    job = world.cluster.get(JOBS, name)
    conditions = (job or {}).get("status", {}).get("conditions") or []
    return job if any(one["type"] == "Failed" and one["status"] == "True" for one in conditions) else None


def _running(world: World, labels: str) -> list[str]:
    pods = world.cluster.list(PODS, labels=labels)
    return [one["metadata"]["name"] for one in pods if one["status"].get("phase") not in ("Succeeded", "Failed")]


def _status_of(world: World, name: str) -> dict[str, Any]:
    return (world.cluster.get(WORKFLOWS, name) or {}).get("status") or {}


def _has_begun(world: World, name: str) -> bool:
    return _status_of(world, name).get("phase") == "Running"


def _waits(world: World, name: str) -> bool:
    return bool(((_status_of(world, name).get("synchronization") or {}).get("mutex") or {}).get("waiting"))


def _delete(world: World, *names: str) -> None:
    deleted = world.run("delete", *names, "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
