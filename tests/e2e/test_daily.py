"""The verbs of every day on a real run: list, stop, rerun, delete; and how a run explains itself in Argo."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from tests.e2e.running import BASE, prepare, run_operator
from tests.e2e.world import World, as_json, merge, until

from validationrun.contract.load_entries import LoadStart
from validationrun.kube.cluster import SEI_NODE_DEPLOYMENTS, WORKFLOW_TEMPLATES


@pytest.fixture
def world() -> Iterator[World]:
    with World.open("daily") as opened, run_operator(opened):
        yield opened


def test_a_run_is_listed_stopped_started_again_and_deleted(world: World, tmp_path: Path) -> None:
    """Stopped under load it is Cancelled, its load and chain are gone; deleting leaves nothing of either run."""
    spec = tmp_path / "run.yaml"
    patch = {
        "metadata": {"namespace": world.namespace},
        "spec": {"load": {"duration": "4m"}, "timeouts": {"runDuration": "5m"}},
    }
    spec.write_text(yaml.safe_dump(merge(BASE, patch)))
    assert world.run_offline("compile", str(spec), "--out", str(tmp_path / "out")).returncode == 0
    world.grant(tmp_path / "out" / world.namespace / "e2e")
    before = world.holdings()

    submitted = world.run("submit", str(spec))
    assert submitted.returncode == 0, submitted.stderr
    name = submitted.stdout.strip()
    (listed,) = as_list(world)
    assert (listed["name"], listed["template"], listed["verdict"]) == (name, "e2e", "Awaited")
    until("the load runs", lambda: _under_load(world), 300)

    stopped = world.run("stop", name, "-n", world.namespace, "--wait")
    assert stopped.returncode == 0, stopped.stderr
    assert "Cancelled" in stopped.stdout
    assert world.run("wait", name, "-n", world.namespace).returncode == 2
    until("load and chain are gone", lambda: not world.left_running(), 120)
    status = as_json(world.run("status", name, "-n", world.namespace, "-o", "json").stdout)
    assert (status["phase"], status["verdict"], status["reason"]) == ("Cancelled", "Error", "Cancelled")
    assert {one["type"]: one["status"] for one in status["conditions"]}["TestCancelled"] == "True"
    (listed,) = as_list(world)
    assert (listed["phase"], listed["verdict"], listed["reason"]) == ("Cancelled", "Error", "Cancelled")
    again = world.run("stop", name, "-n", world.namespace)
    assert (again.returncode, "has ended already" in again.stderr) == (2, True)

    started = world.run("rerun", name, "-n", world.namespace)
    assert started.returncode == 0, started.stderr
    assert [one["name"] for one in as_list(world)] == [started.stdout.strip(), name]
    deleted = world.run("delete", name, started.stdout.strip(), "-n", world.namespace, "--yes")
    assert deleted.returncode == 0, deleted.stderr
    kept = before | {
        one for one in world.holdings() if one.startswith(("workflowtemplates/", "configmaps/e2e-bundle-"))
    }
    until("nothing of a run is left", lambda: not world.holdings() - kept, 120)
    assert as_list(world) == []


STEPS = ["ensure-chain", "wait-chain-ready", "load-job", "rule-evaluator"]


def test_a_run_explains_itself_to_whoever_looks_at_argo(world: World, tmp_path: Path) -> None:
    """By the Workflow alone, as its UI and `argo get` show it: what it is, how far it is, what came of it and why."""
    # Twice the minute after which Argo's executor reports a step's progress, and more.
    load = {"duration": "150s", "workload": {"args": ["--rate=5", "--exit-code=1"]}}
    prepared = prepare(world, tmp_path, {"spec": {"load": load}}, options=["--set", "duration=148s"])
    submitted = world.run("submit", str(prepared.spec), *prepared.arguments)
    assert submitted.returncode == 0, submitted.stderr
    name = submitted.stdout.strip()
    until("the evaluator told how far the window is", lambda: _progress(world), 500)
    awaited = "sei.io/managed-by=validationrun,validation.sei.io/verdict=Awaited"
    assert name in world.argo("list", "--selector", awaited, "--output", "name").split()
    assert world.run("wait", name, "-n", world.namespace).returncode == 1

    workflow = world.only_workflow()
    assert workflow is not None
    shown, labels = workflow["metadata"]["annotations"], workflow["metadata"]["labels"]
    assert shown["workflows.argoproj.io/title"] == f"{name}: 2m30s of chain_load, 1 rule"
    assert shown["workflows.argoproj.io/description"].startswith(
        "Brings up an ephemeral chain, drives `chain_load` at it"
    )
    assert "| height-advances | value > 0 | 5s | no |" in shown["workflows.argoproj.io/description"]
    assert labels["validation.sei.io/verdict"] == "Failed"
    assert (
        name in world.argo("list", "--selector", f"sei.io/chain-id={labels['sei.io/chain-id']}", "-o", "name").split()
    )
    template = world.cluster.get(WORKFLOW_TEMPLATES, "e2e")
    assert template is not None
    assert all(one["description"] for one in template["spec"]["arguments"]["parameters"])
    told = {one["name"]: one["value"] for one in workflow["status"]["outputs"]["parameters"]}
    assert told == {
        "chain-id": labels["sei.io/chain-id"],
        "exit-codes": "1",
        "verdict": "Failed",
        "reason": "WorkloadFailed",
    }
    nodes = {one["displayName"]: one for one in workflow["status"]["nodes"].values() if one["type"] == "Pod"}
    assert sorted(nodes) == sorted([*(f"{step}(0)" for step in STEPS), f"{name}.onExit(0)"])
    messages = {
        step: next(one["value"] for one in nodes[f"{step}(0)"]["outputs"]["parameters"] if one["name"] == "message")
        for step in STEPS[:3]
    }
    assert messages == dict(zip(STEPS, ["the chain makes blocks", "the chain serves", "shard 0 exit 1"], strict=False))
    printed = " ".join(world.argo("get", name, "--no-color").split())
    why = "Failed: WorkloadFailed: an assertion of the workload failed: shard 0 exit 1"
    assert f"Message: main: Error (exit code 1): {why}" in printed
    assert "Output Parameters: chain-id: " in printed
    assert "verdict: Failed reason: WorkloadFailed" in printed
    assert "duration: 148s" in printed

    _check_results(world, name)


def _progress(world: World) -> bool:
    """Of the Workflow: seconds of the window among its steps."""
    workflow = world.only_workflow()
    progress = str(((workflow or {}).get("status") or {}).get("progress") or "0/0")
    done, _, of = progress.partition("/")
    return int(of) > 148 > int(done) > 5


def _check_results(world: World, name: str) -> None:
    """The results of a run without S3, for whoever has only the cluster."""
    where = ["-n", world.namespace]
    suite = ET.fromstring(world.run("report", name, *where, "-o", "junit").stdout)  # noqa: S314 - our own
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("2", "0")
    report = world.run("report", name, *where)
    assert report.stdout.startswith("FAILED  e2e  WorkloadFailed\n"), report.stderr
    assert f"validationrun logs {name} -n {world.namespace} --saved" in world.run("status", name, *where).stdout
    # The chain is gone. What its nodes said is still there.
    assert not world.cluster.list(SEI_NODE_DEPLOYMENTS)
    saved = world.run("logs", name, *where, "--saved").stdout
    assert re.search(r"^== \S+-val-0-0$", saved, re.MULTILINE), saved
    assert "argo=true" not in world.run("logs", name, *where).stdout


def as_list(world: World) -> list[dict]:
    done = world.run("list", "-n", world.namespace, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict] = json.loads(done.stdout)
    return found


def _under_load(world: World) -> bool:
    workflow = world.only_workflow()
    found = world.record(workflow) if workflow is not None else None
    return found is not None and found.get(LoadStart) is not None
