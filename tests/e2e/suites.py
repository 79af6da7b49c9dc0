"""Suites of the tests: written, compiled, granted, started, followed and checked. Their members are base.yaml, shortened."""

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.e2e.running import BASE
from tests.e2e.world import KINDS, World, as_json, documents, until

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.owned_record import Identity
from validationrun.contract.suite_record import MemberEntry, SuiteRecord
from validationrun.kube.cluster import PODS, WORKFLOWS, Object

SUITE: Final = "suite"
LONGEST: Final = "9m"

_LINES: Final = ["4", pytest.param("3.7", marks=pytest.mark.installation)]
on_both_lines = pytest.mark.parametrize("controller", _LINES, indirect=True)
"""For a test with the fixture `controller` of conftest.py."""


def suite_of(
    world: World,
    folder: Path,
    *members: str,
    fails: str = "",
    duration: str = "12s",
    name: str = SUITE,
    options: Sequence[str] = (),
    entry: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Path:
    """
    A suite of runs that are written inside it; its access files and theirs are in force.

    Args:
        fails: the member that fails.
        options: of `compile`, such as those of another controller.
        entry: fields that each entry has besides.
    """
    runs = []
    for member in members:
        own = copy.deepcopy(BASE["spec"])
        own["load"]["duration"] = duration
        own["load"]["workload"]["args"] = ["--rate=10", "--min-included=1"]
        if member == fails:
            own["rules"][0]["query"]["threshold"] = "1000000"
        runs.append({"name": member, "spec": own, **(entry or {})})
    document = {
        "apiVersion": BASE["apiVersion"],
        "kind": "ValidationSuite",
        "metadata": {"name": name, "namespace": world.namespace},
        "spec": {"runs": runs, **spec},
    }
    path, out = folder / f"{name}.yaml", folder / name
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    compiled = world.run_offline("compile", str(path), "--out", str(out), *options)
    assert compiled.returncode == 0, compiled.stderr
    for each in sorted((out / world.namespace).iterdir()):
        world.grant(each)
    return path


def apply(world: World, folder: Path) -> None:
    """The bundle and the template of a compiled folder, as a GitOps controller applies them."""
    for file in ("bundle.yaml", "workflowtemplate.yaml"):
        for document in documents((folder / file).read_text()):
            world.cluster.apply(KINDS[document["kind"]], document, force=True)


def submit(world: World, path: Path, *options: str) -> Object:
    """Starts the suite and waits for nothing; its Workflow."""
    return started(world, "submit", str(path), *options)


def submit_from(world: World, name: str = SUITE) -> Object:
    """Starts the suite that was applied."""
    return started(world, "submit", "--from", name, "-n", world.namespace)


def started(world: World, *arguments: str) -> Object:
    done = world.run(*arguments)
    assert done.returncode == 0, done.stderr
    workflow = world.cluster.get(WORKFLOWS, done.stdout.strip())
    assert workflow is not None
    return workflow


def record_of(world: World, suite: Object) -> SuiteRecord | None:
    return SuiteRecord.read(
        world.cluster, Identity(suite["metadata"]["name"], suite["metadata"]["uid"], world.namespace)
    )


def entry_of(world: World, suite: Object, member: str) -> MemberEntry | None:
    written = record_of(world, suite)
    return written.member(member) if written is not None else None


def is_under_load(world: World, entry: MemberEntry) -> bool:
    found = world.cluster.get(WORKFLOWS, entry.workflow)
    written = world.record(found) if found is not None else None
    return written is not None and "load-start" in written._data


def wait_started(world: World, suite: Object, member: str = "first") -> MemberEntry:
    return until(f"{member} is started", lambda: entry_of(world, suite, member), 120)


def wait_under_load(world: World, suite: Object, member: str = "first") -> MemberEntry:
    entry = wait_started(world, suite, member)
    until(f"{member} is under load", lambda: is_under_load(world, entry), 240)
    return entry


def running_pods(world: World, suite: Object) -> list[Object]:
    """The suite's own pods that run."""
    label = f"{conventions.LABEL_ARGO_WORKFLOW}={suite['metadata']['name']}"
    pods = world.cluster.list(PODS, labels=label)
    return [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]


def check_verdict(world: World, expect: Mapping[str, Any], suite: Object) -> Object:
    """What `wait` says of the suite is what was expected, and its members have ended. Returns the status."""
    waited = world.run("wait", suite["metadata"]["name"], "-n", world.namespace, "--timeout", LONGEST, "-o", "json")
    print(waited.stdout, waited.stderr)
    status = as_json(waited.stdout)
    assert {key: status[key] for key in ("phase", "verdict", "reason")} == {
        key: expect[key] for key in ("phase", "verdict", "reason")
    }
    assert waited.returncode == expect["exit"]
    assert re.search(expect["message"], status["message"]), status["message"]
    assert {member["name"]: member["outcome"] for member in status["members"]} == expect["members"]
    labels = f"{conventions.LABEL_SUITE_UID}={suite['metadata']['uid']}"
    members = world.cluster.list(WORKFLOWS, labels=labels)
    until("every member has ended", lambda: all(map(has_ended, members)) or None, 1)
    return status


def check(world: World, expect: Mapping[str, Any], suite: Object) -> Object:
    """`check_verdict`, and nothing of the suite still runs."""
    status = check_verdict(world, expect, suite)
    until("nothing of the suite runs", lambda: not world.left_running() or None, 120)
    return status
