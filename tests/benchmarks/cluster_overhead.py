"""
What a run costs beside its chain and its load, next to a do-nothing Workflow of the same shape on the same cluster.

`make bench-cluster` prints it. Before the load that is all of the time from the Workflow's creation on, less what the same chain
takes without a Workflow. Rounds are interleaved, and medians are shown: the machine is noisy. Kubernetes cuts the times of
Workflows and containers to whole seconds, so that a single round is a second off either way.
"""

import functools
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import yaml
from tests.chain.operator.loop import connect, install_crd
from tests.e2e.running import BASE, CASES, run_operator
from tests.e2e.world import KINDS, KUBECONFIG, World, as_json, merge, until

from validationrun import record
from validationrun.cluster import CHAIN_OBJECTS, PODS, WORKFLOWS, Cluster, Object
from validationrun.record import parse_time
from validationrun.runner.probes import synced_height

_ROUNDS: Final = 5
_WIDTH: Final = 66
_STAGES: Final = {
    "submit": "submit called to Workflow created",
    "first": "Workflow created to the chain's creation, preflight included",
    "load": "chain ready to load start",
    "between": "these two together, without the steps between them",
    "whole": "Workflow created to load start, all of it",
    "chain": "what the chain alone takes, without a Workflow",
    "before": "Workflow created to load start, less the chain alone",
    "called": "the same from the call of submit on",
    "verdict": "load end to verdict",
    "after": "load end to the Workflow's end, clean-up included",
    "settled": "the same less the settle time, which belongs to the verdict",
    "both": "before and after together, less the settle time",
    "pods": "pods of the Workflow",
}
_SETTLE_SECONDS: Final = 5.0
_RPC_PORT: Final = 26657
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
    """The passing case, and then its chain alone."""
    case = CASES["passes"]
    with World.open("bench") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        document = merge(BASE, case["spec"])
        document["metadata"]["namespace"] = world.namespace
        spec, out = Path(scratch) / "run.yaml", Path(scratch) / "out"
        spec.write_text(yaml.safe_dump(document))
        world.run_offline("compile", str(spec), "--out", str(out))
        world.grant(out / world.namespace / "e2e")
        chain = Chain(world.cluster, len(document["spec"]["chain"]["deployments"]))
        asked = time.time()
        submitted = world.run("submit", str(spec), "--wait", "-o", "json")
        status = as_json(submitted.stdout)
        if status["verdict"] != "Passed":
            raise RuntimeError(f"the run did not pass: {status['message']}")
        workflow = world.only_workflow()
        found = world.record(workflow) if workflow else None
        if workflow is None or found is None:
            raise RuntimeError("the run is gone")
        created, finished = (
            parse_time(workflow[part][key])
            for part, key in (("metadata", "creationTimestamp"), ("status", "finishedAt"))
        )
        first, ready = (parse_time(found.need(key)["at"]) for key in (record.PREFLIGHT, record.CHAIN_READY))
        load = found.need(record.LOAD)
        ended = max(parse_time(shard["finishedAt"]) for shard in load["shards"])
        start = parse_time(load["start"])
    alone = measure_chain(chain.bodies())
    before, settled = start - created - alone, finished - ended - _SETTLE_SECONDS
    return _rounded(
        submit=created - asked,
        first=first - created,
        load=start - ready,
        between=first - created + start - ready,
        whole=start - created,
        chain=alone,
        before=before,
        called=start - asked - alone,
        verdict=parse_time(status["completionTime"]) - ended,
        after=finished - ended,
        settled=settled,
        both=before + settled,
        pods=_pods(workflow),
    )


class Chain:
    """What a run creates of a chain, noted while it lasts: a run that passed takes its chain along."""

    def __init__(self, cluster: Cluster, count: int) -> None:
        self._cluster = cluster
        self._count = count
        self._seen: dict[str, Object] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while len(self._seen) < self._count:
            self._seen |= {one["metadata"]["name"]: one for one in self._cluster.list(CHAIN_OBJECTS)}
            time.sleep(1)

    def bodies(self) -> list[Object]:
        """In the order of their creation, as somebody would create them without a Workflow."""
        self._thread.join(1)
        if len(self._seen) < self._count:
            raise RuntimeError(f"saw {len(self._seen)} of {self._count} objects of the chain")
        seen = sorted(self._seen.values(), key=lambda one: str(one["metadata"]["creationTimestamp"]))
        kept = ("name", "namespace", "labels", "annotations")
        return [
            {
                "apiVersion": one["apiVersion"],
                "kind": one["kind"],
                "metadata": {key: one["metadata"][key] for key in kept if key in one["metadata"]},
                "spec": one["spec"],
            }
            for one in seen
        ]


def measure_chain(bodies: list[Object]) -> float:
    """
    Seconds from the creation of the chain's first object until its last node serves a block after a block.

    The least that anyone waits for who brings it up in its order: each deployment is created as soon as the one before is Ready.
    """
    with World.open("alone") as world, run_operator(world):
        # A namespace is fit for use a moment after its creation, and the operator has to be there.
        time.sleep(5)
        begun = time.time()
        for body in bodies:
            text = json.dumps(body).replace(body["metadata"]["namespace"], world.namespace)
            world.cluster.create(CHAIN_OBJECTS, json.loads(text))
            name = body["metadata"]["name"]
            until(f"{name} is Ready", functools.partial(_is_ready, world.cluster, name))
        heights: set[int] = set()
        until("the last node serves", functools.partial(_rises, world.cluster, bodies[-1], heights))
        return time.time() - begun


def _is_ready(cluster: Cluster, name: str) -> bool:
    found = cluster.get(CHAIN_OBJECTS, name) or {}
    return (found.get("status") or {}).get("phase") == "Ready"


def _rises(cluster: Cluster, body: Object, heights: set[int]) -> bool:
    role = body["metadata"]["labels"]["sei.io/role"]
    pod = cluster.list(PODS, labels=f"sei.io/role={role}")[-1]
    height = synced_height(f"http://{pod['status']['podIP']}:{_RPC_PORT}")
    if isinstance(height, int):
        heights.add(height)
    return len(heights) > 1


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
            between=times["a"][0] - created + start - times["b"][1],
            whole=start - created,
            chain=0,
            before=start - created,
            called=start - asked,
            verdict=times["onExit"][1] - end,
            after=finished - end,
            settled=finished - end,
            both=start - created + finished - end,
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
