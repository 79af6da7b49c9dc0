"""Stops runs and deletes them from the cluster: only our objects, and only those that were shown before."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base import conventions
from validationrun.contract.record import Record, RecordError
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.status import has_ended, is_shut_down, workflow_phase
from validationrun.kube.cluster import (
    CHAIN_OBJECTS,
    CONFIG_MAPS,
    JOBS,
    WORKFLOWS,
    Cluster,
    ClusterError,
    ForbiddenError,
    Object,
    Resource,
    owned_by,
)
from validationrun.runs.lookup import identity_of, is_ours, our_run
from validationrun.runs.submit import OURS

_STOP: Final[Object] = {"spec": {"shutdown": "Stop"}}
_NOT_FOUND: Final = 404
_CHILDREN: Final = (CHAIN_OBJECTS, JOBS, CONFIG_MAPS)


@dataclass(frozen=True, slots=True)
class Stopped:
    """
    Attributes:
        waits_for_lock: the run waits for a lock; Argo acts on the stop once the run holds it.
    """

    waits_for_lock: bool


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
    children: tuple[str, ...] = ()


def stop_run(cluster: Cluster, name: str) -> Stopped | None:
    """
    Stops a run by Argo's `Stop`, so finalize still runs. None when there is no such run.

    Raises:
        HasEndedError
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    if has_ended(workflow):
        raise HasEndedError
    # Already stopped, or terminated, which a stop must not undo.
    if not is_shut_down(workflow) and cluster.patch(WORKFLOWS, name, _STOP) is None:
        return None
    return Stopped(waits_for_lock=_waits_for_lock(workflow))


class HasEndedError(Exception):
    """The run has ended, so there is nothing to stop."""


def _waits_for_lock(found: Mapping[str, Any]) -> bool:
    synchronization = (found.get("status") or {}).get("synchronization") or {}
    return any((synchronization.get(kind) or {}).get("waiting") for kind in ("mutex", "semaphore"))


def doomed_runs(cluster: Cluster, names: Sequence[str]) -> tuple[list[Doomed], list[str]]:
    """The Workflows to delete, together with their children, and the names that belong to no run."""
    workflows = {name: our_run(cluster, name) for name in dict.fromkeys(names)}
    doomed = [_doomed_run(cluster, workflow) for workflow in workflows.values() if workflow is not None]
    return doomed, [name for name, workflow in workflows.items() if workflow is None]


def doomed_by_chain(cluster: Cluster, chain_id: str) -> tuple[list[Doomed], list[str]]:
    """
    Everything of ours in the namespace with this chain id: runs, and objects whose run is gone.

    An object of a run goes with its Workflow and is not listed. Runs on an existing chain share its id with other runs,
    so they are spared; their names are returned.
    """
    labels = f"{OURS},{conventions.LABEL_CHAIN_ID}={chain_id}"
    runs = {workflow["metadata"]["uid"]: workflow for workflow in cluster.list(WORKFLOWS, labels=labels)}
    orphans: list[Doomed] = []
    for resource in _CHILDREN:
        for child in _list(cluster, resource, labels):
            owners = _owners(cluster, child)
            runs.update({workflow["metadata"]["uid"]: workflow for workflow in owners if is_ours(workflow)})
            if not owners and _had_a_run(child):
                orphans.append(Doomed(resource, child["metadata"]["name"], child["metadata"]["uid"]))
    ordered = sorted(runs.values(), key=lambda workflow: str(workflow["metadata"]["name"]))
    spared = [workflow for workflow in ordered if _is_on_an_existing_chain(cluster, workflow)]
    doomed = [_doomed_run(cluster, workflow) for workflow in ordered if workflow not in spared]
    return [*doomed, *orphans], [workflow["metadata"]["name"] for workflow in spared]


def _doomed_run(cluster: Cluster, found: Mapping[str, Any]) -> Doomed:
    name, uid = found["metadata"]["name"], found["metadata"]["uid"]
    labels = f"{OURS},{conventions.LABEL_RUN_ID}={name}"
    children: list[str] = []
    for resource in _CHILDREN:
        # The child is deleted whether or not this account can see it.
        with contextlib.suppress(ForbiddenError):
            names = [child["metadata"]["name"] for child in _list(cluster, resource, labels) if owned_by(child, uid)]
            children += [f"{resource.full_name} {child}" for child in names]
    return Doomed(WORKFLOWS, name, uid, workflow_phase(found), tuple(children))


def _list(cluster: Cluster, resource: Resource, labels: str) -> list[Object]:
    """Empty for a kind that this cluster does not serve."""
    try:
        return cluster.list(resource, labels=labels)
    except ClusterError as error:
        if error.status == _NOT_FOUND:
            return []
        raise


def _is_on_an_existing_chain(cluster: Cluster, found: Mapping[str, Any]) -> bool:
    try:
        record = Record.read(cluster, identity_of(found))
        run = record.get(RunEntry) if record is not None else None
    except RecordError:
        return False
    return run is not None and run.bring_up is False


def _owners(cluster: Cluster, child: Mapping[str, Any]) -> list[Object]:
    """The Workflows that own a child and still exist."""
    references = child["metadata"].get("ownerReferences") or []
    workflows = [
        (reference, cluster.get(WORKFLOWS, reference["name"]))
        for reference in references
        if reference.get("kind") == "Workflow"
    ]
    return [
        owner for reference, owner in workflows if owner is not None and owner["metadata"]["uid"] == reference["uid"]
    ]


def _had_a_run(child: Mapping[str, Any]) -> bool:
    """It belonged to Workflows only: an object that has another kind of owner is not ours to delete."""
    kinds = {reference.get("kind") for reference in child["metadata"].get("ownerReferences") or []}
    return kinds <= {"Workflow"}


def delete(cluster: Cluster, doomed: Doomed) -> bool:
    """Deletes the object. False when it was gone already."""
    return cluster.delete(doomed.resource, doomed.name, uid=doomed.uid)
