"""The cluster up and down, stage by stage."""

import time
from collections.abc import Callable
from typing import Final

from tests.cluster import argo, control, down, host, images, monitoring, node, objects, parts, pki
from tests.cluster.layout import KUBECONFIG, NODE, RUN, STATE
from tests.cluster.parts import say

_NODE_READY_SECONDS: Final = 60


def up() -> None:
    """Brings it up, or finds it up. A half of one is taken down first."""
    if down.is_up():
        # Another checkout may have brought it up.
        control.publish()
        say(f"is up already: KUBECONFIG={KUBECONFIG}")
        images.build_all(parts.build())
        return
    if STATE.exists() or RUN.exists():
        say("taking down what is left of an earlier one")
        down.down()
    began = time.monotonic()
    host.check_machine()
    host.install_packages()
    built = parts.build()
    _stage("the machine's settings and network", host.prepare)
    _stage("keys", pki.make)
    control.install(built.programs)
    _stage("etcd, API server, controller manager, scheduler", control.start)
    _stage("containerd", node.start_containerd)
    _stage("images", lambda: images.build_all(built))
    _stage("kubelet, kube-proxy, DNS", node.start)
    _stage("the node is Ready", lambda: objects.wait("the node is Ready", _node_is_ready, _NODE_READY_SECONDS))
    _stage("Prometheus", monitoring.start)
    _stage("Argo Workflows", lambda: argo.start(built.argo_crds))
    say(f"up after {time.monotonic() - began:.0f}s: KUBECONFIG={KUBECONFIG}")


def _stage(what: str, do: Callable[[], None]) -> None:
    began = time.monotonic()
    do()
    say(f"{what}: {time.monotonic() - began:.1f}s")


def _node_is_ready(dynamic: objects.DynamicClient) -> bool:
    found = dynamic.resources.get(api_version="v1", kind="Node").get().to_dict()["items"]
    conditions = {one["type"]: one["status"] for item in found for one in item["status"].get("conditions", [])}
    return any(item["metadata"]["name"] == NODE for item in found) and conditions.get("Ready") == "True"
