"""Which Workflows are runs of ours, and why one is not there."""

from collections.abc import Mapping
from typing import Any, Final

from validationrun.base import conventions
from validationrun.contract.record import Identity
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, WORKFLOWS, Cluster, ForbiddenError, Object
from validationrun.runs.submit import OURS, no_argo, no_namespace

_MOST_NAMED: Final = 5


def our_run(cluster: Cluster, name: str) -> Object | None:
    """The Workflow of a run; None when there is none, or it is not one of ours."""
    found = cluster.get(WORKFLOWS, name)
    if found is None or not (is_ours(found) or _will_be_ours(cluster, found)):
        return None
    return found


def is_ours(found: Mapping[str, Any]) -> bool:
    """By the label that everything of ours carries."""
    return (found["metadata"].get("labels") or {}).get(conventions.LABEL_MANAGED_BY) == conventions.MANAGED_BY


def _will_be_ours(cluster: Cluster, found: Mapping[str, Any]) -> bool:
    """Argo puts our label on when it first sees a Workflow: another client than ours may have made this one just now."""
    template = template_name(found)
    if not template or (found.get("status") or {}).get("phase"):
        return False
    held = cluster.get(WORKFLOW_TEMPLATES, template)
    return held is not None and is_ours(held)


def template_name(found: Mapping[str, Any]) -> str:
    """Of the WorkflowTemplate that a Workflow runs; empty for none."""
    return ((found.get("spec") or {}).get("workflowTemplateRef") or {}).get("name") or ""


def identity_of(found: Mapping[str, Any]) -> Identity:
    metadata = found["metadata"]
    return Identity(metadata["name"], metadata["uid"], metadata["namespace"])


def why_no_run(cluster: Cluster, name: str) -> str:
    """Why `our_run` gave None, in words that say what to do."""
    if not cluster.serves(WORKFLOWS):
        return no_argo(cluster)
    if not cluster.has_namespace():
        return no_namespace(cluster)
    words = f"there is no run {name} in namespace {cluster.namespace}"
    if cluster.get(WORKFLOWS, name) is not None:
        return f"{words}: the Workflow of that name is not validationrun's"
    theirs = [one for one in _all(cluster) if template_name(one) == name]
    if theirs:
        newest = sorted(theirs, key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True)
        names = ", ".join(one["metadata"]["name"] for one in newest[:_MOST_NAMED])
        return f"{words}; the runs of {name} are named {names}"
    return f"{words}: never started, deleted, or past its time to live"


def _all(cluster: Cluster) -> list[Object]:
    try:
        return cluster.list(WORKFLOWS, labels=OURS)
    except ForbiddenError:
        return []
