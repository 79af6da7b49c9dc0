"""Runs that are on a cluster: finding them, stopping, deleting and starting them again. No text for people, no exit codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun import conventions
from validationrun.cluster import (
    CHAIN_OBJECTS,
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Cluster,
    ForbiddenError,
    Object,
    Resource,
)
from validationrun.record import Identity, Record
from validationrun.status import has_ended, is_shut_down, run_status, workflow_phase
from validationrun.submission import workflow

OURS: Final = f"{conventions.LABEL_MANAGED_BY}={conventions.MANAGED_BY}"
_STOP: Final[Object] = {"spec": {"shutdown": "Stop"}}
_CHILDREN: Final = (CHAIN_OBJECTS, JOBS, CONFIG_MAPS)


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A run as its Workflow alone tells it: for lists. `status` reads the record, which is the truth.

    Attributes:
        verdict: Passed only together with phase Succeeded: a Workflow can fail after its verdict was written.
        started, finished: RFC 3339, or None.
    """

    namespace: str
    name: str
    template: str
    phase: str
    verdict: str
    reason: str
    started: str | None
    finished: str | None


@dataclass(frozen=True, slots=True)
class Doomed:
    """An object that a deletion takes away, by its UID, so that another one of that name stays."""

    resource: Resource
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Again:
    """
    A run that was started again.

    Attributes:
        changed: the template holds another bundle than that of the first run.
    """

    name: str
    changed: bool


class NoTemplateError(Exception):
    """The WorkflowTemplate of a run is gone, or does not say which bundle it was compiled with."""


def list_runs(cluster: Cluster, *, everywhere: bool = False) -> list[Listed]:
    """The newest first."""
    found = [_listed(cluster, one) for one in cluster.list(WORKFLOWS, labels=OURS, everywhere=everywhere)]
    return sorted(found, key=lambda one: (one.started or "9", one.namespace, one.name), reverse=True)


def _listed(cluster: Cluster, found: Mapping[str, Any]) -> Listed:
    metadata, status = found["metadata"], found.get("status") or {}
    phase, verdict, reason = _outcome(cluster, found)
    return Listed(
        namespace=metadata["namespace"],
        name=metadata["name"],
        template=((found.get("spec") or {}).get("workflowTemplateRef") or {}).get("name") or "",
        phase=phase,
        verdict=verdict,
        reason=reason,
        started=status.get("startedAt"),
        finished=status.get("finishedAt"),
    )


def _outcome(cluster: Cluster, found: Mapping[str, Any]) -> tuple[str, str, str]:
    """Phase, verdict and reason: by the labels where they agree with Argo, else by the record, which costs a question."""
    metadata = found["metadata"]
    labels = metadata.get("labels") or {}
    if not has_ended(found):
        return ("Pending" if workflow_phase(found) == "Pending" else "Running"), "Awaited", ""
    phase, verdict = labels.get(conventions.LABEL_PHASE, ""), labels.get(conventions.LABEL_VERDICT, "")
    if (verdict == "Passed" and workflow_phase(found) == "Succeeded") or verdict in ("Failed", "Error"):
        return phase, verdict, (metadata.get("annotations") or {}).get(conventions.ANNOTATION_REASON) or ""
    identity = Identity(metadata["name"], metadata["uid"], metadata["namespace"])
    status = run_status(identity, found, Record.read(cluster.within(metadata["namespace"]), identity))
    return status["phase"], status["verdict"], status["reason"] or ""


def namespace_is_missing(cluster: Cluster) -> bool:
    """False also where nobody may look: a tenant often may not read its own Namespace."""
    try:
        return cluster.get(NAMESPACES, cluster.namespace) is None
    except ForbiddenError:
        return False


def stop_run(cluster: Cluster, name: str) -> bool | None:
    """Argo's stop: finalize still runs. False when the run has ended already, None when there is none."""
    found = our_run(cluster, name)
    if found is None:
        return None
    if has_ended(found):
        return False
    if is_shut_down(found):
        # Told already, or terminated, which a stop must not take back.
        return True
    return cluster.patch(WORKFLOWS, name, _STOP) is not None


def our_run(cluster: Cluster, name: str) -> Object | None:
    """The Workflow of a run; None when there is none, or it is not one of ours."""
    found = cluster.get(WORKFLOWS, name)
    if found is None or not _is_ours(found):
        return None
    return found


def _is_ours(found: Mapping[str, Any]) -> bool:
    return (found["metadata"].get("labels") or {}).get(conventions.LABEL_MANAGED_BY) == conventions.MANAGED_BY


def doomed_runs(cluster: Cluster, names: Sequence[str]) -> tuple[list[Doomed], list[str]]:
    """The Workflows to delete, whose children go with them, and the names of which there is no run."""
    found = {name: our_run(cluster, name) for name in dict.fromkeys(names)}
    doomed = [Doomed(WORKFLOWS, name, one["metadata"]["uid"]) for name, one in found.items() if one is not None]
    return doomed, [name for name, one in found.items() if one is None]


def doomed_by_chain(cluster: Cluster, chain_id: str) -> list[Doomed]:
    """
    Everything of ours that carries this chain id in the namespace: the runs, and what has no run any more.

    What belongs to a run goes with its Workflow and is not named apart.
    """
    labels = f"{OURS},{conventions.LABEL_CHAIN_ID}={chain_id}"
    runs = {one["metadata"]["uid"]: one["metadata"]["name"] for one in cluster.list(WORKFLOWS, labels=labels)}
    orphans: list[Doomed] = []
    for resource in _CHILDREN:
        for child in cluster.list(resource, labels=labels):
            owners = _owners(cluster, child)
            runs.update({one["metadata"]["uid"]: one["metadata"]["name"] for one in owners if _is_ours(one)})
            if not owners and _had_a_run(child):
                orphans.append(Doomed(resource, child["metadata"]["name"], child["metadata"]["uid"]))
    return [*(Doomed(WORKFLOWS, name, uid) for uid, name in sorted(runs.items(), key=lambda one: one[1])), *orphans]


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


def rerun(cluster: Cluster, name: str) -> Again | None:
    """
    A new Workflow from the same template, with the same parameters. None when there is no such run.

    Never Argo's resubmit: that copies labels and, memoized, the results of steps that judged another load.

    Raises:
        NoTemplateError
    """
    found = our_run(cluster, name)
    if found is None:
        return None
    spec = found.get("spec") or {}
    template = (spec.get("workflowTemplateRef") or {}).get("name") or ""
    held = cluster.get(WORKFLOW_TEMPLATES, template) if template else None
    digest = ((held or {}).get("metadata") or {}).get("annotations", {}).get(conventions.ANNOTATION_BUNDLE_HASH)
    if digest is None:
        raise NoTemplateError(f"WorkflowTemplate {template or 'of this run'} is gone; submit the spec again")
    given = {
        one["name"]: one["value"] for one in (spec.get("arguments") or {}).get("parameters") or [] if "value" in one
    }
    labels = found["metadata"].get("labels") or {}
    body = workflow(template, cluster.namespace, digest, given, labels.get(conventions.LABEL_INSTANCE_ID, ""))
    first = (found["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_BUNDLE_HASH)
    made = cluster.create(WORKFLOWS, body)["metadata"]["name"]
    return Again(str(made), changed=first is not None and first != digest)
