"""
What a run costs beside its chain and its load, next to a do-nothing Workflow of the same shape on the same cluster.

`make bench-cluster` prints it. Rounds are interleaved, and medians are shown: the machine is noisy. Kubernetes cuts the times
of Workflows and containers to whole seconds, so that a single round is a second off either way.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml
from tests.chain.operator.loop import connect, install_crd
from tests.e2e.running import BASE, CASES, run_operator
from tests.e2e.world import KINDS, KUBECONFIG, World, as_json, merge, until

from validationrun import record
from validationrun.cluster import PODS, WORKFLOWS, Cluster, Object
from validationrun.record import parse_time

_ROUNDS: Final = 5
_WIDTH: Final = 66
_STAGES: Final = {
    "submit": "submit called to Workflow created",
    "first": "Workflow created to the chain's creation, preflight included",
    "load": "chain ready to load start",
    "before": "Workflow created to load start, beyond the chain's own readiness",
    "called": "the same from the call of submit on",
    "verdict": "load end to verdict",
    "after": "load end to the Workflow's end, clean-up included",
    "settled": "the same less the settle time, which belongs to the verdict",
    "both": "before and after together, less the settle time",
    "pods": "pods of the Workflow",
}
_SETTLE_SECONDS: Final = 5.0
_MOST: Final = {"before": 1.3, "settled": 1.3}
"""So many times as long as nothing at most."""
_STEP: Final = {
    "image": "validationrun-runner:v1",
    "command": ["/bin/true"],
    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
}


def connect_and_install() -> None:
    """What `make e2e` does by a fixture: the definition of the chain's kind."""
    install_crd(connect(str(KUBECONFIG), None))


def main() -> int:
    connect_and_install()
    ours: list[dict[str, float]] = []
    nothing: list[dict[str, float]] = []
    for number in range(_ROUNDS):
        ours.append(measure_run())
        nothing.append(measure_nothing())
        print(f"round {number + 1}: a run {ours[-1]}, nothing {nothing[-1]}", flush=True)
    print(
        f"\nmedians of {_ROUNDS} interleaved rounds, in seconds; `nothing` is a Workflow of the same steps, each /bin/true, by `argo submit`"
    )
    print(f"{'':<{_WIDTH}} {'a run':>8} {'nothing':>8} {'ratio':>8}")
    missed = []
    for key, words in _STAGES.items():
        one, other = (statistics.median(row[key] for row in rows) for rows in (ours, nothing))
        print(f"{words:<{_WIDTH}} {one:>8.1f} {other:>8.1f} {one / other if other else 0:>8.2f}")
        if key in _MOST and one > _MOST[key] * other:
            missed.append(f"{words}: more than {_MOST[key]} x")
    print("\n".join(missed))
    return 1 if missed else 0


def measure_run() -> dict[str, float]:
    """The passing case. What the chain and the load themselves take is left out."""
    case = CASES["passes"]
    with World.open("bench") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        document = merge(BASE, case["spec"])
        document["metadata"]["namespace"] = world.namespace
        spec, out = Path(scratch) / "run.yaml", Path(scratch) / "out"
        spec.write_text(yaml.safe_dump(document))
        world.run_offline("compile", str(spec), "--out", str(out))
        world.grant(out / world.namespace / "e2e")
        asked = time.time()
        submitted = world.run("submit", str(spec), "--wait", "-o", "json")
        status = as_json(submitted.stdout)
        if status["verdict"] != "Passed":
            raise RuntimeError(f"the run did not pass: {status['message']}")
        workflow = world.only_workflow()
        found = world.record(workflow) if workflow else None
        if workflow is None or found is None:
            raise RuntimeError("the run is gone")
        created = parse_time(workflow["metadata"]["creationTimestamp"])
        first, ready = (parse_time(found.need(key)["at"]) for key in (record.PREFLIGHT, record.CHAIN_READY))
        load = found.need(record.LOAD)
        ended = max(parse_time(shard["finishedAt"]) for shard in load["shards"])
        start = parse_time(load["start"])
        return _rounded(
            submit=created - asked,
            first=first - created,
            load=start - ready,
            before=first - created + start - ready,
            called=first - asked + start - ready,
            verdict=parse_time(status["completionTime"]) - ended,
            after=parse_time(workflow["status"]["finishedAt"]) - ended,
            settled=parse_time(workflow["status"]["finishedAt"]) - ended - _SETTLE_SECONDS,
            both=first
            - created
            + start
            - ready
            + parse_time(workflow["status"]["finishedAt"])
            - ended
            - _SETTLE_SECONDS,
            pods=_pods(workflow),
        )


def measure_nothing() -> dict[str, float]:
    """The same DAG and exit handler, each step /bin/true in the same image."""
    with World.open("nothing") as world, tempfile.TemporaryDirectory() as scratch:
        world.cluster.create(KINDS["Role"], _role())
        world.cluster.create(KINDS["RoleBinding"], _binding(f"{world.namespace}-validation"))
        path = Path(scratch) / "nothing.yaml"
        path.write_text(yaml.safe_dump(_nothing(f"{world.namespace}-validation")))
        asked = time.time()
        name = world.argo("submit", str(path), "-o", "name").strip().rsplit("/", 1)[-1]

        def ended() -> Object | None:
            found = world.cluster.get(WORKFLOWS, name)
            return found if found and (found.get("status") or {}).get("finishedAt") else None

        workflow = until("the Workflow ends", ended, 300)
        created = parse_time(workflow["metadata"]["creationTimestamp"])
        times = _container_times(world.cluster, name)
        finished = parse_time(workflow["status"]["finishedAt"])
        start, end = min(times["c"][0], times["d"][0]), max(times["c"][1], times["d"][1])
        return _rounded(
            submit=created - asked,
            first=times["a"][0] - created,
            load=start - times["b"][1],
            before=times["a"][0] - created + start - times["b"][1],
            called=times["a"][0] - asked + start - times["b"][1],
            verdict=times["onExit"][1] - end,
            after=finished - end,
            settled=finished - end,
            both=times["a"][0] - created + start - times["b"][1] + finished - end,
            pods=_pods(workflow),
        )


def _rounded(**values: float) -> dict[str, float]:
    return {key: round(value, 1) for key, value in values.items()}


def _container_times(cluster: Cluster, workflow: str) -> dict[str, tuple[float, float]]:
    """Start and end of each step's main container, by task name."""
    times = {}
    for pod in cluster.list(PODS, labels=f"workflows.argoproj.io/workflow={workflow}"):
        state = next(one for one in pod["status"]["containerStatuses"] if one["name"] == "main")["state"]["terminated"]
        task = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].rsplit(".", 1)[-1].split("(")[0]
        times[task] = (parse_time(state["startedAt"]), parse_time(state["finishedAt"]))
    return times


def _pods(workflow: Object) -> float:
    """By the Workflow's own account: the pods of one that passed are removed at once."""
    return sum(node["type"] == "Pod" for node in workflow["status"]["nodes"].values())


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
