"""`spec.load` -> an Indexed Job and its config files."""

import re
from collections.abc import Sequence
from typing import Any, Final, NotRequired, TypedDict

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import (
    CONFIG_MAP_NAME,
    JOB_NAME,
    RUN_ID,
    Template,
    manifest,
    owner_references,
    run_labels,
)
from validationrun.compiling.plan.model import ConfigFile, PlannedLoad
from validationrun.contract.accounts import workload_account
from validationrun.contract.plan_json import TextPlace
from validationrun.spec.v1alpha1 import LoadSpec, Workload
from validationrun.spec.v1alpha1.kubernetes import VolumeMount
from validationrun.spec.v1alpha1.load import InitContainer


class _Variable(TypedDict):
    """A variable of a container, as a manifest names its fields."""

    name: str
    value: NotRequired[str]
    valueFrom: NotRequired[dict[str, dict[str, str]]]


_RESULTS_VOLUME: Final = "validation-results"
_CONFIG_VOLUME: Final = "validation-config"

_ENDPOINT_NAMES: Final = tuple(f"{kind}Endpoints" for kind in conventions.ENDPOINT_KINDS)
CONFIG_PLACEHOLDERS: Final = (
    "chainId",
    "runId",
    "namespace",
    *_ENDPOINT_NAMES,
    *(f"{name}Json" for name in _ENDPOINT_NAMES),
)
_PLACEHOLDER: Final = re.compile(r"\$\{(" + "|".join(CONFIG_PLACEHOLDERS) + r")\}")

# Ask the common autoscalers to keep the node, because a run that loses a node is lost.
DO_NOT_DISRUPT: Final = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}


def plan_load(load: LoadSpec, namespace: str, deadline_s: int, results_uri: str) -> PlannedLoad:
    """
    The load of a run.

    Args:
        deadline_s: the Job's own deadline, which ends the load when no step is left to stop it.
        results_uri: template of the run's results URI, or empty.
    """
    return PlannedLoad(
        name=load.workload.name,
        image=load.workload.image,
        duration_s=load.duration,
        min_duration_s=load.min_duration,
        end_by=load.end_by,
        failed_codes=tuple(load.workload.exit_codes.failed),
        shards=load.replicas,
        init_containers=tuple(container.name for container in load.workload.pod_template.init_containers or []),
        job=manifest(conventions.BUNDLE_JOB, _job(load, namespace, deadline_s, results_uri)),
        config=tuple(_config_file(name, text) for name, text in load.workload.config.files.items()),
    )


def _config_file(name: str, text: str) -> ConfigFile:
    places = tuple(TextPlace(match.start(), match[0]) for match in _PLACEHOLDER.finditer(text))
    return ConfigFile(name, conventions.BUNDLE_CONFIG.format(name=name), text, places)


def _job(load: LoadSpec, namespace: str, deadline_s: int, results_uri: str) -> dict[str, Any]:
    labels = run_labels(conventions.COMPONENT_LOAD)
    pod = load.workload.pod_template
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": Template(JOB_NAME),
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": owner_references(),
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": load.replicas,
            "parallelism": load.replicas,
            # With backoffLimit 0, one shard's failure would kill the others, and their exit code 143 would count as 2.
            "backoffLimitPerIndex": 0,
            "activeDeadlineSeconds": deadline_s,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": {
                    "labels": {**(pod.labels or {}), **labels},
                    "annotations": {**DO_NOT_DISRUPT, **(pod.annotations or {})},
                },
                "spec": _pod_spec(load, namespace, results_uri),
            },
        },
    }


def _pod_spec(load: LoadSpec, namespace: str, results_uri: str) -> dict[str, Any]:
    workload = load.workload
    pod = workload.pod_template.model_dump(by_alias=True, exclude_unset=True)
    volumes: list[dict[str, Any]] = [{"name": _RESULTS_VOLUME, "emptyDir": {}}]
    if workload.config.files:
        volumes.append({"name": _CONFIG_VOLUME, "configMap": {"name": Template(CONFIG_MAP_NAME)}})
    spec: dict[str, Any] = {
        "serviceAccountName": workload_account(load, namespace),
        # Without the spec's word the workload cannot call the API server as its account.
        "automountServiceAccountToken": workload.service_account_token,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": pod.get("terminationGracePeriodSeconds", conventions.DEFAULT_GRACE_SECONDS),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, **pod.get("securityContext", {})},
    }
    for field in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets"):
        if field in pod:
            spec[field] = pod[field]
    spec["volumes"] = [*volumes, *pod.get("volumes", [])]
    given = workload.pod_template
    if given.init_containers:
        spec["initContainers"] = [
            {"name": prepared.name, **_container(prepared, prepared.volume_mounts, load, namespace, results_uri)}
            for prepared in given.init_containers
        ]
    container = _container(workload, given.volume_mounts, load, namespace, results_uri)
    spec["containers"] = [{"name": conventions.LOAD_CONTAINER, **container}]
    return spec


def _container(
    wanted: Workload | InitContainer,
    mounts: Sequence[VolumeMount] | None,
    load: LoadSpec,
    namespace: str,
    results_uri: str,
) -> dict[str, Any]:
    """A container without its name: the workload's, or one that prepares it."""
    given = wanted.model_dump(by_alias=True, exclude_unset=True)
    container: dict[str, Any] = {"image": wanted.image}
    for field in ("imagePullPolicy", "command", "args"):
        if field in given:
            container[field] = given[field]
    container["env"] = [*_environment(load, namespace, results_uri), *given.get("env", [])]
    for field in ("envFrom", "ports", "resources"):
        if field in given:
            container[field] = given[field]
    # The spec's model has no value that loosens these.
    own_context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container["securityContext"] = {**given.get("securityContext", {}), **own_context}
    own = [{"name": _RESULTS_VOLUME, "mountPath": conventions.RESULT_DIR}]
    if load.workload.config.files:
        own.append({"name": _CONFIG_VOLUME, "mountPath": load.workload.config.mount_path})
    container["volumeMounts"] = [
        *own,
        *(mount.model_dump(by_alias=True, exclude_unset=True) for mount in mounts or []),
    ]
    return container


def literal(text: str) -> str:
    """Escapes `$` for fields in which Kubernetes expands `$(NAME)`. It does not expand mount paths."""
    return text.replace("$", "$$")


def _environment(load: LoadSpec, namespace: str, results_uri: str) -> list[_Variable]:
    """The variables of validationrun. They come before the user's, so that `$(NAME)` works in the user's env and args."""
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    values = {
        "CHAIN_RPC_URL": Template("${rpcUrl}"),
        "CHAIN_WS_URL": Template("${wsUrl}"),
        "CHAIN_EVM_URL": Template("${evmUrl}"),
        "CHAIN_REST_URL": Template("${restUrl}"),
        "CHAIN_ID": Template("${chainId}"),
        "RUN_ID": Template(RUN_ID),
        "NAMESPACE": namespace,
        "RESULT_DIR": conventions.RESULT_DIR,
        "CONFIG_DIR": literal(load.workload.config.mount_path),
        "RESULTS_URI": Template(results_uri) if results_uri else "",
        "DURATION_SECONDS": Template("${durationSeconds}"),
        "SHARD_COUNT": str(load.replicas),
    }
    return [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": index}}}
        if name == "SHARD_INDEX"
        else {"name": name, "value": values[name]}
        for name in conventions.RESERVED_ENV
    ]
