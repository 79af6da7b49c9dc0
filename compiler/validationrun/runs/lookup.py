"""Finds the Workflows that are our runs, and the schedules; explains why a run is missing."""

from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.contract.owned_record import Identity
from validationrun.kube.cluster import (
    CRON_WORKFLOWS,
    PROMETHEUS_RULES,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Cluster,
    ForbiddenError,
)
from validationrun.kube.cron_workflow import CronWorkflow
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


def our_schedule(cluster: Cluster, name: str) -> CronWorkflow | None:
    """The CronWorkflow of a schedule; None when it does not exist, is not ours, or may not be read."""
    try:
        found = cluster.get(CRON_WORKFLOWS, name)
    except ForbiddenError:
        return None
    if found is None:
        return None
    schedule = CronWorkflow(found)
    return schedule if is_ours(schedule) else None


def workflows_of(cluster: Cluster, schedule: CronWorkflow) -> list[Workflow]:
    """The Workflows that a schedule started and that are still there, the newest first."""
    labels = f"{conventions.LABEL_CRON_WORKFLOW}={schedule.name}"
    return owned_runs(schedule, Workflow.all(cluster.within(schedule.namespace).list(WORKFLOWS, labels=labels)))


def owned_runs(schedule: CronWorkflow, workflows: Sequence[Workflow]) -> list[Workflow]:
    """
    Those that the schedule started, the newest first.

    By its UID, because an older schedule of the same name had other ones; and by their template, because somebody may have
    edited the CronWorkflow to start something else.
    """
    name = schedule.annotations.get(conventions.ANNOTATION_STARTS, "").partition("/")[2] or schedule.template
    owned = [found for found in workflows if found.is_owned_by(schedule.uid) and found.template == name]
    return sorted(owned, key=lambda found: (found.created, found.name), reverse=True)


def alert_of(cluster: Cluster, schedule: str) -> KubeObject | None:
    """The PrometheusRule of a schedule; None where there is none of ours, or the kind is not installed."""
    try:
        found = cluster.get(PROMETHEUS_RULES, schedule)
    except ForbiddenError:
        # Rights are checked first, also to a kind that nobody installed.
        if not cluster.serves(PROMETHEUS_RULES):
            return None
        raise
    if found is None:
        return None
    alert = KubeObject(found)
    return alert if is_ours(alert) and conventions.ANNOTATION_STARTS in alert.annotations else None


def its_runs(cluster: Cluster, schedule: CronWorkflow) -> str:
    """That the name is a schedule's, and which runs it has."""
    names = [workflow.name for workflow in workflows_of(cluster, schedule)]
    shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    runs = f"its runs are named {shown}" if names else "none of its runs is there"
    return f"{schedule.name} is a schedule, not a run: {runs}"


def why_no_run(cluster: Cluster, name: str) -> str:
    """Why `our_run` returned None, and what to do."""
    if not cluster.serves(WORKFLOWS):
        return no_argo(cluster)
    if not cluster.has_namespace():
        return no_namespace(cluster)
    schedule = our_schedule(cluster, name)
    if schedule is not None:
        shows = f"`validationrun status {name} -n {cluster.namespace}` shows the schedule"
        return f"{its_runs(cluster, schedule)}; {shows}"
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
