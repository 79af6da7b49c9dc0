"""Stopping runs, and taking them off the cluster: nothing else's, and nothing that was not shown before."""

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
        waits_for_lock: Argo acts on a stop only once the run has got the lock that it waits for.
    """

    waits_for_lock: bool


@dataclass(frozen=True, slots=True)
class Doomed:
    """
    An object that a deletion takes away, by its UID, so that another one of that name stays.

    Attributes:
        phase: of a Workflow by Argo; empty for other kinds.
        children: what it owns and takes along, as far as this account can see it.
    """

    resource: Resource
    name: str
    uid: str
    phase: str = ""
    children: tuple[str, ...] = ()


def stop_run(cluster: Cluster, name: str) -> Stopped | None:
    """
    Argo's stop: finalize still runs. None when there is no such run.

    Raises:
        HasEndedError
    """
    found = our_run(cluster, name)
    if found is None:
        return None
    if has_ended(found):
        raise HasEndedError
    # Told already, or terminated, which a stop must not take back.
    if not is_shut_down(found) and cluster.patch(WORKFLOWS, name, _STOP) is None:
        return None
    return Stopped(waits_for_lock=_waits_for_lock(found))


class HasEndedError(Exception):
    """There is nothing left to stop."""


def _waits_for_lock(found: Mapping[str, Any]) -> bool:
    synchronization = (found.get("status") or {}).get("synchronization") or {}
    return any((synchronization.get(kind) or {}).get("waiting") for kind in ("mutex", "semaphore"))


def doomed_runs(cluster: Cluster, names: Sequence[str]) -> tuple[list[Doomed], list[str]]:
    """The Workflows to delete, whose children go with them, and the names of which there is no run."""
    found = {name: our_run(cluster, name) for name in dict.fromkeys(names)}
    doomed = [_doomed_run(cluster, one) for one in found.values() if one is not None]
    return doomed, [name for name, one in found.items() if one is None]


def doomed_by_chain(cluster: Cluster, chain_id: str) -> tuple[list[Doomed], list[str]]:
    """
    Everything of ours that carries this chain id in the namespace: the runs, and what has no run any more.

    What belongs to a run goes with its Workflow and is not named apart. Runs on a chain that existed before share its id
    with others, so they are left, and their names given.
    """
    labels = f"{OURS},{conventions.LABEL_CHAIN_ID}={chain_id}"
    runs = {one["metadata"]["uid"]: one for one in cluster.list(WORKFLOWS, labels=labels)}
    orphans: list[Doomed] = []
    for resource in _CHILDREN:
        for child in _list(cluster, resource, labels):
            owners = _owners(cluster, child)
            runs.update({one["metadata"]["uid"]: one for one in owners if is_ours(one)})
            if not owners and _had_a_run(child):
                orphans.append(Doomed(resource, child["metadata"]["name"], child["metadata"]["uid"]))
    ordered = sorted(runs.values(), key=lambda one: str(one["metadata"]["name"]))
    spared = [one for one in ordered if _is_on_an_existing_chain(cluster, one)]
    doomed = [_doomed_run(cluster, one) for one in ordered if one not in spared]
    return [*doomed, *orphans], [one["metadata"]["name"] for one in spared]


def _doomed_run(cluster: Cluster, found: Mapping[str, Any]) -> Doomed:
    name, uid = found["metadata"]["name"], found["metadata"]["uid"]
    labels = f"{OURS},{conventions.LABEL_RUN_ID}={name}"
    children: list[str] = []
    for resource in _CHILDREN:
        # It goes whether or not this account can see it.
        with contextlib.suppress(ForbiddenError):
            names = [one["metadata"]["name"] for one in _list(cluster, resource, labels) if owned_by(one, uid)]
            children += [f"{resource.full_name} {one}" for one in names]
    return Doomed(WORKFLOWS, name, uid, workflow_phase(found), tuple(children))


def _list(cluster: Cluster, resource: Resource, labels: str) -> list[Object]:
    """Of a kind that this cluster does not know there is nothing."""
    try:
        return cluster.list(resource, labels=labels)
    except ClusterError as error:
        if error.status == _NOT_FOUND:
            return []
        raise


def _is_on_an_existing_chain(cluster: Cluster, found: Mapping[str, Any]) -> bool:
    try:
        written = Record.read(cluster, identity_of(found))
        run = written.get(RunEntry) if written is not None else None
    except RecordError:
        return False
    return run is not None and run.bring_up is False


def _owners(cluster: Cluster, child: Mapping[str, Any]) -> list[Object]:
    """The Workflows that own a child, as far as they are still there."""
    references = child["metadata"].get("ownerReferences") or []
    found = [(one, cluster.get(WORKFLOWS, one["name"])) for one in references if one.get("kind") == "Workflow"]
    return [owner for one, owner in found if owner is not None and owner["metadata"]["uid"] == one["uid"]]


def _had_a_run(child: Mapping[str, Any]) -> bool:
    """It belonged to a Workflow and to nothing else: what another kind of object owns is that one's business."""
    kinds = {one.get("kind") for one in child["metadata"].get("ownerReferences") or []}
    return kinds <= {"Workflow"}


def delete(cluster: Cluster, doomed: Doomed) -> bool:
    """False when it was gone already."""
    return cluster.delete(doomed.resource, doomed.name, uid=doomed.uid)
