"""
Plan -> WorkflowTemplate, built with Hera.

Nothing of a user's free text enters it: names that passed a DNS pattern, numbers, and words of our own.
Everything that an installation's `workflowDefaults` could change is set here explicitly.
"""

from typing import Any, Final

from hera.workflows import DAG, Container, Parameter, Task, WorkflowTemplate
from hera.workflows import models as m
from hera.workflows.protocol import Templatable

from validationrun import conventions
from validationrun.api.v1alpha1.types import format_duration
from validationrun.emit import yaml
from validationrun.emit.bundle import Bundle
from validationrun.emit.options import EmitOptions
from validationrun.plan import Plan, Step
from validationrun.plan.load import DO_NOT_DISRUPT
from validationrun.plan.manifests import app_labels

ENTRYPOINT: Final = "main"
_USER: Final = 8737
"""The user of Argo's own non-root images; our runner image has it too."""

_BUNDLE_VOLUME: Final = "bundle"
_OUTPUT_VOLUME: Final = "outputs"
_TMP_VOLUME: Final = "tmp"
_PROMETHEUS_VOLUME: Final = "prometheus-access"
_EVALUATOR: Final = "rule-evaluator"
_WEEK: Final = 7 * 24 * 3600
_PARALLELISM: Final = 10
"""More than a run ever has at once. An installation's lower default would keep the evaluator from starting beside the load."""

_RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# "Failed" a step never is by itself: whatever it could not record is an Error.
_OUTPUT_DEFAULTS: Final = {"verdict": "Error", "reason": "Unknown", "exit-codes": "", "chain-id": ""}
_DURATION_BUCKETS: Final = (300, 600, 1800, 3600, 7200, 14400, 43200, 86400)


def workflow_template(plan: Plan, bundle: Bundle, options: EmitOptions) -> dict[str, Any]:
    """The WorkflowTemplate as plain data, keys in the order in which a reviewer reads them."""
    templates: list[Templatable | m.Template] = [
        _step_template(step, plan, bundle, options) for step in (*plan.steps, plan.finalize)
    ]
    with WorkflowTemplate(
        name=plan.name,
        namespace=plan.namespace,
        labels={conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY, **app_labels(), **_instance_label(options)},
        annotations={**_titles(plan), **_hashes(plan, bundle)},
        entrypoint=ENTRYPOINT,
        # One handler for every ending but terminate and delete.
        hooks={"exit": m.LifecycleHook(template=plan.finalize.name)},
        arguments=[Parameter(name=p.name, value=p.default, description=p.description) for p in plan.parameters],
        service_account_name=plan.accounts.steps,
        automount_service_account_token=True,
        workflow_metadata=_workflow_metadata(plan, options),
        pod_metadata=_pod_metadata(),
        active_deadline_seconds=plan.timings.workflow_deadline_s,
        synchronization=_mutex(plan),
        ttl_strategy=m.TTLStrategy(
            seconds_after_completion=_WEEK, seconds_after_success=_WEEK, seconds_after_failure=_WEEK
        ),
        pod_gc=m.PodGC(strategy="OnWorkflowSuccess"),
        parallelism=_PARALLELISM,
        archive_logs=False,
        pod_priority_class_name=options.priority_class or None,
        security_context=_pod_security(),
        pod_spec_patch=_executor_patch() if options.executor_patch else None,
        volumes=_volumes(),
        templates=templates,
    ) as template:
        _dag(plan)
    data = template.to_dict()
    # The order of the run comes first, then its steps.
    data["spec"]["templates"].sort(key=lambda one: one["name"] != ENTRYPOINT)
    ordered: dict[str, Any] = _ordered(data)
    return ordered


