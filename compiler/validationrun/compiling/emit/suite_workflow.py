"""
SuitePlan -> WorkflowTemplate: one task for each member, all of one template, and suite-finalize as the exit handler.

It holds no text of a user but names that passed a DNS pattern: values of parameters stand in the bundle alone.
"""

from collections.abc import Mapping
from typing import Final

from hera.workflows import DAG, Container, Parameter, Suspend, Task, WorkflowTemplate
from hera.workflows import models as m

from validationrun.base import conventions
from validationrun.base.conventions import SUITE_FINALIZE, SUITE_MEMBER
from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.compiling.emit.bundle import HashedData
from validationrun.compiling.emit.object_types import WorkflowTemplate as WorkflowTemplateObject
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.verdict_step import beside_main, exit_code
from validationrun.compiling.emit.workflow_parts import (
    ENTRYPOINT,
    OUTPUT_VOLUME,
    container_security,
    executor_patch,
    hashes,
    identity_environment,
    instance_label,
    ordered,
    pod_metadata,
    pod_security,
    resources,
    terminal_metrics,
    ttl,
    workflow_metadata,
)
from validationrun.compiling.plan.manifests import app_labels
from validationrun.compiling.plan.model import FINALIZE_ATTEMPTS
from validationrun.compiling.plan.suite import SuiteMember, SuitePlan
from validationrun.oracle.outcome import RunReason, Verdict

MEMBER_TEMPLATE: Final = "member"
MEMBER_INPUT: Final = "member"

END_TASK: Final = "End"
"""The last task. No member has its name, because those have no capitals."""

END_TEMPLATE: Final = "end"

