"""
Results of real runs, uploaded by Argo to a real S3 server: one folder of two steps' files, which outlives its Workflow.

The server asks for signed requests; the key is in the environment of Argo's executor, as on a cloud it is the account's own.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster.controllers import Controller, additional_controller, older_controller
from tests.cluster.database import persistence
from tests.cluster.storage import Storage, storage
from tests.e2e.checks import check_clean, check_outcome, check_status
from tests.e2e.running import BASE, CASES, Outcome, prepare, run_operator, run_to_its_end
from tests.e2e.world import World, as_json, until

from validationrun.base import conventions

pytestmark = pytest.mark.installation

BUCKET: Final = "e2e-results"
LARGEST_WORKFLOW: Final = 38_000
"""Bytes: above what the Workflow of a finished run takes with its nodes compressed, below what it takes otherwise."""
OWN: Final = {"report.html", "report.junit.xml", "report.log", "report.md", "termination-message.json", "result.json"}


# Prometheus needs no sample of the run for it, so that it fails whatever the machine is busy with.
IMPOSSIBLE: Final = {
    "name": "impossible",
    "type": "query",
    "query": {"promql": "vector(0)", "op": ">", "threshold": "0"},
    "runProperties": {"interval": "5s"},
}
PASSES: Final = {**CASES["passes"]["expect"], "message": "the workload passed and the rule held"}
FAILS: Final = {
    **CASES["final-sweep-fails"]["expect"],
    "reason": "RuleFailed:impossible",
    "message": "0, not > 0",
    "red": {"rule-evaluator": "ThresholdViolated: rule impossible: 0, not > 0"},
}
RUNS: Final = {
    "passes": ([], PASSES | {"rules": {"height-advances": ["Passed", None]}}),
    "fails": (
        [IMPOSSIBLE],
        FAILS | {"rules": {"height-advances": ["Passed", None], "impossible": ["Failed", "ThresholdViolated"]}},
    ),
}
"""By name: the rules beside base.yaml's own, and what must come of it."""


@dataclass(frozen=True)
class Installation:
    """Argo whose executor may write to an S3 server."""

    controller: Controller
    storage: Storage

    def run(self, world: World, folder: Path, rules: list[Any], bucket: str) -> Outcome:
        """A run with these rules, too, that uploads its results there."""
        where = {"bucket": bucket, "endpoint": self.storage.endpoint, "region": self.storage.region}
        patch = {"spec": {"rules": [*BASE["spec"]["rules"], *rules], "results": {"s3": where}}}
        prepared = prepare(world, folder, patch, options=["--instance-id", self.controller.instance])
        return run_to_its_end(world, prepared)

    @contextlib.contextmanager
    def of_line(self, line: str) -> "Iterator[Installation]":
        """The same by a controller of this line of Argo."""
        if line == "4":
            yield self
            return
        with older_controller({"executor": self.storage.executor}) as controller:
            yield Installation(controller, self.storage)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with storage() as store:
        store.create(BUCKET)
        with additional_controller({"executor": store.executor}) as controller:
            yield Installation(controller, store)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open("results") as opened, run_operator(opened):
        yield opened


@pytest.mark.parametrize("name", RUNS)
def test_results_are_uploaded_whole(name: str, installation: Installation, world: World, tmp_path: Path) -> None:
    rules, expect = RUNS[name]
    outcome = installation.run(world, tmp_path, rules, BUCKET)
    path = f"{world.namespace}/chain_load/{outcome.name}"
    assert outcome.status["report"] == {"s3Url": f"s3://{BUCKET}/{path}/"}
    # Deletes the Workflow in the end: results outlive it.
    check_outcome(world, expect, outcome)
    folder = tmp_path / "downloaded"
    shutil.copytree(installation.storage.root / BUCKET / path, folder)
    check_files(folder, outcome)
    check_reports(world, folder, outcome)


def check_files(folder: Path, outcome: Outcome) -> None:
    """All that a run leaves, each as `result.json` lists it; of a run that did not pass, what the pods said too."""
    found = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    rules = {f"rules/{rule['name']}.{suffix}" for rule in outcome.status["rules"] for suffix in ("json", "jsonl")}
    said = {name for name in found if name == "diagnostics.json" or name.startswith("pod-")}
    assert found == OWN | rules | said
    assert bool(said) is (outcome.status["verdict"] != "Passed")
    result = json.loads((folder / "result.json").read_text())
    assert result["status"] == outcome.status
    assert set(result["files"]) == found - {"result.json"}
    for name, listed in result["files"].items():
        content = (folder / name).read_bytes()
        assert listed == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}, name


