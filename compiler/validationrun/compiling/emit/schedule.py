"""Schedule -> CronWorkflow, and the alert that sees its silence. Neither holds text of a user that did not pass a pattern."""

from collections.abc import Mapping, Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.compiling.emit import yaml
from validationrun.compiling.emit.files import EmittedFile
from validationrun.compiling.emit.header import header
from validationrun.compiling.emit.object_types import CronWorkflow, Kustomization, Metadata, PrometheusRule
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan.manifests import app_labels
from validationrun.compiling.plan.schedule import COUNTED_SECONDS, REMEMBERED_SECONDS, SchedulePlan
from validationrun.contract.new_workflow import new_workflow

_NO_FLUX: Final = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
_PREFIX: Final = "argo_workflows_"
"""Of every metric of Argo's controller."""

_LOOK: Final = format_duration(COUNTED_SECONDS)
"""How long a counter that grew is seen by the alert: longer than any scrape interval, shorter than the time between two runs."""

_MEMORY: Final = format_duration(REMEMBERED_SECONDS)
"""How far back from then the earlier value is looked for, so that a counter which comes back unchanged has not grown."""


def emit_schedule(plan: SchedulePlan, options: EmitOptions) -> list[EmittedFile]:
    """The files of a schedule by name. One that is paused has no alert."""
    documents: dict[str, Mapping[str, object]] = {"cronworkflow.yaml": cron_workflow(plan, options)}
    if not plan.paused:
        documents["prometheusrule.yaml"] = prometheus_rule(plan)
    documents["kustomization.yaml"] = _kustomization(sorted(documents))
    head = header(plan.namespace, plan.name)
    return [EmittedFile(name, head + yaml.dump(documents[name])) for name in sorted(documents)]


def cron_workflow(plan: SchedulePlan, options: EmitOptions) -> CronWorkflow:
    """
    The CronWorkflow. Each Workflow that it starts is as `submit` makes it.

    `suspend` is written only for a paused schedule, so that applying it again does not end a pause by hand.
    """
    started = plan.started
    workflow = new_workflow(
        started.name,
        plan.namespace,
        started.bundle_hash,
        plan.parameters,
        instance_id="",
        overridden=plan.overridden,
        suite=started.kind == conventions.KIND_SUITE,
    )
    return {
        "apiVersion": conventions.ARGO_API_VERSION,
        "kind": "CronWorkflow",
        "metadata": _metadata(plan, options.instance_id),
        "spec": {
            "schedules": list(plan.schedules),
            "timezone": plan.timezone,
            **({"suspend": True} if plan.paused else {}),  # type: ignore[typeddict-item]
            "concurrencyPolicy": plan.concurrency_policy,
            "startingDeadlineSeconds": plan.starting_deadline_s,
            "successfulJobsHistoryLimit": plan.successful_limit,
            "failedJobsHistoryLimit": plan.failed_limit,
            "workflowMetadata": {
                # Argo copies the label of the controller's instance from the CronWorkflow.
                "labels": dict(workflow.labels),
                "annotations": dict(workflow.annotations),
            },
            "workflowSpec": dict(workflow.spec),
        },
    }


def _metadata(plan: SchedulePlan, instance_id: str = "") -> Metadata:
    instance = {conventions.LABEL_INSTANCE_ID: instance_id} if instance_id else {}
    labels = {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels(), **instance}
    return {
        "name": plan.name,
        "namespace": plan.namespace,
        "labels": labels,
        "annotations": {
            conventions.ANNOTATION_STARTS: f"{plan.started.kind}/{plan.started.name}",
            conventions.ANNOTATION_OVERDUE: format_duration(plan.overdue_s),
            **({conventions.ANNOTATION_PAUSED: "true"} if plan.paused else {}),
            **_NO_FLUX,
        },
    }


def prometheus_rule(plan: SchedulePlan) -> PrometheusRule:
    """The alert for a schedule that gave no verdict for too long, also when it never gave one."""
    kind = "run" if plan.started.kind == conventions.KIND_RUN else "suite"
    name = f"{plan.namespace}/{plan.name}"
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(plan),
        "spec": {
            "groups": [
                {
                    "name": f"validation-schedule-{plan.namespace}-{plan.name}",
                    "interval": "1m",
                    "rules": [
                        {
                            "alert": "ValidationScheduleOverdue",
                            "expr": overdue_expression(plan),
                            "for": format_duration(plan.overdue_s - COUNTED_SECONDS),
                            "labels": {"severity": "warning", "namespace": plan.namespace, "schedule": plan.name},
                            "annotations": {
                                "summary": f"Schedule {name} has given no verdict for {format_duration(plan.overdue_s)}",
                                "description": (
                                    f"No {kind} {plan.started.name} has ended for longer than its schedule and its worst "
                                    f"case allow. `argo cron get {plan.name} -n {plan.namespace}` shows when it last started one."
                                ),
                            },
                        }
                    ],
                }
            ]
        },
    }


def overdue_expression(plan: SchedulePlan) -> str:
    """
    True at every moment but the ten minutes after a verdict was counted. The alert's `for` is the time without a verdict.

    A verdict is counted where a counter has another value than ten minutes before, or had none in the hour before that. So the first
    verdict counts, and one after a restart of the controller, which begins every counter anew. Without any series nothing was
    counted, and a counter that was not scraped for less than an hour has not grown by that.

    Prometheus renames the label `namespace` of a scraped series unless it is told to honor labels; both names are read. Where it
    renames, `namespace` is the controller's own, so that it says nothing beside `exported_namespace`.
    """
    counted = []
    for labels in (f'namespace="{plan.namespace}", exported_namespace=""', f'exported_namespace="{plan.namespace}"'):
        counter = f'{_PREFIX}{plan.started.metric}{{{labels}, name="{plan.started.name}"}}'
        now = f"last_over_time({counter}[{_LOOK}])"
        counted.append(f"(\n    {now}\n  unless\n    {now} == last_over_time({counter}[{_MEMORY}] offset {_LOOK})\n  )")
    return f"absent(\n  {' or '.join(counted)}\n)\n"


def _kustomization(files: Sequence[str]) -> Kustomization:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
