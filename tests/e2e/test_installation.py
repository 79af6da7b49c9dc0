"""
Runs on installations of Argo that others have: controllers that go away, node status kept elsewhere, defaults that are no
friends of a run's, an API server that restarts.

Each but the last has a controller of its own beside the cluster's, and a namespace of its own.
"""

import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster import control, processes
from tests.cluster.controllers import Controller, additional_controller
from tests.cluster.database import persistence
from tests.e2e.checks import check_outcome
from tests.e2e.faults import fault
from tests.e2e.running import CASES, Outcome, prepare, run_operator, run_to_its_end
from tests.e2e.world import World, until

from validationrun.kube.cluster import WORKFLOWS, Object

pytestmark = pytest.mark.installation

LONGER: Final = {"spec": {"load": {"duration": "45s"}}}
"""Longer than whatever is away for a while."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(request.node.name.removeprefix("test_")[:24].replace("_", "-").strip("-")) as opened:
        with run_operator(opened):
            yield opened


def run_on(
    controller: Controller, world: World, folder: Path, patch: Mapping[str, Any], *faults: Mapping[str, Any]
) -> Outcome:
    """A run that this controller takes."""
    prepared = prepare(world, folder, patch, options=["--instance-id", controller.instance])
    return run_to_its_end(world, prepared, faults)


@fault("restart-controller")
def restart_controller(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Kills the `controller`, and starts it again after `away` seconds."""
    del world, workflow
    options["controller"].kill()
    time.sleep(options["away"])
    options["controller"].start()


def test_controller_restarted(world: World, tmp_path: Path) -> None:
    """Argo's controller dies under load and is away for a while; what happened meanwhile is caught up with."""
    with additional_controller() as controller:
        killed = {"at": "load-start", "after": 5, "do": "restart-controller", "controller": controller, "away": 15}
        outcome = run_on(controller, world, tmp_path, LONGER, killed)
        check_outcome(world, CASES["controller-restarted"]["expect"], outcome)


@fault("read")
def read(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Has the `verb` read the run, and puts what it says into `said`; what follows the run does so to its end."""
    options["said"][options["verb"]] = world.run(
        *options["verb"].split(), workflow["metadata"]["name"], "-n", world.namespace
    )


def test_node_status_offloaded(world: World, tmp_path: Path) -> None:
    """No reader finds a node in the Workflow, and each tells what it tells elsewhere."""
    said: dict[str, subprocess.CompletedProcess[str]] = {}
    reading = {"at": "load-start", "after": 2, "do": "read", "said": said}
    faults = [{**reading, "verb": verb} for verb in ("status", "watch", "logs -f")]
    with persistence() as database:
        with additional_controller({"persistence": database}, {"ALWAYS_OFFLOAD_NODE_STATUS": "true"}) as controller:
            outcome = run_on(controller, world, tmp_path, LONGER, *faults)
            status = outcome.workflow["status"]
            assert not status.get("nodes")
            assert not status.get("compressedNodes")
            assert status["offloadNodeStatusVersion"]
            check_outcome(world, CASES["node-status-offloaded"]["expect"], outcome)
    assert {verb: done.returncode for verb, done in said.items()} == {"status": 0, "watch": 0, "logs -f": 0}, said
    assert "  window   " in said["status"].stdout
    origins = {line.partition("]")[0].removeprefix("[") for line in said["logs -f"].stdout.splitlines()}
    assert origins == {"ensure-chain", "wait-chain-ready", "load-job", "rule-evaluator", "finalize", "shard 0"}
    for line in ("step ensure-chain: Done", "step load-job: Running", "shard 0: exit 0"):
        assert line in said["watch"].stderr


_SOON: Final = {"suspend": {"duration": "1s"}}

HOSTILE: Final = {
    "metadata": {"labels": {"validation.sei.io/verdict": "Passed"}},
    "spec": {
        "entrypoint": "bye",
        "onExit": "bye",
        "hooks": {
            "exit": {"template": "bye"},
            "ended": {"template": "bye", "expression": 'workflow.status == "Succeeded"'},
        },
        "templates": [{"name": "bye", **_SOON}],
        "arguments": {"parameters": [{"name": "duration", "value": "1s"}]},
        "serviceAccountName": "nobody",
        "automountServiceAccountToken": False,
        "activeDeadlineSeconds": 30,
        "ttlStrategy": {"secondsAfterCompletion": 2, "secondsAfterSuccess": 2, "secondsAfterFailure": 2},
        "podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"},
        "parallelism": 1,
        "synchronization": {"mutexes": [{"name": "everybody"}]},
        "retryStrategy": {"limit": "5", "retryPolicy": "Always"},
        "archiveLogs": True,
        "podSpecPatch": '{"activeDeadlineSeconds": 10, "terminationGracePeriodSeconds": 1}',
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "workflowMetadata": {"labels": {"validation.sei.io/verdict": "Passed"}},
        "templateDefaults": {
            "timeout": "20s",
            "activeDeadlineSeconds": 15,
            "parallelism": 1,
            "failFast": True,
            "serviceAccountName": "nobody",
            "retryStrategy": {"limit": "5", "retryPolicy": "Always"},
        },
    },
}
"""Each of these would end a run, retry it, run one pod at a time, or delete it at once."""


def test_hostile_workflow_defaults(world: World, tmp_path: Path) -> None:
    """A do-nothing Workflow shows that the defaults are in force: by them it is started, ended and deleted. The run is not."""
    with additional_controller({"workflowDefaults": HOSTILE}) as controller:
        outcome = run_on(controller, world, tmp_path, {})
        _check_defaults_rule(world, controller)
        kept = world.cluster.get(WORKFLOWS, outcome.name)
        assert kept is not None
        assert kept["metadata"]["uid"] == outcome.workflow["metadata"]["uid"]
        check_outcome(world, CASES["hostile-workflow-defaults"]["expect"], outcome)


def _check_defaults_rule(world: World, controller: Controller) -> None:
    """A Workflow that ends after the run did, and is deleted."""
    labels = {"workflows.argoproj.io/controller-instanceid": controller.instance}
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "nothing", "labels": labels},
        "spec": {"templates": [{"name": "bye", **_SOON}]},
    }
    world.cluster.create(WORKFLOWS, body)
    until("Argo has ended it and deleted it", lambda: world.cluster.get(WORKFLOWS, "nothing") is None, 120)


@fault("restart-api-server")
def restart_api_server(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Ends the API server, and starts it again after `away` seconds."""
    del world, workflow
    processes.stop("kube-apiserver")
    try:
        time.sleep(options["away"])
    finally:
        control.start_api_server()


@pytest.mark.alone
def test_api_server_restarted(world: World, tmp_path: Path) -> None:
    """Nobody reaches the API server for a while: the steps, Argo, and the one who waits."""
    prepared = prepare(world, tmp_path, LONGER)
    away = {"at": "load-start", "after": 5, "do": "restart-api-server", "away": 10}
    outcome = run_to_its_end(world, prepared, [away])
    check_outcome(world, CASES["api-server-restarted"]["expect"], outcome)