def check_reports(world: World, folder: Path, outcome: Outcome) -> None:
    """Whoever downloads the folder sees the run, and judges it again."""
    told = world.run_offline("report", str(folder), "-o", "json")
    assert (told.returncode, as_json(told.stdout)) == (0, outcome.status), told.stderr
    drawn = world.run_offline("report", str(folder), "-o", "html")
    assert drawn.returncode == 0, drawn.stderr
    for rule in outcome.status["rules"]:
        assert rule["name"] in drawn.stdout
        assert rule["name"] in (folder / "report.html").read_text()
    again = world.run_offline("replay", str(folder))
    assert "replay: agrees to the letter" in again.stderr
    assert again.returncode == outcome.code


@dataclass(frozen=True)
class LateBucket:
    """Makes the bucket once the first attempt of rule-evaluator has failed to upload to it."""

    world: World
    storage: Storage
    bucket: str

    def make(self) -> None:
        until("rule-evaluator has an attempt that failed", self._has_failed, 300)
        self.storage.create(self.bucket)

    def _has_failed(self) -> bool:
        nodes = ((self.world.only_workflow() or {}).get("status") or {}).get("nodes") or {}
        attempts = [
            node for node in nodes.values() if node["type"] == "Pod" and node["templateName"] == "rule-evaluator"
        ]
        return any(node["phase"] in ("Error", "Failed") for node in attempts)


@pytest.mark.parametrize("line", ["4", "3.7"])
def test_upload_fails_then_nothing(line: str, installation: Installation, world: World, tmp_path: Path) -> None:
    """Without the proof of uploads this run would pass: the DAG succeeds, finalize's own upload too."""
    expect = CASES["upload-fails-then-nothing"]["expect"]
    bucket = f"late-{world.namespace}"
    late = LateBucket(world, installation.storage, bucket)
    with ThreadPoolExecutor(1) as pool, installation.of_line(line) as used:
        made = pool.submit(late.make)
        outcome = used.run(world, tmp_path, [], bucket)
        made.result()
    nodes = outcome.workflow["status"]["nodes"].values()
    assert next(node for node in nodes if node["displayName"] == outcome.name + "(0)")["phase"] == "Succeeded"
    codes = [
        node["outputs"]["exitCode"] for node in nodes if node["type"] == "Pod" and "rule-eval" in node["displayName"]
    ]
    assert sorted(codes) == ["0", "70", "70", "70"]
    check_outcome(world, expect, outcome)
    stored = installation.storage.root / bucket / world.namespace / "chain_load" / outcome.name
    assert json.loads((stored / "result.json").read_text())["status"]["reason"] == "ResultsNotStored"
    assert not (stored / "rules").exists()


@pytest.mark.parametrize("kept", ["offloaded", "compressed"])
def test_results_are_stored_where_the_nodes_are_not(
    kept: str, installation: Installation, world: World, tmp_path: Path
) -> None:
    """An installation that offloads or compresses the nodes of a Workflow turns no good run into an Error."""
    settings: dict[str, Any] = {"executor": installation.storage.executor}
    with contextlib.ExitStack() as stack:
        environment = {"MAX_WORKFLOW_SIZE": str(LARGEST_WORKFLOW)}
        if kept == "offloaded":
            settings["persistence"] = stack.enter_context(persistence())
            environment = {"ALWAYS_OFFLOAD_NODE_STATUS": "true"}
        controller = stack.enter_context(additional_controller(settings, environment))
        outcome = Installation(controller, installation.storage).run(world, tmp_path, [], BUCKET)
        status = outcome.workflow["status"]
        assert not status.get("nodes")
        assert bool(status.get("compressedNodes")) is (kept == "compressed")
        assert bool(status.get("offloadNodeStatusVersion")) is (kept == "offloaded")
        check_outcome(world, RUNS["passes"][1], outcome)


def test_an_upload_that_fails_is_no_pass(installation: Installation, world: World, tmp_path: Path) -> None:
    """No upload succeeds, finalize's own neither."""
    outcome = installation.run(world, tmp_path, [], "no-such-bucket")
    expect = CASES["upload-fails-then-nothing"]["expect"]
    check_status(expect, outcome.status, outcome.code)
    assert outcome.workflow["status"]["phase"] in ("Failed", "Error")
    for verb, code in (("status", 0), ("wait", 2)):
        shown = world.run(verb, outcome.name, "-n", world.namespace, "-o", "json")
        assert (shown.returncode, as_json(shown.stdout)["verdict"]) == (code, "Error"), shown.stderr
    assert outcome.workflow["metadata"]["labels"][conventions.LABEL_VERDICT] == "Error"
    check_clean(world, outcome)
