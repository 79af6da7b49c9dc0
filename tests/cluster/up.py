"""The cluster up and down, stage by stage."""

import time
from collections.abc import Callable
from typing import Final

from tests.cluster import argo, control, host, images, monitoring, node, objects, parts, pki, processes
from tests.cluster.layout import CONTAINERD_SOCKET, KUBECONFIG, NODE, PUBLIC, RUN, STATE
from tests.cluster.parts import say

DAEMONS: Final = (*argo.NAMES, *monitoring.NAMES, *node.NAMES, *control.NAMES)
_NODE_READY_SECONDS: Final = 60


def up() -> None:
    """Brings it up, or finds it up. A half of one is taken down first."""
    if is_up():
        say(f"is up already: KUBECONFIG={KUBECONFIG}")
        images.build_all(parts.build())
        return
    if STATE.exists() or RUN.exists():
        say("taking down what is left of an earlier one")
        down()
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


def is_up() -> bool:
    """Every daemon runs."""
    return all(processes.is_running(name) for name in DAEMONS) and KUBECONFIG.exists()


def down() -> None:
    """Takes it down from any state. Raises HostError when something stays."""
    for name in (*argo.NAMES, *monitoring.NAMES, "kube-proxy", "kubelet"):
        processes.stop(name)
    _end_containers()
    for name in ("coredns", "containerd", *control.NAMES):
        processes.stop(name)
    processes.kill_all_below(RUN)
    host.restore()
    for path in (KUBECONFIG, *(PUBLIC / "bin" / name for name in control.CLIENTS)):
        path.unlink(missing_ok=True)
    left = host.leftovers()
    if left:
        raise host.HostError("left behind: " + ", ".join(left))
    say("down; nothing is left")


def _end_containers() -> None:
    """Through containerd while it lives; what it does not end is killed with its shims."""
    if not processes.is_running("containerd"):
        return
    ctr = ("ctr", "--address", str(CONTAINERD_SOCKET), "-n", "k8s.io")
    for task in host.run(*ctr, "tasks", "list", "-q", check=False).split():
        host.run(*ctr, "tasks", "kill", "-s", "SIGKILL", task, check=False)
    end = time.monotonic() + 10
    while "RUNNING" in host.run(*ctr, "tasks", "list", check=False) and time.monotonic() < end:
        time.sleep(0.2)
    for task in host.run(*ctr, "tasks", "list", "-q", check=False).split():
        host.run(*ctr, "tasks", "delete", "--force", task, check=False)


def status() -> str:
    """A line for each daemon."""
    lines = [f"{name:<24} {processes.process_id(name) or 'not running'}" for name in DAEMONS]
    return "\n".join([*lines, f"KUBECONFIG={KUBECONFIG}"])
