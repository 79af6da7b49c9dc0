"""
What a run costs beside its chain and its load, next to a do-nothing Workflow of the same shape on the same cluster.

`make bench-cluster` prints it. Before the load that is all of the time from the Workflow's creation on, less what the same chain
takes without a Workflow. Rounds are interleaved, and medians are shown: the machine is noisy. Kubernetes cuts the times of
Workflows and containers to whole seconds, so that a single round is a second off either way.
"""

import functools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml
from tests.chain.operator.definitions import connect, install_crds
from tests.e2e.running import CASES, Prepared, prepare, run_operator, run_to_its_end
from tests.e2e.setups import bring_up
from tests.e2e.world import KINDS, KUBECONFIG, World, documents, until

from validationrun.base.times import parse_time
from validationrun.contract import parameters
from validationrun.contract.bundle import Bundle
from validationrun.contract.chain_entries import ChainReady, PreflightEntry
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.owned_record import Identity
from validationrun.kube.cluster import PODS, WORKFLOWS, Cluster, Object
from validationrun.steps.probes import synced_height

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
    install_crds(connect(str(KUBECONFIG), None))


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
    with World.open("bench") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        prepared = prepare(world, Path(scratch), CASES["passes"]["spec"])
        asked = time.time()
        outcome = run_to_its_end(world, prepared)
        status, workflow = outcome.status, outcome.workflow
        if status["verdict"] != "Passed":
            raise RuntimeError(f"the run did not pass: {status['message']}")
        found = world.record(workflow)
        if found is None:
            raise RuntimeError("the record is gone")
        load = found.need(LoadEnd)
    return _stages(
        asked,
        workflow,
        first=parse_time(found.need(PreflightEntry).at),
        ready=parse_time(found.need(ChainReady).at),
        start=parse_time(str(load.start)),
        end=max(parse_time(str(shard.finished_at)) for shard in load.shards),
        verdict=parse_time(status["completionTime"]),
        settle=_SETTLE_SECONDS,
        chain=measure_chain(),
    )


def measure_chain() -> float:
    """
    Seconds from the creation of the same chain's first object until its last node serves a block after a block.

    The least that anyone waits for who brings it up in its order.
    """
    with World.open("alone") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        prepared = prepare(world, Path(scratch), CASES["passes"]["spec"])
        deployments = _deployments(world, prepared)
        # The operator has to be there.
        time.sleep(5)
        begun = time.time()
        bring_up(world, deployments)
        heights: set[int] = set()
        role = deployments[-1]["metadata"]["labels"]["sei.io/role"]
        until("the last node serves", functools.partial(_rises, world.cluster, role, heights))
        return time.time() - begun


def _deployments(world: World, prepared: Prepared) -> list[Object]:
    """The chain's objects of a compiled spec, as a run would fill them; none owns them."""
    name = prepared.document["metadata"]["name"]
    (compiled,) = documents((prepared.out / world.namespace / name / "bundle.yaml").read_text())
    bundle = Bundle(compiled["data"])
    filled = parameters.run_values(bundle.plan, Identity("alone", "0", world.namespace), "alone", {})
    bodies = [bundle.manifest(entry.file, filled, {}) for entry in bundle.plan.chain.deployments]
    for body in bodies:
        del body["metadata"]["ownerReferences"]
    return bodies


def _rises(cluster: Cluster, role: str, heights: set[int]) -> bool:
    """Whether the node has shown two heights by now."""
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
        times = _container_times(world.cluster, name)
    return _stages(
        asked,
        workflow,
        first=times["a"][0],
        ready=times["b"][1],
        start=min(times["c"][0], times["d"][0]),
        end=max(times["c"][1], times["d"][1]),
        verdict=times["onExit"][1],
    )


def _stages(
    asked: float,
    workflow: Object,
    *,
    first: float,
    ready: float,
    start: float,
    end: float,
    verdict: float,
    settle: float = 0.0,
    chain: float = 0.0,
) -> dict[str, float]:
    """
    The rows, in seconds.

    Args:
        first, ready, start, end, verdict: of preflight, chain, load and verdict, as Unix time.
        settle: seconds of the time after the load that belong to the verdict.
        chain: seconds of the time before it that belong to the chain.
    """
    created, finished = (
        parse_time(workflow["metadata"]["creationTimestamp"]),
        parse_time(workflow["status"]["finishedAt"]),
    )
    rows = {
        "submit": created - asked,
        "first": first - created,
        "load": start - ready,
        "between": first - created + start - ready,
        "whole": start - created,
        "chain": chain,
        "before": start - created - chain,
        "called": start - asked - chain,
        "verdict": verdict - end,
        "after": finished - end,
        "settled": finished - end - settle,
        "both": start - created - chain + finished - end - settle,
        "pods": _pods(workflow),
    }
    return {key: round(value, 1) for key, value in rows.items()}


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
