"""
What a suite costs for each of its runs, next to a do-nothing Workflow of Workflows on the same cluster: `make bench-cluster`.

    python -m tests.benchmarks.cluster_suites [--members 8] [--rounds 3]

Both sides start the same Workflows, one after the other: one step, /bin/true, from a WorkflowTemplate. On one side a suite does, whose
runs' templates were replaced by these. On the other side it is a DAG of as many tasks, each a `resource` template of Argo that creates the
Workflow and waits for its successCondition, with a /bin/true as the exit handler. Rounds are interleaved, and medians are shown: seconds from the
start of the outer Workflow to its end, by member. Exits 1 when the suite takes more than 1.3 times as long.

A member without a run record is an Error of the suite, which goes on here because of `stopOnFailure: false`. So each member costs the suite a second
more than one that passes: Argo waits for the backoff of a step that failed before it decides that it does not try again.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml
from tests.benchmarks.cluster_overhead import connect_and_install
from tests.e2e.suites import apply, submit_from, suite_of
from tests.e2e.world import KINDS, World, until

from validationrun.base.times import parse_time
from validationrun.contract.argo_phase import has_ended
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, WORKFLOWS, Object

_MOST_TIMES: Final = 1.3
_LONGEST_SECONDS: Final = 1200
_SUITE: Final = "suite"
_STEP: Final = {
    "image": "validationrun-runner:v1",
    "command": ["/bin/true"],
    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
}
_SECURITY: Final = {"runAsNonRoot": True, "runAsUser": 8737}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    connect_and_install()
    names = [f"m{number}" for number in range(given.members)]
    ours, nothing = [], []
    for number in range(given.rounds):
        with World.open("bench-suite") as world, tempfile.TemporaryDirectory() as scratch:
            _prepare(world, Path(scratch), names)
            ours.append(_suite(world, names))
            nothing.append(_workflow_of_workflows(world, names))
        print(f"round {number + 1}: a suite {ours[-1]:.1f} s, nothing {nothing[-1]:.1f} s a member", flush=True)
    one, other = statistics.median(ours), statistics.median(nothing)
    print(
        f"medians of {given.rounds} rounds of {given.members} members: {one:.1f} s, {other:.1f} s, {one / other:.2f} times"
    )
    return 1 if one > _MOST_TIMES * other else 0


def _prepare(world: World, folder: Path, names: list[str]) -> None:
    """The suite is applied, and the template of each run is one that does nothing."""
    suite_of(world, folder, *names, stopOnFailure=False)
    out = folder / _SUITE / world.namespace
    apply(world, out / _SUITE)
    for name in names:
        apply(world, out / f"{_SUITE}-{name}")
        found = world.cluster.get(WORKFLOW_TEMPLATES, f"{_SUITE}-{name}")
        if found is None:
            raise RuntimeError(f"the template of {name} is gone")
        world.cluster.delete(WORKFLOW_TEMPLATES, f"{_SUITE}-{name}")
        spec = {
            "entrypoint": "step",
            "serviceAccountName": f"{world.namespace}-validation",
            "securityContext": _SECURITY,
            "templates": [{"name": "step", "container": _STEP}],
        }
        metadata = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
        body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": metadata, "spec": spec}
        world.cluster.create(WORKFLOW_TEMPLATES, body)
    results = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    workflows = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "list", "patch"]}
    for account, rules in (("validation", [results]), ("runner", [results, workflows])):
        _grant(world, f"{world.namespace}-{account}", rules)


def _grant(world: World, account: str, rules: list[Object]) -> None:
    api = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": f"bench-{account}"}, "rules": rules}
    world.cluster.create(KINDS["Role"], role)
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"bench-{account}"},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": f"bench-{account}"},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }
    world.cluster.create(KINDS["RoleBinding"], binding)


def _suite(world: World, names: list[str]) -> float:
    """Seconds a member. Raises RuntimeError when the suite did not start each member once."""
    workflow = submit_from(world, _SUITE)
    ended = _ended(world, workflow["metadata"]["name"])
    started = world.cluster.list(WORKFLOWS, labels=f"validation.sei.io/suite-uid={workflow['metadata']['uid']}")
    if len(started) != len(names):
        raise RuntimeError(f"the suite started {len(started)} of {len(names)} members")
    return _seconds(ended) / len(names)


def _workflow_of_workflows(world: World, names: list[str]) -> float:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "nothing-", "namespace": world.namespace},
        "spec": _outer(f"{world.namespace}-runner", names),
    }
    workflow = world.cluster.create(WORKFLOWS, body)
    ended = _ended(world, workflow["metadata"]["name"])
    if ended["status"]["phase"] != "Succeeded":
        raise RuntimeError(f"the Workflow of Workflows is {ended['status']['phase']}: {ended['status'].get('message')}")
    return _seconds(ended) / len(names)


def _outer(account: str, names: list[str]) -> Object:
    inner = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "inner-"},
        "spec": {"workflowTemplateRef": {"name": f"{_SUITE}-{{{{inputs.parameters.member}}}}"}},
    }
    start: dict[str, Any] = {
        "name": "start",
        "inputs": {"parameters": [{"name": "member"}]},
        "resource": {
            "action": "create",
            "manifest": yaml.safe_dump(inner),
            "successCondition": "status.phase == Succeeded",
            "failureCondition": "status.phase in (Failed, Error)",
        },
    }
    tasks = []
    for name in names:
        after = {"depends": tasks[-1]["name"]} if tasks else {}
        arguments = {"parameters": [{"name": "member", "value": name}]}
        tasks.append({"name": name, "template": "start", "arguments": arguments, **after})
    return {
        "entrypoint": "main",
        "hooks": {"exit": {"template": "step"}},
        "serviceAccountName": account,
        "securityContext": _SECURITY,
        "templates": [{"name": "main", "dag": {"tasks": tasks}}, start, {"name": "step", "container": _STEP}],
    }


def _ended(world: World, name: str) -> Object:
    def look() -> Object | None:
        found = world.cluster.get(WORKFLOWS, name)
        return found if found is not None and has_ended(found) else None

    return until(f"Workflow {name} ends", look, _LONGEST_SECONDS)


def _seconds(workflow: Object) -> float:
    status = workflow["status"]
    return parse_time(status["finishedAt"]) - parse_time(status["startedAt"])


if __name__ == "__main__":
    sys.exit(main())