def _titles(plan: Plan) -> dict[str, str]:
    """What the Argo UI shows in its lists and on the run's page. Markdown; made of names, numbers and our own words only."""
    load = f"{format_duration(plan.load.duration_s)} of {plan.load.name}" if plan.load else "no load"
    rules = f"{len(plan.rules)} rule{'s' if len(plan.rules) != 1 else ''}"
    return {
        "workflows.argoproj.io/title": f"ValidationRun {plan.name}: {load}, {rules}",
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


def _rule_row(rule: Any) -> str:
    passes = f"value {rule.query.op} {rule.query.threshold}" if rule.query else "the alert does not fire"
    properties = rule.run_properties
    return f"| {rule.name} | {passes} | {format_duration(properties.interval)} | {'yes' if properties.stop_on_failure else 'no'} |"


def _hashes(plan: Plan, bundle: Bundle) -> dict[str, str]:
    return {
        conventions.ANNOTATION_SPEC_HASH: plan.spec_hash,
        conventions.ANNOTATION_BUNDLE_HASH: bundle.hash,
        # Flux's postBuild would read `${...}` here too.
        "kustomize.toolkit.fluxcd.io/substitute": "disabled",
    }


def _instance_label(options: EmitOptions) -> dict[str, str]:
    return {conventions.LABEL_INSTANCE_ID: options.instance_id} if options.instance_id else {}


def _workflow_metadata(plan: Plan, options: EmitOptions) -> m.WorkflowMetadata:
    return m.WorkflowMetadata(
        labels={
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            **app_labels(),
            # Applied when the Workflow starts, so that a resubmitted run never begins with the last one's verdict.
            conventions.LABEL_PHASE: "Running",
            conventions.LABEL_VERDICT: "Awaited",
            **_instance_label(options),
        },
        annotations={**_titles(plan), conventions.ANNOTATION_SPEC_HASH: plan.spec_hash},
        labels_from={conventions.LABEL_RUN_ID: m.LabelValueFrom(expression="workflow.name")},
    )


def _pod_metadata() -> m.Metadata:
    return m.Metadata(
        labels={
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_RUN_ID: "{{workflow.name}}",
            **app_labels(),
        },
        annotations={
            **DO_NOT_DISRUPT,
            # An injected sidecar would keep a step's pod from ending.
            "sidecar.istio.io/inject": "false",
            "linkerd.io/inject": "disabled",
        },
    )


def _mutex(plan: Plan) -> m.Synchronization | None:
    """
    A courtesy: a second run with the same explicit chain id waits instead of failing with ChainIdInUse.

    Without that parameter every run has a lock of its own. The name is never empty, which Argo's lock code could not bear.
    """
    if not plan.brings_chain_up:
        return None
    given = f"workflow.parameters['{conventions.PARAM_CHAIN_ID}']"
    name = f"{{{{= 'validationrun-' + ({given} == '' ? workflow.uid : {given}) }}}}"
    return m.Synchronization(mutexes=[m.Mutex(name=name)])


def _pod_security() -> m.PodSecurityContext:
    return m.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=_USER,
        run_as_group=_USER,
        fs_group=_USER,
        seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
    )


def _executor_patch() -> str:
    """Argo gives its own containers no security context, so that a namespace with restricted Pod Security would refuse every step."""
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
    patch = {
        "initContainers": [{"name": "init", "securityContext": _RESTRICTED, "resources": resources}],
        "containers": [{"name": "wait", "securityContext": _RESTRICTED, "resources": resources}],
    }
    return yaml.dump(patch)


def _volumes() -> list[m.Volume]:
    """The run's own copy of the bundle, which outlives a merge or a prune of the committed one. Optional: a pod must never hang for it."""
    return [
        m.Volume(name=_BUNDLE_VOLUME, config_map=m.ConfigMapVolumeSource(name=run_bundle_name(), optional=True)),
        m.Volume(name=_OUTPUT_VOLUME, empty_dir=m.EmptyDirVolumeSource()),
        m.Volume(name=_TMP_VOLUME, empty_dir=m.EmptyDirVolumeSource()),
    ]


def run_bundle_name() -> str:
    """The uid keeps a Workflow that took over an old one's name from mounting the old one's copy."""
    return "{{workflow.name}}-{{workflow.uid}}-bundle"


def _step_template(step: Step, plan: Plan, bundle: Bundle, options: EmitOptions) -> Container:
    is_finalize = step is plan.finalize
    asks = step.name == _EVALUATOR
    volumes = None
    if step.mounts_bundle:
        # The committed bundle, under its own name: the later steps mount the copy that this step makes.
        source = m.ConfigMapVolumeSource(name=bundle.name, optional=True)
        volumes = [m.Volume(name="committed-bundle", config_map=source)]
    if asks and options.prometheus_secret:
        # Optional, so that a Secret that is missing is an answer of Prometheus' and no pod that hangs.
        secret = m.SecretVolumeSource(secret_name=options.prometheus_secret, optional=True)
        volumes = [m.Volume(name=_PROMETHEUS_VOLUME, secret=secret)]
    return Container(
        name=step.name,
        labels={conventions.LABEL_K8S_COMPONENT: step.component},
        annotations={"workflows.argoproj.io/title": step.title},
        service_account_name=plan.accounts.finalize if is_finalize else plan.accounts.steps,
        timeout=f"{step.timeout_s}s",
        retry_strategy=m.RetryStrategy(
            limit=str(step.retry_limit), retry_policy=step.retry, backoff=m.Backoff(duration="5s", factor=2)
        ),
        fail_fast=False,
        volumes=volumes,
        image=f"{{{{workflow.parameters.{conventions.PARAM_RUNNER_IMAGE}}}}}",
        command=["validationrun-runner"],
        args=[step.name, *(_parameter_arguments(plan) if step.mounts_bundle else [])],
        env=[*_environment(bundle), *(_prometheus_environment(options) if asks else [])],
        ports=[m.ContainerPort(name="metrics", container_port=conventions.METRICS_PORT)] if asks else None,
        resources=m.ResourceRequirements(
            requests={"cpu": "10m", "memory": "64Mi"}, limits={"memory": f"{step.memory_mib}Mi"}
        ),
        security_context=m.SecurityContext(
            allow_privilege_escalation=False,
            capabilities=m.Capabilities(drop=["ALL"]),
            read_only_root_filesystem=True,
            run_as_non_root=True,
            seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
        ),
        volume_mounts=[*_mounts(step), *(_prometheus_mounts(options) if asks else [])],
        outputs=[_output(name) for name in step.outputs],
        metrics=_metrics(plan) if is_finalize else None,
    )


