"""
What is done to a run while it goes, by name, at a moment of it.

A fault of cases.yaml is such as `{at: load-start, after: 3, do: kill-step, step: rule-evaluator}`: three seconds after the
window has opened, the evaluator's pod is killed.
"""

import json
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from tests.e2e import front_prometheus
from tests.e2e.world import KINDS, World, until

from validationrun.base import conventions
from validationrun.base.conventions import FINALIZE_CONTAINER
from validationrun.base.times import format_time, parse_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import EvaluatorReady, WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadSignal, LoadStart
from validationrun.contract.record_key import RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import build_status
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import CONFIG_MAPS, PODS, SEI_NODES, WORKFLOW_TEMPLATES, WORKFLOWS, Object
from validationrun.oracle.outcome import Phase, RunReason
from validationrun.oracle.verdict_table import RunVerdict

MOMENTS: Final[Mapping[str, type[RecordKey]]] = {
    "run": RunEntry,
    "chain": ChainEntry,
    "chain-ready": ChainReady,
    "evaluator-ready": EvaluatorReady,
    "job": JobEntry,
    "load-start": LoadStart,
    "load-signal": LoadSignal,
    "window": WindowEntry,
    "load-end": LoadEnd,
    "sign-off": SignOff,
    "result": Status,
}
"""Moments by the key of the run record that stands from then on."""

SUBMITTED: Final = "submitted"
"""The moment at which the Workflow is there."""

_MOMENT_SECONDS: Final = 420
_KILL_SECONDS: Final = 200

Fault = Callable[[World, Object, Mapping[str, Any]], None]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    """A decorator: the name by which cases.yaml calls it."""

    def register(function: Fault) -> Fault:
        assert name not in FAULTS
        FAULTS[name] = function
        return function

    return register


class Faults:
    """A context manager that does the faults beside what goes on in it, and raises what kept one from being done."""

    def __init__(self, world: World, faults: Sequence[Mapping[str, Any]]) -> None:
        self._world = world
        self._error: str | None = None
        self._threads = [threading.Thread(target=self._do, args=(one,), daemon=True) for one in faults]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for thread in self._threads:
            thread.join(5 if error is not None else 60)
        if error is None:
            assert self._error is None, self._error
            assert not any(thread.is_alive() for thread in self._threads), "a fault was not done before the run's end"

    def _do(self, given: Mapping[str, Any]) -> None:
        try:
            workflow = wait_for(self._world, given["at"])
            time.sleep(given.get("after", 0))
            print(f"{time.strftime('%H:%M:%S')} fault: {dict(given)}", flush=True)
            options = {key: value for key, value in given.items() if key not in ("at", "after", "do")}
            FAULTS[given["do"]](self._world, workflow, options)
        except Exception:  # noqa: BLE001 - the test's own thread raises it
            self._error = f"fault {dict(given)}: {traceback.format_exc()}"


def wait_for(world: World, moment: str, name: str | None = None) -> Object:
    """The Workflow of this name, else the one of the namespace, as soon as its run has come to this moment."""

    def look() -> Object | None:
        workflow = world.cluster.get(WORKFLOWS, name) if name else world.only_workflow()
        if workflow is None or moment == SUBMITTED:
            return workflow
        found = world.record(workflow)
        return workflow if found is not None and found.get(MOMENTS[moment]) is not None else None

    return until(f"the run comes to {moment}", look, _MOMENT_SECONDS)


def step_pods(world: World, workflow: Object, step: str) -> list[Object]:
    """The pods of one step that are not over."""
    name = workflow["metadata"]["name"]
    pods = world.cluster.list(PODS, labels=f"workflows.argoproj.io/workflow={name}")
    return [one for one in pods if _runs(one) and _step_of(one) == step]


def shard_pods(world: World, workflow: Object) -> list[Object]:
    """The load's pods that are not over, by shard."""
    found = world.record(workflow)
    job = found.get(JobEntry) if found is not None else None
    assert job is not None
    pods = world.cluster.list(PODS, labels=f"batch.kubernetes.io/controller-uid={job.uid}")
    return sorted(filter(_runs, pods), key=lambda one: int(_index(one)))


