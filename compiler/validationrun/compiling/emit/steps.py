"""A planned step -> its template: one container of the runner's image, with its mounts, outputs and artifacts."""

from typing import Final

from hera.workflows import Artifact, Container, Parameter, S3Artifact
from hera.workflows import models as m

from validationrun.base import conventions
from validationrun.base.conventions import ENSURE_CHAIN, RULE_EVALUATOR
from validationrun.compiling.emit.bundle import Bundle
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.verdict_step import beside_main, exit_code
from validationrun.compiling.emit.workflow_parts import (
    OUTPUT_VOLUME,
    container_security,
    identity_environment,
    resources,
    terminal_metrics,
)
from validationrun.compiling.plan import Plan, Step
from validationrun.oracle.outcome import RunReason, Verdict

_BUNDLE_VOLUME: Final = "bundle"
_TMP_VOLUME: Final = "tmp"
_PROMETHEUS_VOLUME: Final = "prometheus-access"

_METRICS_PORT: Final = m.ContainerPort(
    # Sets the protocol although it is the default, so that the stored object equals the applied one.
    name="metrics",
    container_port=conventions.METRICS_PORT,
    protocol="TCP",
)

_RUNNER: Final = "validationrun-runner"
_PLAIN_HTTP: Final = "http://"

RESULTS_DIR: Final = f"{conventions.OUTPUT_DIR}/{conventions.OUTPUT_RESULTS}"
"""The folder of files that a step uploads; its layout is the same as in S3."""

# The default is never Failed, because a step that could not record its outcome is an Error.
_OUTPUT_DEFAULTS: Final = {
    "verdict": Verdict.ERROR,
    "reason": RunReason.UNKNOWN,
    "exit-codes": "",
    "chain-id": "",
    "message": "",
}
# These are also outputs of the Workflow, because `argo get` prints no message of a step that succeeded. The evaluator's
# own verdict is about the rules alone.
_OF_THE_WORKFLOW: Final = frozenset({"verdict", "reason", "exit-codes", "chain-id"})
_DURATION_BUCKETS: Final = (300, 600, 1800, 3600, 7200, 14400, 43200, 86400)


def volumes() -> list[m.Volume]:
    """The run's copy of the bundle, which outlives a merge or a prune of the committed one. Optional, so that no pod hangs without it."""
    return [
        m.Volume(name=_BUNDLE_VOLUME, config_map=m.ConfigMapVolumeSource(name=run_bundle_name(), optional=True)),
        m.Volume(name=OUTPUT_VOLUME, empty_dir=m.EmptyDirVolumeSource()),
        m.Volume(name=_TMP_VOLUME, empty_dir=m.EmptyDirVolumeSource()),
    ]


def run_bundle_name() -> str:
    """The uid is in the name, so that a Workflow with a reused name does not mount an older Workflow's copy."""
    return "{{workflow.name}}-{{workflow.uid}}-bundle"


def step_template(step: Step, plan: Plan, bundle: Bundle, options: EmitOptions) -> Container:
    """Of every step but finalize."""
    is_evaluator = step.name == RULE_EVALUATOR
    asks = is_evaluator or step.name == ENSURE_CHAIN
    return Container(
        name=step.name,
        labels={conventions.LABEL_K8S_COMPONENT: step.component},
        annotations={"workflows.argoproj.io/title": step.title},
        service_account_name=plan.accounts.steps,
        timeout=f"{step.timeout_s}s",
        # Equals the timeout; set explicitly, so that no default of an installation ends the pod sooner.
        active_deadline_seconds=step.timeout_s,
        retry_strategy=_retry_strategy(step),
        fail_fast=False,
        volumes=_step_volumes(step, bundle, options, asks=asks) or None,
        image=_image(plan, options),
        command=[_RUNNER],
        args=[step.name, *(_parameter_arguments(plan) if step.mounts_bundle else [])],
        env=_environment(step, plan, bundle, options, asks=asks),
        ports=[_METRICS_PORT] if is_evaluator else None,
        resources=resources("64Mi", f"{step.memory_mib}Mi"),
        security_context=container_security(),
        volume_mounts=[*_mounts(step), *(_prometheus_mounts(options) if asks else [])],
        outputs=[*(_output(name, of_run=not is_evaluator) for name in step.outputs), *_artifacts(step, plan)],
    )


def finalize_template(plan: Plan, bundle: Bundle, options: EmitOptions) -> Container:
    step = plan.finalize
    program = Container(
        name=step.name,
        labels={conventions.LABEL_K8S_COMPONENT: step.component},
        annotations={"workflows.argoproj.io/title": step.title},
        service_account_name=plan.accounts.finalize,
        timeout=f"{step.timeout_s}s",
        active_deadline_seconds=step.timeout_s,
        retry_strategy=_retry_strategy(step),
        fail_fast=False,
        image=_image(plan, options),
        command=[_RUNNER],
        args=[step.name],
        env=_environment(step, plan, bundle, options, asks=False),
        security_context=container_security(),
        volume_mounts=_mounts(step),
        outputs=[*(_output(name, of_run=True) for name in step.outputs), exit_code(), *_artifacts(step, plan)],
        metrics=_metrics(plan),
    )
    return beside_main(program, step.memory_mib)