def _parameter_arguments(plan: Plan) -> list[str]:
    """ensure-chain alone gets the parameters; it checks each against its pattern and writes what holds into the record."""
    names = [parameter.name for parameter in plan.parameters if parameter.name != conventions.PARAM_RUNNER_IMAGE]
    return [f"--set={name}={{{{workflow.parameters.{name}}}}}" for name in names]


def _environment(bundle: Bundle) -> list[m.EnvVar]:
    values = {
        "WORKFLOW_NAME": "{{workflow.name}}",
        "WORKFLOW_UID": "{{workflow.uid}}",
        "WORKFLOW_NAMESPACE": "{{workflow.namespace}}",
        "BUNDLE_HASH": bundle.hash,
    }
    return [m.EnvVar(name=name, value=value) for name, value in values.items()]


def _prometheus_environment(options: EmitOptions) -> list[m.EnvVar]:
    values = {"VALIDATION_SETTLE": options.settle} if options.settle else {}
    if options.prometheus_secret:
        values |= {
            name: f"{conventions.PROMETHEUS_DIR}/{key}"
            for name, key in conventions.PROMETHEUS_FILES.items()
            if key in options.prometheus_keys
        }
    return [m.EnvVar(name=name, value=value) for name, value in values.items()]


def _prometheus_mounts(options: EmitOptions) -> list[m.VolumeMount]:
    if not options.prometheus_secret:
        return []
    return [m.VolumeMount(name=_PROMETHEUS_VOLUME, mount_path=conventions.PROMETHEUS_DIR, read_only=True)]


def _mounts(step: Step) -> list[m.VolumeMount]:
    bundle = "committed-bundle" if step.mounts_bundle else _BUNDLE_VOLUME
    # finalize decides from the record alone, so that nothing that happened to a bundle can keep it from cleaning up.
    reads_bundle = step.mounts_bundle or step.depends is not None
    return [
        *([m.VolumeMount(name=bundle, mount_path=conventions.BUNDLE_DIR, read_only=True)] if reads_bundle else []),
        m.VolumeMount(name=_OUTPUT_VOLUME, mount_path=conventions.OUTPUT_DIR),
        m.VolumeMount(name=_TMP_VOLUME, mount_path="/tmp"),  # noqa: S108 - an emptyDir of the pod's own
    ]


def _output(name: str) -> Parameter:
    return Parameter(
        name=name,
        value_from=m.ValueFrom(path=f"{conventions.OUTPUT_DIR}/{name}", default=_OUTPUT_DEFAULTS[name]),
    )


def _metrics(plan: Plan) -> m.Metrics:
    """Counted by Argo when finalize ends; an alert on their absence is the heartbeat of scheduled runs."""
    labels = [
        m.MetricLabel(key="namespace", value=plan.namespace),
        m.MetricLabel(key="name", value=plan.name),
        m.MetricLabel(key="verdict", value="{{outputs.parameters.verdict}}"),
    ]
    return m.Metrics(
        prometheus=[
            m.Prometheus(
                name="validation_run_terminal_total",
                help="Validation runs that ended, by verdict.",
                labels=labels,
                counter=m.Counter(value="1"),
            ),
            m.Prometheus(
                name="validationrun_duration_seconds",
                help="Time from a validation run's start to its verdict.",
                labels=labels[:2],
                histogram=m.Histogram(
                    value="{{workflow.duration}}", buckets=[m.Amount(root=bound) for bound in _DURATION_BUCKETS]
                ),
            ),
        ]
    )


def _dag(plan: Plan) -> None:
    """Neither failFast, no outputs and no hooks: each of them could end the DAG before the evaluator has signed off."""
    with DAG(name=ENTRYPOINT, fail_fast=False, retry_strategy=m.RetryStrategy(limit="0", retry_policy="OnError")):
        for step in plan.steps:
            Task(name=step.name, template=step.name, depends=step.depends)


# Keys in the order in which a reviewer wants them; the others follow by name.
_FIRST: Final = (
    "apiVersion", "kind", "name", "help", "key", "namespace", "metadata", "labels", "annotations", "spec",
    "entrypoint", "hooks", "arguments", "description", "value", "parameters", "serviceAccountName",
    "automountServiceAccountToken", "activeDeadlineSeconds", "synchronization", "workflowMetadata", "podMetadata",
    "timeout", "retryStrategy", "failFast", "template", "depends", "dag", "image", "command", "args", "env",
)  # fmt: skip
_LAST: Final = ("podSpecPatch", "volumeMounts", "volumes", "outputs", "metrics", "templates")
_RANK: Final = {
    **{key: index for index, key in enumerate(_FIRST)},
    **{key: 1000 + index for index, key in enumerate(_LAST)},
}
_MIDDLE: Final = 500


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (_RANK.get(key, _MIDDLE), key))}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value
