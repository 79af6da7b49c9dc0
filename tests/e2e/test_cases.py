"""
Whole runs on a real cluster, from spec to verdict. What each must come to stands in cases.yaml.

Each case has a namespace and a stand-in operator of its own, so that they can run side by side.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.e2e.world import KUBECONFIG, REPOSITORY, World, as_json, merge, until

from validationrun import record
from validationrun.cluster import JOBS, WORKFLOWS, Object
from validationrun.record import Identity, parse_time

HERE: Final = Path(__file__).resolve().parent
BASE: Final = yaml.safe_load((HERE / "base.yaml").read_text())
CASES: Final = yaml.safe_load((HERE / "cases.yaml").read_text())


@contextlib.contextmanager
def run_operator(world: World) -> Iterator[None]:
    """The stand-in operator, for one namespace, as long as it is needed."""
    command = [
        sys.executable,
        "-m",
        "tests.chain.operator",
        "--namespace",
        world.namespace,
        "--parent",
        str(os.getpid()),
    ]
    context = os.environ.get("E2E_CONTEXT")
    command += ["--context", context] if context else ["--kubeconfig", str(KUBECONFIG)]
    operator = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        yield
    finally:
        operator.terminate()
        operator.wait(30)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(request.node.callspec.id) as opened, run_operator(opened):
        yield opened


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any], world: World, tmp_path: Path) -> None:
    spec = tmp_path / "run.yaml"
    document = merge(BASE, case["spec"])
    document["metadata"]["namespace"] = world.namespace
    spec.write_text(yaml.safe_dump(document))
    compiled = world.run_offline("compile", str(spec), "--out", str(tmp_path / "out"))
    assert compiled.returncode == 0, compiled.stderr
    world.grant(tmp_path / "out" / world.namespace / "e2e")

    arguments = ["submit", str(spec), "--wait", "--timeout", "9m", "-o", "json"]
    if case.get("prometheus") == "goes-away-with-load":
        arguments += ["--set", f"prometheus-url={world.front_prometheus()}"]
        threading.Thread(target=_cut_with_load, args=(world,), daemon=True).start()
    before = world.holdings()
    submitted = world.run(*arguments)
    print(submitted.stderr)
    status = as_json(submitted.stdout)
    workflow = world.only_workflow()
    assert workflow is not None

    _check_status(case["expect"], status, submitted.returncode)
    _check_workflow(case["expect"], workflow, status)
    _check_record(world, workflow, status)
    _check_readers(world, workflow, status, submitted.returncode)
    if case["expect"].get("shorter"):
        _check_ended_early(world, workflow, document)
    _check_clean(world, workflow, before)


def _cut_with_load(world: World) -> None:
    def window_is_open() -> bool | None:
        workflow = world.only_workflow()
        found = world.record(workflow) if workflow else None
        return True if found is not None and found.get(record.LOAD_START) is not None else None

    until("the window opens", window_is_open, 400)
    world.cut_prometheus()


def _check_status(expect: dict[str, Any], status: Object, code: int) -> None:
    got = {key: status[key] for key in ("phase", "verdict", "reason", "failedPlan")}
    assert got == {key: expect[key] for key in got}, status["message"]
    assert code == expect["exit"]
    assert re.search(expect["message"], status["message"]), status["message"]
    assert {rule["name"]: [rule["verdict"], rule["reason"]] for rule in status["rules"]} == expect["rules"]
    if "workloadExitCode" in expect:
        assert status["workloadExitCode"] == expect["workloadExitCode"]
        shards = [shard["exitCode"] for shard in status["load"]["shards"]] if status["load"] else None
        assert shards == expect["codes"]
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert {name: conditions[name] for name in expect["conditions"]} == expect["conditions"]
    assert parse_time(status["startTime"]) < parse_time(status["completionTime"])


def _check_workflow(expect: dict[str, Any], workflow: Object, status: Object) -> None:
    assert workflow["status"]["phase"] == expect["workflow"]
    labels = workflow["metadata"]["labels"]
    assert labels["validation.sei.io/verdict"] == expect["verdict"]
    assert labels["validation.sei.io/phase"] == expect["phase"]
    assert workflow["metadata"]["annotations"]["validation.sei.io/reason"] == expect["reason"]
    if expect["verdict"] != "Passed":
        assert f"{expect['verdict']}: {expect['reason']}" in workflow["status"]["message"]
        assert status["message"][:200] in workflow["status"]["message"]


def _check_record(world: World, workflow: Object, status: Object) -> None:
    """What was printed is what finalize wrote; and nobody can write to it any more."""
    found = world.record(workflow)
    assert found is not None
    assert found.sealed
    assert found.get(record.RESULT) == status


def _check_readers(world: World, workflow: Object, status: Object, code: int) -> None:
    """`status` shows the verdict and ends 0, `wait` also ends by it."""
    for verb, expected in (("status", 0), ("wait", code)):
        shown = world.run(verb, workflow["metadata"]["name"], "-n", world.namespace, "-o", "json")
        assert shown.returncode == expected, shown.stderr
        assert as_json(shown.stdout) == status


def _check_ended_early(world: World, workflow: Object, document: Object) -> None:
    """The Job was ended by its deadline, long before the load's own end."""
    identity = Identity(workflow["metadata"]["name"], workflow["metadata"]["uid"], world.namespace)
    job = world.cluster.get(JOBS, identity.job_name)
    assert job is not None
    failed = next((one for one in job["status"]["conditions"] if one["type"] == "Failed"), None)
    assert failed is not None, job["status"]
    assert failed["reason"] == "DeadlineExceeded"
    lasted = parse_time(failed["lastTransitionTime"]) - parse_time(job["status"]["startTime"])
    assert document["spec"]["load"]["duration"] == "4m"
    assert lasted < 120


def _check_clean(world: World, workflow: Object, before: set[str]) -> None:
    """The chain goes with the run; all else goes with the Workflow, but for what `submit` put there for the next one."""
    until("the chain's pods are gone", lambda: not world.left_running(), 60)
    world.cluster.delete(WORKFLOWS, workflow["metadata"]["name"])

    def left() -> set[str]:
        return {
            one
            for one in world.holdings() - before
            if not re.match(r"workflowtemplates/e2e$|configmaps/e2e-bundle-", one)
        }

    try:
        until("nothing of the run is left", lambda: not left(), 60)
    except AssertionError as error:
        raise AssertionError(f"{error}; left: {sorted(left())}") from None
