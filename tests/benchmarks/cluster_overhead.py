"""
What a run costs beside its chain and its load, next to a do-nothing Workflow of the same shape on the same cluster.

`make bench-cluster` prints it. Rounds are interleaved, and medians are shown: the machine is noisy.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml
from tests.chain.operator.loop import connect, install_crd
from tests.e2e.test_cases import BASE, CASES, run_operator
from tests.e2e.world import KINDS, KUBECONFIG, World, as_json, merge, until

from validationrun import record
from validationrun.cluster import PODS, WORKFLOWS, Cluster, Object
from validationrun.record import parse_time

_ROUNDS: Final = 3
_STEP: Final = {
    "image": "validationrun-runner:v1",
    "command": ["/bin/true"],
    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
}


def main() -> int:
    install_crd(connect(str(KUBECONFIG), None))
    ours: list[dict[str, float]] = []
    nothing: list[dict[str, float]] = []
    for number in range(_ROUNDS):
        ours.append(measure_run())
        nothing.append(measure_nothing())
        print(f"round {number + 1}: a run {ours[-1]}, nothing {nothing[-1]}", flush=True)
    print(f"\nmedians of {_ROUNDS} interleaved rounds, in seconds")
    print(f"{'':<44} {'a run':>8} {'nothing':>8} {'ratio':>6}")
    for key, words in (("before", "submitted to load start, less the chain"), ("after", "load end to verdict")):
        one, other = (statistics.median(row[key] for row in rows) for rows in (ours, nothing))
        print(f"{words:<44} {one:8.1f} {other:8.1f} {one / other:6.2f}")
    pods = [statistics.median(row["pods"] for row in rows) for rows in (ours, nothing)]
    print(f"{'pods of the Workflow':<44} {pods[0]:8.0f} {pods[1]:8.0f}")
    return 0


def measure_run() -> dict[str, float]:
    """The passing case."""
    case = next(case for case in CASES if case["name"] == "passes")
    with World.open("bench") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        document = merge(BASE, case["spec"])
        document["metadata"]["namespace"] = world.namespace
        spec, out = Path(scratch) / "run.yaml", Path(scratch) / "out"
        spec.write_text(yaml.safe_dump(document))
        world.run_offline("compile", str(spec), "--out", str(out))
        world.grant(out / world.namespace / "e2e")
        submitted = world.run("submit", str(spec), "--wait", "-o", "json")
        status = as_json(submitted.stdout)
        if status["verdict"] != "Passed":
            raise RuntimeError(f"the run did not pass: {status['message']}")
        workflow = world.only_workflow()
        found = world.record(workflow) if workflow else None
        if workflow is None or found is None:
            raise RuntimeError("the run is gone")
        created = parse_time(workflow["metadata"]["creationTimestamp"])
        chain = parse_time(found.need(record.CHAIN_READY)["at"]) - parse_time(found.need(record.RUN)["startedAt"])
        load = found.need(record.LOAD)
        ended = max(parse_time(shard["finishedAt"]) for shard in load["shards"])
        return {
            "before": round(parse_time(load["start"]) - created - chain, 1),
            "after": round(parse_time(workflow["status"]["finishedAt"]) - ended, 1),
            "pods": _pods(world.cluster, workflow),
        }


def measure_nothing() -> dict[str, float]:
    """The same DAG and exit handler, each step /bin/true in the same image."""
    with World.open("nothing") as world:
        world.cluster.create(KINDS["Role"], _role())
        world.cluster.create(KINDS["RoleBinding"], _binding(f"{world.namespace}-validation"))
        name = world.cluster.create(WORKFLOWS, _nothing(f"{world.namespace}-validation"))["metadata"]["name"]

        def ended() -> Object | None:
            found = world.cluster.get(WORKFLOWS, name)
            return found if found and (found.get("status") or {}).get("finishedAt") else None

        workflow = until("the Workflow ends", ended, 300)
        created = parse_time(workflow["metadata"]["creationTimestamp"])
        times = _container_times(world.cluster, name)
        finished = parse_time(workflow["status"]["finishedAt"])
        return {
            "before": round(min(times["c"][0], times["d"][0]) - created, 1),
            "after": round(finished - max(times["c"][1], times["d"][1]), 1),
            "pods": _pods(world.cluster, workflow),
        }


def _container_times(cluster: Cluster, workflow: str) -> dict[str, tuple[float, float]]:
    """Start and end of each step's main container, by task name."""
    times = {}
    for pod in cluster.list(PODS, labels=f"workflows.argoproj.io/workflow={workflow}"):
        state = next(one for one in pod["status"]["containerStatuses"] if one["name"] == "main")["state"]["terminated"]
        task = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].rsplit(".", 1)[-1].split("(")[0]
        times[task] = (parse_time(state["startedAt"]), parse_time(state["finishedAt"]))
    return times


def _pods(cluster: Cluster, workflow: Object) -> float:
    return len(cluster.list(PODS, labels=f"workflows.argoproj.io/workflow={workflow['metadata']['name']}"))


def _nothing(account: str) -> Object:
    tasks = [
        {"name": "a", "template": "step"},
        {"name": "b", "template": "step", "depends": "a"},
        {"name": "c", "template": "step", "depends": "b"},
        {"name": "d", "template": "step", "depends": "b"},
    ]
    security = {"runAsNonRoot": True, "runAsUser": 8737}
    spec: dict[str, Any] = {
        "entrypoint": "main",
        "hooks": {"exit": {"template": "step"}},
        "serviceAccountName": account,
        "securityContext": security,
        "templates": [{"name": "main", "dag": {"tasks": tasks}}, {"name": "step", "container": _STEP}],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "nothing-"},
        "spec": spec,
    }


def _role() -> Object:
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "nothing"},
        "rules": [rule],
    }


def _binding(account: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "nothing"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "nothing"},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }


if __name__ == "__main__":
    sys.exit(main())
