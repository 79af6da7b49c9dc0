"""Deletes runs and schedules from the cluster: only our objects, and only those that were shown before."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.contract.argo_phase import workflow_phase
from validationrun.contract.owned_record import RecordError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    CRON_WORKFLOWS,
    JOBS,
    PERSISTENT_VOLUME_CLAIMS,
    PROMETHEUS_RULES,
    SEI_NETWORKS,
    SEI_NODES,
    WORKFLOWS,
    Cluster,
    ClusterError,
    ForbiddenError,
    Resource,
)
from validationrun.kube.cron_workflow import CronWorkflow
from validationrun.kube.objects import KubeObject, Workflow
from validationrun.kube.sei import CHAIN_RESOURCES
from validationrun.runs.lookup import alert_of, identity_of, is_ours, our_run, our_schedule, workflows_of
from validationrun.runs.submit import OURS
from validationrun.runs.suites import is_suite, suite_members

_NOT_FOUND: Final = 404
_CHILDREN: Final = (*CHAIN_RESOURCES, JOBS, CONFIG_MAPS)

GONE_SECONDS: Final = 300
"""How long a delete waits for a chain: as long as finalize does."""

_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """
    An object to delete, by its UID: a newer object of the same name stays.

    Attributes:
        phase: Argo's phase of a Workflow; empty for other kinds.
        children: the objects that it owns and that go with it, as far as this account can see them.
    """

    resource: Resource
    name: str
    uid: str
    phase: str = ""
    children: "tuple[Doomed, ...]" = ()

    def __str__(self) -> str:
        return f"{self.resource.full_name} {self.name}"


def doomed_runs(cluster: Cluster, names: Sequence[str]) -> tuple[list[Doomed], list[str]]:
    """The Workflows and the schedules to delete, together with their children, and the names that belong to neither."""
    doomed: list[Doomed] = []
    missing = []
    for name in dict.fromkeys(names):
        workflow = our_run(cluster, name)
        schedule = our_schedule(cluster, name) if workflow is None else None
        if workflow is not None:
            doomed.append(_doomed_run(cluster, workflow))
        elif schedule is not None:
            doomed += _doomed_schedule(cluster, schedule)
        else:
            missing.append(name)
    return doomed, missing


def _doomed_schedule(cluster: Cluster, schedule: CronWorkflow) -> list[Doomed]:
    """
    A CronWorkflow with the Workflows that it owns, and its alert, which would fire without it.

    The alert goes last, so that a delete that fails halfway leaves no schedule without one.
    """
    children: list[Doomed] = []
    for run in (_doomed_run(cluster, workflow) for workflow in workflows_of(cluster, schedule)):
        children += [Doomed(WORKFLOWS, run.name, run.uid, run.phase), *run.children]
    alert = alert_of(cluster, schedule.name)
    return [
        Doomed(CRON_WORKFLOWS, schedule.name, schedule.uid, children=tuple(children)),
        *([Doomed(PROMETHEUS_RULES, alert.name, alert.uid)] if alert is not None else []),
    ]


def doomed_by_chain(cluster: Cluster, chain_id: str) -> tuple[list[Doomed], list[str]]:
    """
    Everything of ours in the namespace with this chain id: runs, and objects whose run is gone.

    An object of a run goes with its Workflow and is not listed. Runs on an existing chain share its id with other runs,
    so they are spared; their names are returned.
    """
    labels = f"{OURS},{conventions.LABEL_CHAIN_ID}={chain_id}"
    runs = {workflow.uid: workflow for workflow in Workflow.all(cluster.list(WORKFLOWS, labels=labels))}
    orphans: list[Doomed] = []
    for resource in _CHILDREN:
        for child in _list(cluster, resource, labels):
            owners = _owners(cluster, child)
            runs.update({workflow.uid: workflow for workflow in owners if is_ours(workflow)})
            if not owners and _had_a_run(child):
                orphans.append(Doomed(resource, child.name, child.uid))
    ordered = sorted(runs.values(), key=lambda workflow: workflow.name)
    spared = [workflow for workflow in ordered if _is_on_an_existing_chain(cluster, workflow)]
    doomed = [_doomed_run(cluster, workflow) for workflow in ordered if workflow not in spared]
    return [*doomed, *orphans], [workflow.name for workflow in spared]


def _doomed_run(cluster: Cluster, workflow: Workflow) -> Doomed:
    name, uid = workflow.name, workflow.uid
    labels = f"{OURS},{conventions.LABEL_RUN_ID}={name}"
    children: list[Doomed] = []
    for resource in _CHILDREN:
        # The child is deleted whether or not this account can see it.
        with contextlib.suppress(ForbiddenError):
            owned = [child for child in _list(cluster, resource, labels) if child.is_owned_by(uid)]
            children += [Doomed(resource, child.name, child.uid) for child in owned]
    for member in suite_members(cluster, workflow) if is_suite(workflow) else ():
        doomed = _doomed_run(cluster, member)
        children += [Doomed(WORKFLOWS, doomed.name, doomed.uid, doomed.phase), *doomed.children]
    return Doomed(WORKFLOWS, name, uid, workflow_phase(workflow.object), tuple(children))


def _list(cluster: Cluster, resource: Resource, labels: str = "", fields: str = "") -> list[KubeObject]:
    """Empty for a kind that this cluster does not serve, or has only as parts of other objects."""
    try:
        return KubeObject.all(cluster.list(resource, labels=labels, fields=fields))
    except ForbiddenError:
        # The right is checked first. Without SeiNetworks no run has SeiNodes of its own.
        if resource in CHAIN_RESOURCES and not cluster.serves(SEI_NETWORKS if resource == SEI_NODES else resource):
            return []
        raise
    except ClusterError as error:
        if error.status == _NOT_FOUND:
            return []
        raise


def _is_on_an_existing_chain(cluster: Cluster, workflow: Workflow) -> bool:
    try:
        record = Record.read(cluster, identity_of(workflow))
        run = record.get(RunEntry) if record is not None else None
    except RecordError:
        return False
    return run is not None and run.bring_up is False


def _owners(cluster: Cluster, child: KubeObject) -> list[Workflow]:
    """The Workflows that own a child and still exist."""
    workflows = [(owner, cluster.get(WORKFLOWS, owner.name)) for owner in child.owners if owner.kind == "Workflow"]
    return [
        workflow for owner, found in workflows if found is not None and (workflow := Workflow(found)).uid == owner.uid
    ]


def _had_a_run(child: KubeObject) -> bool:
    """It belonged to Workflows only: an object that has another kind of owner is not ours to delete."""
    return {owner.kind for owner in child.owners} <= {"Workflow"}


def delete(cluster: Cluster, doomed: Doomed) -> bool:
    """Deletes the object. False when it was gone already."""
    return cluster.delete(doomed.resource, doomed.name, uid=doomed.uid)


def wait_until_gone(
    cluster: Cluster,
    deleted: Sequence[Doomed],
    tell: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """
    Waits until the chains of what was deleted are gone, their SeiNodes and volumes too: SeiNodes go after their object, volumes after
    the SeiNode and its pod, and a new chain of the same id would meet them.

    Args:
        tell: is told once what is waited for.

    Returns:
        What is left after `GONE_SECONDS`.
    """
    chain = [part for target in deleted for part in (target, *target.children) if part.resource in CHAIN_RESOURCES]
    until, told = now() + GONE_SECONDS, False
    while (left := _left(cluster, chain)) and now() < until:
        if not told:
            tell(f"waiting until the chain is gone: {', '.join(left)}")
            told = True
        sleep(_LOOK_SECONDS)
    return left


def _left(cluster: Cluster, chain: Sequence[Doomed]) -> list[str]:
    """The objects that are still there, as far as this account can see them, their SeiNodes, and volumes that are going."""
    left: list[str] = []
    for part in chain:
        with contextlib.suppress(ForbiddenError):
            there = _list(cluster, part.resource, fields=f"metadata.name={part.name}")
            left += [str(part) for found in there if found.uid == part.uid]
        if part.resource != SEI_NODES:
            with contextlib.suppress(ForbiddenError):
                nodes = _list(cluster, SEI_NODES, f"{conventions.LABEL_NODE_DEPLOYMENT}={part.name}")
                left += [f"{SEI_NODES.full_name} {node.name}" for node in nodes if node.is_owned_by(part.uid)]
        with contextlib.suppress(ForbiddenError):
            label = conventions.LABEL_NODE if part.resource == SEI_NODES else conventions.LABEL_NODE_DEPLOYMENT
            claims = _list(cluster, PERSISTENT_VOLUME_CLAIMS, f"{label}={part.name}")
            # One that is not going stays on purpose, or is of a newer chain.
            left += [f"{PERSISTENT_VOLUME_CLAIMS.full_name} {claim.name}" for claim in claims if claim.deleted]
    return left
