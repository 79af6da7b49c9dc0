"""A forwarder of a case's own in front of the real Prometheus, which a fault can end."""

import os
from pathlib import Path
from typing import Final

from tests.e2e.world import ENDPOINT_SLICES, FORWARDER, SERVICES, World, until

from validationrun.kube.cluster import PODS, Object

# The Service that the default of the parameter prometheus-url names; another cluster may have another.
PROMETHEUS: Final = os.environ.get("E2E_PROMETHEUS", "monitoring/prometheus-k8s")
_PORT: Final = 9090


def front_prometheus(world: World) -> str:
    """Starts it; its URL. `cut_prometheus` ends it."""
    world.cluster.create(
        SERVICES,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": FORWARDER},
            "spec": {"selector": {"app": FORWARDER}, "ports": [{"name": "web", "port": _PORT}]},
        },
    )
    restore_prometheus(world)
    return f"http://{FORWARDER}.{world.namespace}.svc:{_PORT}"


def restore_prometheus(world: World) -> None:
    """A forwarder where there is none, or where one ends."""
    namespace, service = PROMETHEUS.split("/")
    until("the forwarder before is gone", lambda: is_prometheus_cut(world), 60)
    world.cluster.create(PODS, _forwarder(f"{service}.{namespace}.svc"))
    until("the forwarder serves", lambda: _is_fronted(world), 120)


def _is_fronted(world: World) -> bool:
    slices = world.cluster.list(ENDPOINT_SLICES, labels=f"kubernetes.io/service-name={FORWARDER}")
    return any(end["conditions"]["ready"] for one in slices for end in one.get("endpoints") or [])


def cut_prometheus(world: World) -> None:
    world.cluster.delete(PODS, FORWARDER)


def is_prometheus_cut(world: World) -> bool:
    return world.cluster.get(PODS, FORWARDER) is None


def _forwarder(host: str) -> Object:
    """The runner's image has a Python on every cluster."""
    program = (Path(__file__).parent / "forward.py").read_text()
    container = {
        "name": "forward",
        "image": "validationrun-runner:v1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", program, str(_PORT), host, str(_PORT)],
        "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spec = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": FORWARDER, "labels": {"app": FORWARDER}},
        "spec": spec,
    }