_ONLY: Final = "Only these runs of the suite, separated by commas; empty: all of them"
_ONLY_ARGUMENT: Final = f"--set={conventions.PARAM_ONLY}={{{{workflow.parameters.{conventions.PARAM_ONLY}}}}}"
_ANY_END: Final = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned")
_ATTEMPTS: Final = 3
_FINALIZE_MIB: Final = 256
_DURATION_BUCKETS: Final = (900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


def suite_template(plan: SuitePlan, bundle: HashedData, options: EmitOptions) -> WorkflowTemplateObject:
    """The WorkflowTemplate as plain data, with its keys in reading order."""
    with WorkflowTemplate(
        name=plan.name,
        namespace=plan.namespace,
        labels={**_ours(options), conventions.LABEL_SUITE: plan.name},
        annotations={**_titles(plan, f"ValidationSuite {plan.name}"), **hashes(plan.spec_hash, bundle.hash)},
        entrypoint=ENTRYPOINT,
        on_exit=SUITE_FINALIZE,
        arguments=[Parameter(name=conventions.PARAM_ONLY, value="", description=_ONLY)],
        service_account_name=plan.account,
        automount_service_account_token=True,
        workflow_metadata=_workflow_metadata(plan, options),
        pod_metadata=pod_metadata(),
        active_deadline_seconds=plan.deadline_s,
        ttl_strategy=ttl(),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess"),
        # One more than the members at once, so that a lost pod that is still ending keeps no other from starting.
        parallelism=plan.max_parallel + 1,
        archive_logs=False,
        pod_priority_class_name=options.priority_class or None,
        security_context=pod_security(),
        pod_spec_patch=executor_patch() if options.executor_patch else None,
        volumes=[
            m.Volume(name="bundle", config_map=m.ConfigMapVolumeSource(name=bundle.name, optional=True)),
            m.Volume(name=OUTPUT_VOLUME, empty_dir=m.EmptyDirVolumeSource()),
            m.Volume(name="tmp", empty_dir=m.EmptyDirVolumeSource()),
        ],
        templates=[_member_template(plan, bundle), _end_template(), _finalize_template(plan, bundle)],
    ) as template:
        _dag(plan)
    data = template.to_dict()
    data["spec"]["templates"].sort(key=lambda item: item["name"] != ENTRYPOINT)
    result: WorkflowTemplateObject = ordered(data)
    return result


def _ours(options: EmitOptions) -> dict[str, str]:
    return {conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels(), **instance_label(options)}


def _titles(plan: SuitePlan, what: str) -> dict[str, str]:
    """The title and description that the Argo UI lists, in Markdown: fixed text, names and numbers."""
    order = "one after the other" if plan.max_parallel == 1 else f"at most {plan.max_parallel} at once"
    rows = [
        f"| {member.name} | {member.run.plan.name} | {', '.join(member.depends_on)} | {format_duration(member.deadline_s)} |"
        for member in plan.members
    ]
    lines = [
        f"Starts {counted(len(plan.members), 'run')}, {order}, each as a Workflow of its own;",
        "with the parameter `only` none but those that it names.",
        "",
        "| member | run | after | at most |",
        "|---|---|---|---|",
        *rows,
        "",
        "Passed only when every run Passed. The verdict stands in the message of step `suite-finalize` and in the label",
        "`validation.sei.io/verdict`, which counts only together with phase Succeeded.",
    ]
    return {
        "workflows.argoproj.io/title": f"{what}: {counted(len(plan.members), 'run')}, {order}",
        "workflows.argoproj.io/description": "\n".join(lines) + "\n",
    }


def _workflow_metadata(plan: SuitePlan, options: EmitOptions) -> m.WorkflowMetadata:
    labels = {conventions.LABEL_SUITE: plan.name, **instance_label(options)}
    return workflow_metadata(plan.spec_hash, _titles(plan, "{{workflow.name}}"), labels)


def _dag(plan: SuitePlan) -> None:
    """
    The DAG always succeeds, so that the message of suite-finalize becomes the Workflow's: its only leaf is `End`.

    It has no failFast, because Argo then counts a lost pod of a task that is retried as a failure.
    """
    no_retry = m.RetryStrategy(limit="0", retry_policy="OnError")
    passed = _passed_before(plan)
    with DAG(name=ENTRYPOINT, fail_fast=False, parallelism=plan.max_parallel, retry_strategy=no_retry):
        for member in plan.members:
            Task(
                name=member.name,
                template=MEMBER_TEMPLATE,
                depends=_depends(member, passed, stop_on_failure=plan.stop_on_failure),
                arguments=[Parameter(name=MEMBER_INPUT, value=member.name)],
            )
        Task(name=END_TASK, template=END_TEMPLATE, depends=" && ".join(_any_end(name) for name in _leaves(plan)))


def _passed_before(plan: SuitePlan) -> dict[str, frozenset[str]]:
    """Of each member, by name: the members that must have passed before it starts, directly or not."""
    direct = {member.name: member.depends_on for member in plan.members}
    known: dict[str, frozenset[str]] = {}

    def before(name: str) -> frozenset[str]:
        if name not in known:
            known[name] = frozenset(direct[name]).union(*map(before, direct[name]))
        return known[name]

    return {name: before(name) for name in direct}


def _depends(member: SuiteMember, passed_before: Mapping[str, frozenset[str]], *, stop_on_failure: bool) -> str | None:
    """Leaves out what another dependency implies: with all of it, the template of 64 members could be too large."""
    implied = frozenset[str]().union(*(passed_before[name] for name in member.depends_on))
    passed = [f"{name}.Succeeded" for name in member.depends_on if name not in implied]
    before = [f"{name}.Succeeded" if stop_on_failure else _any_end(name) for name in member.starts_after]
    return " && ".join([*passed, *before]) or None


def _any_end(name: str) -> str:
    return f"({' || '.join(f'{name}.{end}' for end in _ANY_END)})"


def _leaves(plan: SuitePlan) -> list[str]:
    """The members that no other member waits for."""
    followed = {name for member in plan.members for name in (*member.depends_on, *member.starts_after)}
    return [member.name for member in plan.members if member.name not in followed]


def _member_template(plan: SuitePlan, bundle: HashedData) -> Container:
    return _container(
        plan,
        name=MEMBER_TEMPLATE,
        title="Run {{inputs.parameters.member}}",
        inputs=[Parameter(name=MEMBER_INPUT)],
        args=[SUITE_MEMBER, f"--set={MEMBER_INPUT}={{{{inputs.parameters.{MEMBER_INPUT}}}}}", _ONLY_ARGUMENT],
        timeout_s=plan.member_timeout_s,
        retry=m.RetryStrategy(
            limit=str(_ATTEMPTS),
            retry_policy="Always",
            backoff=m.Backoff(duration="1s", factor=5),
            # 1 and 2 are verdicts. A lost pod has -1, and a fault of ours 70: the next attempt finds the member's Workflow.
            expression="lastRetry.exitCode != '1' && lastRetry.exitCode != '2'",
        ),
        memory_mib=128,
        environment=identity_environment(bundle.hash),
        outputs=[_output("verdict", Verdict.ERROR), _output("workflow", "")],
    )


def _end_template() -> Suspend:
    """Waits for no time and needs no pod."""
    return Suspend(name=END_TEMPLATE, duration="0")


def _finalize_template(plan: SuitePlan, bundle: HashedData) -> Container:
    program = _container(
        plan,
        name=SUITE_FINALIZE,
        title="Give the suite's verdict",
        args=[SUITE_FINALIZE, _ONLY_ARGUMENT],
        timeout_s=plan.finalize_s,
        retry=m.RetryStrategy(
            limit=str(FINALIZE_ATTEMPTS - 1), retry_policy="OnError", backoff=m.Backoff(duration="1s", factor=5)
        ),
        memory_mib=_FINALIZE_MIB,
        environment={**identity_environment(bundle.hash), "RETRIES": "{{retries}}"},
        outputs=[
            _output("verdict", Verdict.ERROR, of_workflow=True),
            _output("reason", RunReason.UNKNOWN, of_workflow=True),
            _output(conventions.OUTPUT_SCOPE, conventions.SCOPE_WHOLE),
            exit_code(),
        ],
        metrics=_metrics(plan),
    )
    return beside_main(program, _FINALIZE_MIB)


def _container(
    plan: SuitePlan,
    *,
    name: str,
    title: str,
    args: list[str],
    timeout_s: int,
    retry: m.RetryStrategy,
    memory_mib: int,
    environment: dict[str, str],
    outputs: list[Parameter],
    inputs: list[Parameter] | None = None,
    metrics: m.Metrics | None = None,
) -> Container:
    # Long: one field of Argo a line.
    return Container(
        name=name,
        inputs=inputs,
        labels={conventions.LABEL_K8S_COMPONENT: conventions.COMPONENT_SUITE},
        annotations={"workflows.argoproj.io/title": title},
        service_account_name=plan.account,
        timeout=f"{timeout_s}s",
        active_deadline_seconds=timeout_s,
        retry_strategy=retry,
        fail_fast=False,
        image=plan.runner_image,
        command=["validationrun-runner"],
        args=args,
        env=[m.EnvVar(name=key, value=value) for key, value in environment.items()],
        resources=resources("64Mi", f"{memory_mib}Mi"),
        security_context=container_security(),
        volume_mounts=[
            m.VolumeMount(name="bundle", mount_path=conventions.BUNDLE_DIR, read_only=True),
            m.VolumeMount(name=OUTPUT_VOLUME, mount_path=conventions.OUTPUT_DIR),
            m.VolumeMount(name="tmp", mount_path="/tmp"),  # noqa: S108 - an emptyDir of this pod
        ],
        outputs=outputs,
        metrics=metrics,
    )


def _output(name: str, default: str, *, of_workflow: bool = False) -> Parameter:
    return Parameter(
        name=name,
        global_name=name if of_workflow else None,
        value_from=m.ValueFrom(path=f"{conventions.OUTPUT_DIR}/{name}", default=default),
    )


def _metrics(plan: SuitePlan) -> m.Metrics:
    counter = (conventions.METRIC_SUITE_TERMINAL, "Validation suites that ended, by verdict.")
    duration = ("validationsuite_duration_seconds", "Time from a validation suite's start to its verdict.")
    metrics = terminal_metrics(plan.namespace, plan.name, counter, duration, _DURATION_BUCKETS)
    for metric in metrics.prometheus or ():
        # Somebody's rerun of a few members must not silence the alert about a schedule of the whole suite.
        metric.when = f"{{{{outputs.parameters.{conventions.OUTPUT_SCOPE}}}}} == {conventions.SCOPE_WHOLE}"
    return metrics
