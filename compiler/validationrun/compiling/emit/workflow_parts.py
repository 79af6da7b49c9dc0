"""What the WorkflowTemplates of runs and suites have in common: hardening, labels of pods, and the order of keys."""

from typing import Any, Final

from hera.workflows import models as m

from validationrun.base import conventions
from validationrun.compiling.emit import yaml
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan.load import DO_NOT_DISRUPT
from validationrun.compiling.plan.manifests import app_labels

ENTRYPOINT: Final = "main"
_USER: Final = 8737
"""The user id of Argo's non-root images and of the runner image."""

_WEEK: Final = 7 * 24 * 3600
_RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


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
    return m.TTLStrategy(seconds_after_completion=_WEEK, seconds_after_success=_WEEK, seconds_after_failure=_WEEK)


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