def _retry_strategy(step: Step) -> m.RetryStrategy:
    """
    The first backoff is short, because Argo waits for it before it decides whether to retry at all.

    A pod that was deleted or evicted has no exit code; Argo reads it as -1 and retries the step.
    """
    return m.RetryStrategy(
        limit=str(step.retry_limit),
        retry_policy=step.retry,
        backoff=m.Backoff(duration="1s", factor=5),
        expression=f"lastRetry.exitCode != '{conventions.EXIT_AGAINST_RUN}'" if step.retry == "Always" else None,
    )


def _image(plan: Plan, options: EmitOptions) -> str:
    if conventions.PARAM_RUNNER_IMAGE in plan.locked:
        return options.runner_image
    return f"{{{{workflow.parameters.{conventions.PARAM_RUNNER_IMAGE}}}}}"


def _parameter_arguments(plan: Plan) -> list[str]:
    """Only ensure-chain gets the parameters. It checks each against its pattern and writes the valid values into the record."""
    return [f"--set={entry.name}={{{{workflow.parameters.{entry.name}}}}}" for entry in plan.parameters]


def _step_volumes(step: Step, bundle: Bundle, options: EmitOptions, *, asks: bool) -> list[m.Volume]:
    mounted = []
    if step.mounts_bundle:
        # This step mounts the committed bundle; the later steps mount the copy that it makes.
        source = m.ConfigMapVolumeSource(name=bundle.name, optional=True)
        mounted.append(m.Volume(name="committed-bundle", config_map=source))
    if asks and options.prometheus_secret:
        # Optional, so that a missing Secret shows up as an Error of the queries and not as a hanging pod.
        secret = m.SecretVolumeSource(secret_name=options.prometheus_secret, optional=True)
        mounted.append(m.Volume(name=_PROMETHEUS_VOLUME, secret=secret))
    return mounted


def _environment(step: Step, plan: Plan, bundle: Bundle, options: EmitOptions, *, asks: bool) -> list[m.EnvVar]:
    values = identity_environment(bundle.hash)
    if step is plan.finalize:
        # finalize also cleans up when there is no record to read the policy from.
        values["CLEANUP"] = plan.cleanup
        # Only a later attempt may find a verdict that finalize wrote itself.
        values["RETRIES"] = "{{retries}}"
    if asks and options.settle_s is not None:
        values["VALIDATION_SETTLE"] = str(options.settle_s)
    if asks and options.prometheus_secret:
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
    # finalize decides from the record alone, so a lost bundle cannot prevent the clean-up.
    reads_bundle = step.mounts_bundle or step.depends is not None
    return [
        *([m.VolumeMount(name=bundle, mount_path=conventions.BUNDLE_DIR, read_only=True)] if reads_bundle else []),
        m.VolumeMount(name=OUTPUT_VOLUME, mount_path=conventions.OUTPUT_DIR),
        m.VolumeMount(name=_TMP_VOLUME, mount_path="/tmp"),  # noqa: S108 - an emptyDir of this pod
    ]


def _output(name: str, *, of_run: bool) -> Parameter:
    return Parameter(
        name=name,
        global_name=name if of_run and name in _OF_THE_WORKFLOW else None,
        value_from=m.ValueFrom(path=f"{conventions.OUTPUT_DIR}/{name}", default=_OUTPUT_DEFAULTS[name]),
    )


def _artifacts(step: Step, plan: Plan) -> list[Artifact]:
    """
    The step's files, one key for each below the run's prefix. Optional, because an early failure leaves no files.

    Each names its full location, so no artifact repository is needed. Never garbage-collected: results outlive the Workflow.
    """
    if plan.results is None or (step is not plan.finalize and step.name != RULE_EVALUATOR):
        return []
    endpoint = plan.results.endpoint
    return [
        S3Artifact(
            name=conventions.RESULTS_ARTIFACT,
            path=RESULTS_DIR,
            optional=True,
            archive=m.ArchiveStrategy(none=m.NoneStrategy()),
            artifact_gc=m.ArtifactGC(strategy="Never"),
            bucket=plan.results.bucket,
            # Argo expects the host without a scheme, and uses TLS unless `insecure` is set.
            endpoint=endpoint.removeprefix(_PLAIN_HTTP),
            insecure=True if endpoint.startswith(_PLAIN_HTTP) else None,
            region=plan.results.region,
            key=plan.results.prefix.replace("${runId}", "{{workflow.name}}").rstrip("/"),
            use_sdk_creds=True,
        )
    ]


def _metrics(plan: Plan) -> m.Metrics:
    counter = (conventions.METRIC_RUN_TERMINAL, "Validation runs that ended, by verdict.")
    duration = ("validationrun_duration_seconds", "Time from a validation run's start to its verdict.")
    return terminal_metrics(plan.namespace, plan.name, counter, duration, _DURATION_BUCKETS)
