"""Applies schedules: what was compiled of the run or suite that it starts, the alert, and the CronWorkflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from validationrun.kube.cluster import CRON_WORKFLOWS, PROMETHEUS_RULES, Cluster, ConflictError, Resource
from validationrun.kube.objects import KubeObject
from validationrun.runs.lookup import alert_of
from validationrun.runs.submit import (
    Refused,
    Rehearsed,
    apply_compiled,
    objects,
    rehearse_compiled,
    require_argo,
)
from validationrun.runs.template_change import change_of

if TYPE_CHECKING:
    from validationrun.compiling.pipeline import Compiled

ALERT_FILE: Final = "prometheusrule.yaml"
CRON_FILE: Final = "cronworkflow.yaml"


@dataclass(frozen=True, slots=True)
class Applied:
    """
    A schedule that was applied.

    Attributes:
        removed_alert: it is paused now, and its alert was deleted.
        no_alert: the cluster does not know PrometheusRules, so that nobody is told of its silence.
    """

    name: str
    removed_alert: bool
    no_alert: bool


def apply_schedule(cluster: Cluster, schedule: "Compiled[Any]", beneath: "Sequence[Compiled[Any]]") -> Applied:
    """
    Applies bundles and templates, then the alert, then the CronWorkflow: what starts by itself comes last.

    Args:
        beneath: the run or suite that it starts and the runs of that suite, in the order of compilation.

    Raises:
        Refused: another manager owns fields of an object.
        ClusterError: the API server refused, or did not answer.
    """
    _require_kinds(cluster)
    for compiled in beneath:
        apply_compiled(cluster, compiled)
    removed, known = False, cluster.serves(PROMETHEUS_RULES)
    alert = _alert(schedule)
    if alert is not None and known:
        _apply(cluster, PROMETHEUS_RULES, alert)
    elif alert is None:
        old = alert_of(cluster, schedule.plan.name)
        removed = old is not None and cluster.delete(PROMETHEUS_RULES, old.name, uid=old.uid)
    (cron,) = objects(schedule, CRON_FILE)
    _apply(cluster, CRON_WORKFLOWS, cron)
    return Applied(schedule.plan.name, removed, no_alert=alert is not None and not known)


def rehearse_schedule(
    cluster: Cluster, schedule: "Compiled[Any]", beneath: "Sequence[Compiled[Any]]"
) -> list[Rehearsed]:
    """`apply_schedule` as a server-side dry run: the API server checks every object and keeps none."""
    _require_kinds(cluster)
    found = [rehearsed for compiled in beneath for rehearsed in rehearse_compiled(cluster, compiled)]
    alert = _alert(schedule)
    if alert is not None and cluster.serves(PROMETHEUS_RULES):
        found.append(_rehearse(cluster, PROMETHEUS_RULES, alert))
    elif alert is None and (old := alert_of(cluster, schedule.plan.name)) is not None:
        found.append(Rehearsed(PROMETHEUS_RULES, old.name, "deleted"))
    (cron,) = objects(schedule, CRON_FILE)
    return [*found, _rehearse(cluster, CRON_WORKFLOWS, cron)]


def _require_kinds(cluster: Cluster) -> None:
    require_argo(cluster)
    if not cluster.serves(CRON_WORKFLOWS):
        raise Refused(f"{cluster.server} serves no {CRON_WORKFLOWS.full_name}: install all of Argo Workflows' kinds")


def _alert(schedule: "Compiled[Any]") -> KubeObject | None:
    """None for a paused schedule."""
    if all(file.name != ALERT_FILE for file in schedule.files):
        return None
    (alert,) = objects(schedule, ALERT_FILE)
    return alert


def _rehearse(cluster: Cluster, resource: Resource, body: KubeObject) -> Rehearsed:
    found = cluster.get(resource, body.name)
    before = KubeObject(found) if found is not None else None
    return Rehearsed(resource, body.name, change_of(before, _apply(cluster, resource, body, dry_run=True)))


def _apply(cluster: Cluster, resource: Resource, body: KubeObject, *, dry_run: bool = False) -> KubeObject:
    try:
        return KubeObject(cluster.apply(resource, body.object, dry_run=dry_run))
    except ConflictError as error:
        way_out = "change it where that manager reads it, or delete the object and submit again"
        if ".spec.suspend" in str(error):
            way_out = f"`argo cron suspend {body.name} -n {cluster.namespace}` suspends it by hand"
        message = f"{resource.full_name} {body.name} is managed by somebody else, such as a GitOps controller ({error})"
        raise Refused(f"{message}; {way_out}") from None
