"""
The cluster's end, and whether it is up.

With the standard library alone: what was brought up must go down even where the environment is gone.
"""

import time

from tests.cluster import host, processes
from tests.cluster.layout import CLIENTS, CONTAINERD_SOCKET, CONTROL, DAEMONS, KUBECONFIG, PUBLIC
from tests.cluster.parts import say


def is_up() -> bool:
    """Every daemon runs."""
    return all(processes.is_running(name) for name in DAEMONS)


def down() -> None:
    """Takes it down from any state. Raises HostError when something stays."""
    # What tests started, and did not live to end.
    for name in set(processes.noted()) - set(DAEMONS):
        processes.stop(name)
    # The kubelet first: it would start again what is ended.
    for name in DAEMONS[: DAEMONS.index("coredns")]:
        processes.stop(name)
    _end_containers()
    for name in ("coredns", "containerd", *CONTROL):
        processes.stop(name)
    processes.kill_shims(CONTAINERD_SOCKET)
    left = [name for name in {*DAEMONS, *processes.noted()} if processes.is_running(name)]
    host.restore()
    for path in (KUBECONFIG, *(PUBLIC / "bin" / name for name in CLIENTS)):
        path.unlink(missing_ok=True)
    left += host.leftovers()
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
    names = [*DAEMONS, *sorted(set(processes.noted()) - set(DAEMONS))]
    lines = [f"{name:<24} {processes.process_id(name) or 'not running'}" for name in names]
    return "\n".join([*lines, f"KUBECONFIG={KUBECONFIG}"])
