"""Runs on the fake API server, as Argo, the steps and Kubernetes would have left them."""

from typing import Any

from emit_helpers import compiled, full_run
from fake_api_server import FakeApiServer
from runner_helpers import CONFIG_MAPS, IDENTITY, NAMESPACE, PODS, START, WORKFLOWS, begin
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady, DeploymentStatus, Endpoints
from validationrun.contract.evaluation_entries import EvaluatorReady, RuleStates, WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadStart, ShardsEntry, ShardStatus
from validationrun.contract.record import Record
from validationrun.contract.run_entry import DeploymentEntry, LoadPlan, RuleEntry, RunEntry
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, Object
from validationrun.oracle.fold import RuleState

OURS = {"sei.io/managed-by": "validationrun"}


def workflow(
    api: FakeApiServer, name: str, *, phase: str = "Running", verdict: str = "Awaited", after: float = 0, **more: Any
) -> Object:
    """A run as Argo shows it; `phase` is Argo's own."""
    labels = {**OURS, "validation.sei.io/verdict": verdict, "validation.sei.io/phase": more.pop("ours", "Running")}
    status = {"phase": phase, "startedAt": format_time(START + after)}
    if phase in ("Succeeded", "Failed", "Error"):
        status["finishedAt"] = format_time(START + after + 725)
    return api.cluster.put(
        WORKFLOWS,
        {
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": more.pop("uid", f"uid-of-{name}"),
                "labels": {**labels, **more.pop("labels", {})},
                "annotations": {"validation.sei.io/reason": more.pop("reason", "")},
            },
            "spec": {"workflowTemplateRef": {"name": more.pop("template", "nightly")}, **more.pop("spec", {})},
            "status": {**status, **more.pop("status", {})},
        },
    )


RUN = RunEntry(
    started_at=format_time(START),
    bundle_hash="b" * 64,
    name="nightly",
    spec_hash="5" * 64,
    chain_id="nightly-0f8fad5b",
    parameters={"duration": "5m"},
    load_start_seconds=300,
    duration_seconds=300,
    run_seconds=600,
    cleanup="Always",
    bring_up=True,
    deployments=[DeploymentEntry("rpc", "fullNode")],
    load=LoadPlan("evm", 2, 0, (1,)),
    rules=[RuleEntry("height", "query", ">", "0"), RuleEntry("halted", "alert")],
)
CHAIN = ChainEntry(format_time(START + 30), RUN.chain_id, Endpoints(rpc=["http://rpc:26657"]))
READY = ChainReady(
    format_time(START + 40), [DeploymentStatus("rpc", "fullNode", "nightly-0f8fad5b-rpc", phase="Ready")]
)
JOB = JobEntry(IDENTITY.job_name, "job-uid", format_time(START + 45))


def state(name: str, verdict: Any = "Passed", message: str = "23 > 0", at: float = 80, **more: Any) -> RuleState:
    """A rule in the record."""
    return RuleState(name, verdict, message=message, last_t=START + at, **more)


def shard(
    index: int, *, code: int | None = None, started: float | None = 50, ended: float | None = None, reason: str = ""
) -> ShardStatus:
    """A shard in the record."""
    return ShardStatus(
        index,
        pod=f"load-{index}",
        exit_code=code,
        reason=reason or (None if code is None else "Completed" if code == 0 else "Error"),
        started_at=format_time(START + started) if started is not None else None,
        finished_at=format_time(START + ended) if ended is not None else None,
    )


def under_load(api: FakeApiServer, **more: Any) -> Record:
    """The run of IDENTITY with its window open since START + 50; its Workflow and its record."""
    workflow(api, IDENTITY.workflow, uid=IDENTITY.uid, **more)
    return begin(
        api.cluster,
        RUN,
        CHAIN,
        READY,
        EvaluatorReady(format_time(START + 44), "http://prometheus"),
        JOB,
        LoadStart(format_time(START + 50)),
        WindowEntry(format_time(START + 50)),
        ShardsEntry([shard(0), shard(1)]),
        RuleStates([state("height"), state("halted", message="the alert did not fire")]),
    )


def node(step: str, phase: str, *, kind: str = "Pod", after: float = 0, **more: Any) -> Object:
    """A node of a Workflow's status."""
    times = {"startedAt": format_time(START + after)}
    if phase in ("Succeeded", "Failed"):
        times["finishedAt"] = format_time(START + after + 31)
    return {"templateName": step, "type": kind, "phase": phase, **times, **more}


def step_pod(
    api: FakeApiServer, step: str, log: str, attempt: int = 0, uid: str = IDENTITY.uid, beside_main: str = ""
) -> None:
    """
    The pod of a step, as Argo makes it, with its log.

    Args:
        beside_main: the container in which the step runs where that is not the main container.
    """
    name = f"{IDENTITY.workflow}-{step}-{attempt}"
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"workflows.argoproj.io/workflow": IDENTITY.workflow},
        "ownerReferences": [{**IDENTITY.owner(), "uid": uid}],
        "creationTimestamp": format_time(START + attempt),
    }
    program = {"name": beside_main or "main", "args": [step, "--set=chain-id="]}
    waits = [{"name": "main", "args": ["exit-as-finalize"]}] if beside_main else []
    containers = [{"name": "wait", "args": []}, *waits, program]
    api.cluster.put(PODS, {"metadata": metadata, "spec": {"containers": containers}})
    api.cluster.logs[(name, program["name"])] = log


def shard_pod(api: FakeApiServer, index: int, log: str) -> None:
    """The pod of a shard with its log."""
    metadata = {
        "name": f"load-{index}",
        "namespace": NAMESPACE,
        "labels": {"batch.kubernetes.io/controller-uid": JOB.uid},
        "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
    }
    api.cluster.put(PODS, {"metadata": metadata, "spec": {"containers": [{"name": "workload"}]}})
    api.cluster.logs[(f"load-{index}", "workload")] = log


def gitops(api: FakeApiServer) -> str:
    """The template and the bundle of a spec, as a GitOps controller applies them; returns the bundle's hash."""
    files = compiled(full_run())
    template, bundle = files.document("workflowtemplate.yaml"), files.document("bundle.yaml")
    api.cluster.put(WORKFLOW_TEMPLATES, template)
    api.cluster.put(CONFIG_MAPS, bundle)
    digest: str = bundle["metadata"]["annotations"]["validation.sei.io/bundle-hash"]
    return digest


def argo(api: FakeApiServer) -> None:
    """What Argo's controller does first with a Workflow that was just created: it stores the template."""
    for (plural, _), found in api.cluster.objects.items():
        if plural != WORKFLOWS.plural or (found.get("status") or {}).get("phase"):
            continue
        name = (found["spec"].get("workflowTemplateRef") or {}).get("name")
        template = api.cluster.objects.get((WORKFLOW_TEMPLATES.plural, name))
        if template is not None:
            found["status"] = {
                "phase": "Running",
                "startedAt": format_time(START),
                "storedWorkflowTemplateSpec": template["spec"],
            }
