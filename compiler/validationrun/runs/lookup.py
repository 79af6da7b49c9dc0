"""Finds the Workflows that are our runs, and explains why a run is missing."""

from typing import Final

from validationrun.base import conventions
from validationrun.contract.owned_record import Identity
from validationrun.kube.cluster import WORKFLOW_TEMPLATES, WORKFLOWS, Cluster, ForbiddenError
from validationrun.kube.objects import KubeObject, Workflow
from validationrun.runs.submit import OURS, no_argo, no_namespace

_MOST_NAMED: Final = 5


def our_run(cluster: Cluster, name: str) -> Workflow | None:
    """The Workflow of a run; None when it does not exist or is not ours."""
    found = cluster.get(WORKFLOWS, name)
    if found is None:
        return None
    workflow = Workflow(found)
    return workflow if is_ours(workflow) or _will_be_ours(cluster, workflow) else None


def is_ours(found: KubeObject) -> bool:
    """The object carries the label that every object of ours has."""
    return found.labels.get(conventions.LABEL_MANAGED_BY) == conventions.MANAGED_BY


def _will_be_ours(cluster: Cluster, workflow: Workflow) -> bool:
    """Argo adds our label when it first sees a Workflow, so a Workflow that another client just created has none yet."""
    if not workflow.template or workflow.phase:
        return False
    held = cluster.get(WORKFLOW_TEMPLATES, workflow.template)
    return held is not None and is_ours(KubeObject(held))


def identity_of(workflow: Workflow) -> Identity:
    return Identity(workflow.name, workflow.uid, workflow.namespace)


def why_no_run(cluster: Cluster, name: str) -> str:
    """Why `our_run` returned None, and what to do."""
    if not cluster.serves(WORKFLOWS):
        return no_argo(cluster)
    if not cluster.has_namespace():
        return no_namespace(cluster)
    message = f"there is no run {name} in namespace {cluster.namespace}"
    if cluster.get(WORKFLOWS, name) is not None:
        return f"{message}: the Workflow of that name is not validationrun's"
    theirs = [workflow for workflow in _all(cluster) if workflow.template == name]
    if theirs:
        newest = sorted(theirs, key=lambda workflow: workflow.created, reverse=True)
        names = ", ".join(workflow.name for workflow in newest[:_MOST_NAMED])
        return f"{message}; the runs of {name} are named {names}"
    return f"{message}: never started, deleted, or past its time to live"


def _all(cluster: Cluster) -> list[Workflow]:
    try:
        return Workflow.all(cluster.list(WORKFLOWS, labels=OURS))
    except ForbiddenError:
        return []
