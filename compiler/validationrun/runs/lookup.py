"""Finds the Workflows that are our runs, and explains why a run is missing."""

from collections.abc import Mapping
from typing import Any, Final

from validationrun.base import conventions
from validationrun.contract.record import Identity
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, WORKFLOWS, Cluster, ForbiddenError, Object
from validationrun.runs.submit import OURS, no_argo, no_namespace

_MOST_NAMED: Final = 5


def our_run(cluster: Cluster, name: str) -> Object | None:
    """The Workflow of a run; None when it does not exist or is not ours."""
    workflow = cluster.get(WORKFLOWS, name)
    if workflow is None or not (is_ours(workflow) or _will_be_ours(cluster, workflow)):
        return None
    return workflow


def is_ours(found: Mapping[str, Any]) -> bool:
    """The object carries the label that every object of ours has."""
    return (found["metadata"].get("labels") or {}).get(conventions.LABEL_MANAGED_BY) == conventions.MANAGED_BY


def _will_be_ours(cluster: Cluster, found: Mapping[str, Any]) -> bool:
    """Argo adds our label when it first sees a Workflow, so a Workflow that another client just created has none yet."""
    template = template_name(found)
    if not template or (found.get("status") or {}).get("phase"):
        return False
    held = cluster.get(WORKFLOW_TEMPLATES, template)
    return held is not None and is_ours(held)


def template_name(found: Mapping[str, Any]) -> str:
    """The name of the WorkflowTemplate that a Workflow runs; empty for none."""
    return ((found.get("spec") or {}).get("workflowTemplateRef") or {}).get("name") or ""


def identity_of(found: Mapping[str, Any]) -> Identity:
    metadata = found["metadata"]
    return Identity(metadata["name"], metadata["uid"], metadata["namespace"])


def why_no_run(cluster: Cluster, name: str) -> str:
    """Why `our_run` returned None, and what to do."""
    if not cluster.serves(WORKFLOWS):
        return no_argo(cluster)
    if not cluster.has_namespace():
        return no_namespace(cluster)
    message = f"there is no run {name} in namespace {cluster.namespace}"
    if cluster.get(WORKFLOWS, name) is not None:
        return f"{message}: the Workflow of that name is not validationrun's"
    theirs = [workflow for workflow in _all(cluster) if template_name(workflow) == name]
    if theirs:
        newest = sorted(theirs, key=lambda workflow: str(workflow["metadata"].get("creationTimestamp")), reverse=True)
        names = ", ".join(workflow["metadata"]["name"] for workflow in newest[:_MOST_NAMED])
        return f"{message}; the runs of {name} are named {names}"
    return f"{message}: never started, deleted, or past its time to live"


def _all(cluster: Cluster) -> list[Object]:
    try:
        return cluster.list(WORKFLOWS, labels=OURS)
    except ForbiddenError:
        return []