def _index(pod: Object) -> str:
    return str(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])


def _runs(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _step_of(pod: Object) -> str:
    """By the argument of the container in which the step's program runs."""
    containers = {one["name"]: one for one in pod["spec"]["containers"]}
    return str(containers.get(FINALIZE_CONTAINER, containers["main"])["args"][0])


def kill(world: World, pod: Object) -> None:
    """At once, without a word to it: as when its node goes away, for all that the API server can tell."""
    body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
    world.ask("DELETE", PODS, pod["metadata"]["name"], body)


def runs_for_argo(world: World, workflow: Object, pod: Object) -> bool:
    """A pod that goes before Argo has seen it run is made again under its name, and counts as no attempt."""
    node = _nodes(world, workflow).get(pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]) or {}
    return node.get("phase") == "Running" and pod["status"]["phase"] == "Running"


@fault("kill-step")
def kill_step(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """
    Kills the pod of a `step` once its container runs.

    `grace: true` lets it hear SIGTERM, as a drain of its node does. `for_good: true` kills each new one, until Argo gives up.
    """
    killed: set[str] = set()

    def next_pod() -> Object | None:
        pods = [one for one in step_pods(world, workflow, options["step"]) if one["metadata"]["uid"] not in killed]
        return next((one for one in pods if runs_for_argo(world, workflow, one)), None)

    def kill_next() -> bool:
        if options.get("for_good") and _has_failed(world, workflow, options["step"]):
            return True
        pod = next_pod()
        if pod is None:
            return False
        killed.add(pod["metadata"]["uid"])
        if options.get("grace"):
            world.cluster.delete(PODS, pod["metadata"]["name"])
        else:
            kill(world, pod)
        # Argo may make it anew under the same name, which counts as no attempt.
        until("the killed pod is gone", lambda: not _is_there(world, pod), 60)
        return not options.get("for_good")

    until(f"{options['step']} is killed", kill_next, _KILL_SECONDS)


def _is_there(world: World, pod: Object) -> bool:
    """This very pod."""
    found = world.cluster.get(PODS, pod["metadata"]["name"])
    return found is not None and found["metadata"]["uid"] == pod["metadata"]["uid"]


def _has_failed(world: World, workflow: Object, step: str) -> bool:
    """Argo does not try the step again."""
    nodes = _nodes(world, workflow).values()
    return any(
        one.get("templateName") == step and one.get("type") == "Retry" and one.get("phase") in ("Failed", "Error")
        for one in nodes
    )


def _nodes(world: World, workflow: Object) -> Mapping[str, Any]:
    found = world.cluster.get(WORKFLOWS, workflow["metadata"]["name"]) or {}
    nodes: Mapping[str, Any] = (found.get("status") or {}).get("nodes") or {}
    return nodes


@fault("kill-shard")
def kill_shard(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Deletes the pod of a `shard` as a person does, with its grace period."""
    pods = {_index(one): one for one in shard_pods(world, workflow)}
    world.cluster.delete(PODS, pods[str(options.get("shard", 0))]["metadata"]["name"])


@fault("evict-shard")
def evict_shard(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Evicts the pod of a `shard`, as a drain of its node does."""
    pods = {_index(one): one for one in shard_pods(world, workflow)}
    name = pods[str(options.get("shard", 0))]["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": world.namespace}}
    world.ask("POST", PODS, f"{name}/eviction", body)


@fault("halt-chain")
def halt_chain(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Takes every validator of the run away. The full nodes stay, and their height stands still."""
    del options
    _remove_nodes(world, f"{_chain_id(world, workflow)}-val-")


@fault("remove-node")
def remove_node(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Takes one `node` of the run away for good, such as `val-3`: its pod goes, and no other one comes."""
    _remove_nodes(world, f"{_chain_id(world, workflow)}-{options['node']}")


def _chain_id(world: World, workflow: Object) -> str:
    found = world.record(workflow)
    chain = found.get(ChainEntry) if found is not None else None
    assert chain is not None
    return chain.chain_id


def _remove_nodes(world: World, prefix: str) -> None:
    stateful_sets = KINDS["StatefulSet"]
    names = [entry["metadata"]["name"] for entry in world.cluster.list(stateful_sets)]
    nodes = [name for name in names if name.startswith(prefix)]
    assert nodes, names
    for name in nodes:
        assert world.cluster.patch(stateful_sets, name, {"spec": {"replicas": 0}}) is not None


@fault("note-failed-node")
def note_failed_node(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Changes nothing: keeps the time at which the first SeiNode failed, for the check `toldWithin`."""
    del workflow, options

    def times() -> list[str]:
        nodes = [one.get("status") or {} for one in world.cluster.list(SEI_NODES)]
        return sorted(one["phaseTransitionTime"] for one in nodes if one.get("phase") == "Failed")

    world.node_failed_at = parse_time(until("a node fails", lambda: times() or None, 120)[0])


@fault("cut-prometheus")
def cut_prometheus(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Ends the run's own way to Prometheus (set-up `front-prometheus`); `back_after` seconds later it is there again."""
    del workflow
    front_prometheus.cut_prometheus(world)
    if "back_after" in options:
        time.sleep(options["back_after"])
        front_prometheus.restore_prometheus(world)


@fault("forge-result")
def forge_result(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Writes a verdict Passed into the record, as whoever may patch ConfigMaps can; with `seal` also makes it immutable."""
    found = world.record(workflow)
    assert found is not None
    verdict = RunVerdict(Phase.SUCCEEDED, RunReason.RUN_SUCCEEDED, "forged")
    status = build_status(found.identity, workflow, found, verdict, format_time(round(time.time())))
    say = found.seal if options.get("seal") else found.write
    say(conventions.FINALIZE, status)


@fault("shut-down")
def shut_down(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Argo's `how: Stop` or `how: Terminate`."""
    body = {"spec": {"shutdown": options["how"]}}
    assert world.cluster.patch(WORKFLOWS, workflow["metadata"]["name"], body) is not None


@fault("delete")
def delete_object(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """An object of the namespace: `kind` as in world.KINDS, and a `name` in which RUN stands for the Workflow's."""
    name = options["name"].replace("RUN", workflow["metadata"]["name"]).replace("NAMESPACE", world.namespace)
    assert world.cluster.delete(KINDS[options["kind"]], name), f"there is no {options['kind']} {name}"


@fault("fill-quota")
def fill_quota(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """No more pods in this namespace, by a ResourceQuota; those that are there stay."""
    del workflow, options
    quota, hard = KINDS["ResourceQuota"], {"pods": "0"}
    metadata = {"name": "full", "namespace": world.namespace}
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
    world.cluster.create(quota, body)

    def is_in_force() -> bool:
        return ((world.cluster.get(quota, "full") or {}).get("status") or {}).get("hard") == hard

    until("the quota is in force", is_in_force, 60)


@fault("replace-bundle")
def replace_bundle(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """What a GitOps controller does when the next version is merged: another bundle, the template to it, this one pruned."""
    del options
    template = world.cluster.get(WORKFLOW_TEMPLATES, workflow["spec"]["workflowTemplateRef"]["name"])
    assert template is not None
    digest = template["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    old = f"e2e-bundle-{digest[:8]}"
    new = f"e2e-bundle-{'0' * 8}"
    bundle = world.cluster.get(CONFIG_MAPS, old)
    assert bundle is not None
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": new},
        "immutable": True,
        "data": {**bundle["data"], "rules.yaml": "[]"},
    }
    world.cluster.create(CONFIG_MAPS, body)
    text = json.dumps(template).replace(digest, "0" * 64).replace(old, new)
    patched = json.loads(text)
    for key in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
        patched["metadata"].pop(key, None)
    world.cluster.patch(WORKFLOW_TEMPLATES, template["metadata"]["name"], patched)
    assert world.cluster.delete(CONFIG_MAPS, old)
