"""What the WorkflowTemplates of runs and suites have in common: metadata, hardening, environment, metrics, the order of keys."""

from collections.abc import Sequence
from typing import Any, Final

from hera.workflows import models as m

from validationrun.base import conventions
from validationrun.compiling.emit import yaml
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan.load import DO_NOT_DISRUPT
from validationrun.compiling.plan.manifests import app_labels
from validationrun.oracle.outcome import Phase, Verdict

ENTRYPOINT: Final = "main"
OUTPUT_VOLUME: Final = "outputs"
"""An emptyDir that the containers of a step share."""

_USER: Final = 8737
"""The user id of Argo's non-root images and of the runner image."""

_RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def hashes(spec_hash: str, digest: str) -> dict[str, str]:
    """The annotations that say what the template was compiled from."""
    return {
        conventions.ANNOTATION_SPEC_HASH: spec_hash,
        conventions.ANNOTATION_BUNDLE_HASH: digest,
        # Flux's postBuild would also replace `${...}` here.
        "kustomize.toolkit.fluxcd.io/substitute": "disabled",
    }


def workflow_metadata(spec_hash: str, titles: dict[str, str], labels: dict[str, str]) -> m.WorkflowMetadata:
    """
    Argo applies it when the Workflow starts, so that a resubmitted Workflow does not keep the previous verdict.

    Args:
        labels: those that this kind has besides.
    """
    return m.WorkflowMetadata(
        labels={
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            **app_labels(),
            conventions.LABEL_PHASE: Phase.RUNNING,
            conventions.LABEL_VERDICT: Verdict.AWAITED,
            **labels,
        },
        annotations={**titles, conventions.ANNOTATION_SPEC_HASH: spec_hash, conventions.ANNOTATION_REASON: ""},
        labels_from={conventions.LABEL_RUN_ID: m.LabelValueFrom(expression="workflow.name")},
    )


def identity_environment(digest: str) -> dict[str, str]:
    """How a step knows its Workflow, and the bundle that it was compiled with."""
    return {
        "WORKFLOW_NAME": "{{workflow.name}}",
        "WORKFLOW_UID": "{{workflow.uid}}",
        "WORKFLOW_NAMESPACE": "{{workflow.namespace}}",
        "BUNDLE_HASH": digest,
    }


def resources(request: str, limit: str) -> m.ResourceRequirements:
    """Of memory; a step needs little of the processor."""
    return m.ResourceRequirements(requests={"cpu": "10m", "memory": request}, limits={"memory": limit})


def terminal_metrics(
    namespace: str, name: str, counter: tuple[str, str], duration: tuple[str, str], buckets: Sequence[int]
) -> m.Metrics:
    """
    Argo counts these when the template ends that gives the verdict. An alert on their absence detects a schedule that stopped.

    Args:
        counter, duration: name and help of each.
        buckets: upper bounds of the duration in seconds.
    """
    labels = [
        m.MetricLabel(key="namespace", value=namespace),
        m.MetricLabel(key="name", value=name),
        m.MetricLabel(key="verdict", value="{{outputs.parameters.verdict}}"),
    ]
    bounds = [m.Amount(root=bound) for bound in buckets]
    return m.Metrics(
        prometheus=[
            m.Prometheus(name=counter[0], help=counter[1], labels=labels, counter=m.Counter(value="1")),
            m.Prometheus(
                name=duration[0],
                help=duration[1],
                labels=labels[:2],
                histogram=m.Histogram(value="{{workflow.duration}}", buckets=bounds),
            ),
        ]
    )


def instance_label(options: EmitOptions) -> dict[str, str]:
    return {conventions.LABEL_INSTANCE_ID: options.instance_id} if options.instance_id else {}


def pod_metadata() -> m.Metadata:
    return m.Metadata(
        labels={
            conventions.LABEL_MANAGED_BY: conventions.MANAGED_BY,
            conventions.LABEL_RUN_ID: "{{workflow.name}}",
            **app_labels(),
        },
        annotations={
            **DO_NOT_DISRUPT,
            # An injected sidecar would keep a step's pod running.
            "sidecar.istio.io/inject": "false",
            "linkerd.io/inject": "disabled",
        },
    )


def pod_security() -> m.PodSecurityContext:
    return m.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=_USER,
        run_as_group=_USER,
        fs_group=_USER,
        seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
    )


def executor_patch() -> str:
    """Sets a security context for Argo's containers: they have none, and restricted Pod Security would refuse every step."""
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
    patch = {
        "initContainers": [{"name": "init", "securityContext": _RESTRICTED, "resources": resources}],
        "containers": [{"name": "wait", "securityContext": _RESTRICTED, "resources": resources}],
    }
    return yaml.dump(patch)


def container_security() -> m.SecurityContext:
    return m.SecurityContext(
        allow_privilege_escalation=False,
        capabilities=m.Capabilities(drop=["ALL"]),
        read_only_root_filesystem=True,
        run_as_non_root=True,
        seccomp_profile=m.SeccompProfile(type="RuntimeDefault"),
    )


def ttl() -> m.TTLStrategy:
    seconds = conventions.TTL_SECONDS
    return m.TTLStrategy(seconds_after_completion=seconds, seconds_after_success=seconds, seconds_after_failure=seconds)


# Keys in reading order; the others follow by name.
_FIRST: Final = (
    "apiVersion", "kind", "name", "help", "key", "namespace", "metadata", "labels", "annotations", "spec",
    "entrypoint", "onExit", "arguments", "description", "value", "parameters", "serviceAccountName",
    "automountServiceAccountToken", "activeDeadlineSeconds", "synchronization", "workflowMetadata", "podMetadata",
    "timeout", "retryStrategy", "failFast", "template", "dependencies", "continueOn", "dag", "image", "command", "args", "env",
)  # fmt: skip
_LAST: Final = ("podSpecPatch", "volumeMounts", "volumes", "outputs", "metrics", "templates")
_RANK: Final = {
    **{key: index for index, key in enumerate(_FIRST)},
    **{key: 1000 + index for index, key in enumerate(_LAST)},
}
_MIDDLE: Final = 500


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=lambda key: (_RANK.get(key, _MIDDLE), key))}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        # Kubernetes stores 300.0 as 300, so applying 300.0 again would always show a difference.
        return int(value)
    return value
