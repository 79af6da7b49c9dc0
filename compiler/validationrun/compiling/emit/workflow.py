"""
Plan -> WorkflowTemplate, built with Hera.

It holds no free text of a user: only fixed text, numbers, and names that passed a DNS pattern.
This module sets every field that an installation's `workflowDefaults` could change.
"""

from typing import Final

from hera.workflows import DAG, Parameter, Task, WorkflowTemplate
from hera.workflows import models as m
from hera.workflows.protocol import Templatable

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.base.text import counted
from validationrun.compiling.emit.bundle import Bundle
from validationrun.compiling.emit.object_types import WorkflowTemplate as WorkflowTemplateObject
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.steps import finalize_template, step_template, volumes
from validationrun.compiling.emit.workflow_parts import (
    ENTRYPOINT,
    executor_patch,
    hashes,
    instance_label,
    ordered,
    pod_metadata,
    pod_security,
    ttl,
    workflow_metadata,
)
from validationrun.compiling.plan import Plan
from validationrun.compiling.plan.manifests import app_labels
from validationrun.oracle.rules import type_of
from validationrun.spec.v1alpha1 import Rule

_PARALLELISM: Final = 10
"""More pods than a run has at once. A lower default of an installation would keep the evaluator from running beside the load."""


def workflow_template(plan: Plan, bundle: Bundle, options: EmitOptions) -> WorkflowTemplateObject:
    """The WorkflowTemplate as plain data, with its keys in reading order."""
    templates: list[Templatable | m.Template] = [
        *(step_template(step, plan, bundle, options) for step in plan.steps),
        finalize_template(plan, bundle, options),
    ]
    with WorkflowTemplate(
        name=plan.name,
        namespace=plan.namespace,
        labels={conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels(), **instance_label(options)},
        annotations={**_titles(plan, f"ValidationRun {plan.name}"), **hashes(plan.spec_hash, bundle.hash)},
        entrypoint=ENTRYPOINT,
        # Runs after every ending but delete and terminate. Not hooks.exit, because an installation's default for onExit
        # would override it.
        on_exit=plan.finalize.name,
        arguments=[Parameter(name=p.name, value=p.default, description=p.description) for p in plan.parameters],
        service_account_name=plan.accounts.steps,
        automount_service_account_token=True,
        workflow_metadata=_workflow_metadata(plan, options),
        pod_metadata=pod_metadata(),
        active_deadline_seconds=plan.timings.workflow_deadline_s,
        synchronization=_mutex(plan),
        ttl_strategy=ttl(),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess"),
        parallelism=_PARALLELISM,
        archive_logs=False,
        pod_priority_class_name=options.priority_class or None,
        security_context=pod_security(),
        pod_spec_patch=executor_patch() if options.executor_patch else None,
        volumes=volumes(),
        templates=templates,
    ) as template:
        _dag(plan)
    data = template.to_dict()
    # The DAG comes first, then its steps.
    data["spec"]["templates"].sort(key=lambda item: item["name"] != ENTRYPOINT)
    result: WorkflowTemplateObject = ordered(data)
    return result


def _titles(plan: Plan, what: str) -> dict[str, str]:
    """
    The title and description that the Argo UI lists, in Markdown. They hold only fixed text, names and numbers.

    Args:
        what: the start of the title, because the UI shows the title in place of the object's name.
    """
    load = f"{format_duration(plan.load.duration_s)} of {plan.load.name}" if plan.load else "no load"
    rules = counted(len(plan.rules), "rule")
    return {
        "workflows.argoproj.io/title": f"{what}: {load}, {rules}",
        "workflows.argoproj.io/description": _description(plan),
    }


def _description(plan: Plan) -> str:
    lines = [_sentence(plan), ""]
    if plan.deployments:
        lines += ["| deployment | role | nodes |", "|---|---|---|"]
        lines += [f"| {entry.name} | {entry.role} | {entry.replicas} |" for entry in plan.deployments] + [""]
    if plan.rules:
        lines += ["| rule | passes when | every | stops the run |", "|---|---|---|---|"]
        lines += [_rule_row(planned.rule) for planned in plan.rules] + [""]
    lines.append("The verdict is the workload's exit code and every rule. It stands in the message of step `finalize`")
    lines.append("and in the label `validation.sei.io/verdict`, which counts only together with phase Succeeded.")
    return "\n".join(lines) + "\n"


def _sentence(plan: Plan) -> str:
    times = plan.timings
    chain = "Brings up an ephemeral chain" if plan.brings_chain_up else "Uses an existing chain"
    if plan.load is None:
        return f"{chain} and watches the rules for {format_duration(times.judged_s)}."
    shards = f" from {plan.load.shards} pods" if plan.load.shards > 1 else ""
    return f"{chain}, drives `{plan.load.name}` at it for {format_duration(plan.load.duration_s)}{shards} and watches the rules meanwhile."


def _rule_row(rule: Rule) -> str:
    properties = rule.run_properties
    stops = "yes" if properties.stop_on_failure else "no"
    return f"| {rule.name} | {type_of(rule).passes_when(rule)} | {format_duration(properties.interval)} | {stops} |"


def _workflow_metadata(plan: Plan, options: EmitOptions) -> m.WorkflowMetadata:
    # Without the chain id of the run before, by which `delete` selects what to delete.
    labels = {conventions.LABEL_CHAIN_ID: "", **instance_label(options)}
    return workflow_metadata(plan.spec_hash, _titles(plan, "{{workflow.name}}"), labels)


def _mutex(plan: Plan) -> m.Synchronization | None:
    """
    A second run with the same explicit chain id waits instead of failing with ChainIdInUse.

    Without that parameter every run has its own lock. The name is never empty, because Argo's lock code fails on an empty name.
    """
    if not plan.brings_chain_up:
        return None
    if conventions.PARAM_CHAIN_ID in plan.locked:
        return m.Synchronization(mutexes=[m.Mutex(name="validationrun-{{workflow.uid}}")])
    given = f"workflow.parameters['{conventions.PARAM_CHAIN_ID}']"
    name = f"{{{{= 'validationrun-' + ({given} == '' ? workflow.uid : {given}) }}}}"
    return m.Synchronization(mutexes=[m.Mutex(name=name)])


def _dag(plan: Plan) -> None:
    """The DAG has no failFast, outputs or hooks, because each could end the DAG before the evaluator has signed off."""
    no_retry = m.RetryStrategy(limit="0", retry_policy="OnError")
    # With a default of 1, load and evaluator could not run side by side, although each waits for the other.
    with DAG(name=ENTRYPOINT, fail_fast=False, parallelism=_PARALLELISM, retry_strategy=no_retry):
        for step in plan.steps:
            Task(
                name=step.name,
                template=step.name,
                # Not `depends`, because Argo refuses it together with continueOn.
                dependencies=[step.depends] if step.depends else None,
                continue_on=m.ContinueOn(failed=True) if step.continue_on_failed else None,
            )
