"""Argo Workflows: its definitions, its controller as a process of the machine, its executor as an image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from tests.cluster import objects, processes
from tests.cluster.layout import BIN, CONFIG, EXECUTOR_IMAGE

NAMESPACE: Final = "argo"
_CONFIG_MAP: Final = "workflow-controller-configmap"
_METRICS_PORT: Final = 19090
_HEALTH_PORT: Final = 6060

# Installations wait ten minutes for the result of a pod that was killed; a test need not.
_ENVIRONMENT: Final = {
    "TASK_RESULT_TIMEOUT_DURATION": "15s",
    "RECENTLY_DELETED_POD_DURATION": "5s",
    "DEFAULT_REQUEUE_TIME": "1s",
    "LEADER_ELECTION_DISABLE": "true",
}


def start(crds: Path) -> None:
    """The definitions, the controller's configuration, the controller."""
    definitions = [
        one
        for path in sorted(crds.glob("*.yaml"))
        if path.name.startswith("argoproj")
        for one in objects.load_all(path)
    ]
    objects.apply([objects.namespace(NAMESPACE), *definitions, _configuration(), *_executor_roles()])
    # A controller that starts before the definitions are served gives up for good.
    names = [one["metadata"]["name"] for one in definitions]
    objects.wait("Argo's definitions are served", lambda dynamic: objects.established(dynamic, names))
    start_controller("workflow-controller", BIN / "workflow-controller", EXECUTOR_IMAGE, _CONFIG_MAP, {})
    processes.wait(
        "workflow-controller",
        "it is healthy",
        lambda: processes.answers(f"http://127.0.0.1:{_HEALTH_PORT}/healthz"),
        60,
    )


def start_controller(
    name: str, program: Path, executor_image: str, config_map: str, environment: Mapping[str, str]
) -> None:
    """A controller as a process `name`; nothing when it runs already."""
    command: list[str | Path] = [
        program,
        f"--kubeconfig={CONFIG / 'admin.kubeconfig'}",
        f"--namespace={NAMESPACE}",
        f"--configmap={config_map}",
        f"--executor-image={executor_image}",
        "--executor-image-pull-policy=IfNotPresent",
        "--loglevel=info",
    ]
    processes.start(name, command, {**_ENVIRONMENT, "KUBECONFIG": str(CONFIG / "admin.kubeconfig"), **environment})


def _configuration() -> objects.Object:
    metrics = {"enabled": True, "port": _METRICS_PORT, "secure": False}
    return configuration(_CONFIG_MAP, {"metricsConfig": metrics})


def configuration(name: str, settings: Mapping[str, Any]) -> objects.Object:
    """A controller's ConfigMap: each setting as its own key, in YAML; a text as it is."""
    everywhere = {"executor": {"resources": {"requests": {"cpu": "1m", "memory": "16Mi"}}}}
    data = {
        key: value if isinstance(value, str) else yaml.safe_dump(value)
        for key, value in {**everywhere, **settings}.items()
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _executor_roles() -> list[objects.Object]:
    """For Workflows of the tests' own that have no account of ours: what Argo asks of any step's account."""
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "argo-executor"},
            "rules": [rule],
        }
    ]
