"""What the cluster changes on its machine, and how each change is undone."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster.layout import BRIDGE, HOST, LOGS, POD_RANGE, RUN, SERVICE_RANGE, STATE, UNDO
from tests.cluster.parts import say

_PACKAGES: Final = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "mmdebstrap": "mmdebstrap",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "mount": "mount",
    "ip": "iproute2",
    "nice": "coreutils",
}
_SETTINGS: Final = {
    "net/ipv4/ip_forward": "1",
    # argoexec and the kubelet both watch files; the usual 128 are gone after a few pods.
    "fs/inotify/max_user_instances": "8192",
    "net/bridge/bridge-nf-call-iptables": "1",
}
_CGROUPS: Final = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio")
_PROC: Final = Path("/proc/sys")


class HostError(Exception):
    """This machine cannot hold the cluster; the message says why, and what would help."""


def run(*command: str, check: bool = True) -> str:
    """A command's output. Raises HostError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise HostError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout


def check_machine() -> None:
    """Raises HostError for a machine on which none of this can work."""
    if os.uname().sysname != "Linux":
        raise HostError("the cluster needs Linux; elsewhere set E2E_CONTEXT to a cluster that has Argo")
    if os.geteuid() != 0:
        raise HostError("the cluster needs root: it makes network devices, mounts and control groups")


def install_packages() -> None:
    """What is missing, from Debian or Ubuntu, without starting any service that a package brings."""
    missing = [package for what, package in _PACKAGES.items() if not _is_there(what)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise HostError(f"please install: {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        # Debian's own way to install a service without starting it: 101 is "forbidden by policy".
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise HostError(f"{' '.join(command)}: {done.stderr.strip()[-1000:]}")
    finally:
        if ours:
            policy.unlink()


def _is_there(what: str) -> bool:
    return Path(what).exists() if what.startswith("/") else shutil.which(what) is not None


def prepare() -> None:
    """Settings, mounts and the network; each change is noted before it is made."""
    for folder in (STATE, RUN, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    undo = json.loads(UNDO.read_text()) if UNDO.exists() else {"settings": {}, "shared": None, "iptables": None}
    _settings(undo)
    _mounts(undo)
    if undo["iptables"] is None:
        undo["iptables"] = run("iptables-save")
        _note(undo)
    _network()


def _note(undo: dict[str, object]) -> None:
    UNDO.write_text(json.dumps(undo))


def _settings(undo: dict[str, dict[str, str]]) -> None:
    for name, value in _SETTINGS.items():
        path = _PROC / name
        if not path.exists():
            continue
        undo["settings"].setdefault(name, path.read_text().strip())
        _note(undo)  # type: ignore[arg-type]
        path.write_text(value)


def _mounts(undo: dict[str, object]) -> None:
    """The kubelet's mounts must reach the containers' namespaces; a machine that has cgroups under another name is not for us."""
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        lacking = [name for name in _CGROUPS if not Path("/sys/fs/cgroup", name).is_dir()]
        if lacking:
            raise HostError(f"no cgroup controller {', '.join(lacking)} under /sys/fs/cgroup")
    if undo["shared"] is None:
        undo["shared"] = "shared:" in _root_mount()
        _note(undo)
    if not undo["shared"]:
        run("mount", "--make-rshared", "/")


def _root_mount() -> str:
    return next(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if line.split()[4] == "/")


def _network() -> None:
    """
    The bridge, and walls around both ranges.

    A packet that no rule of the cluster's catches must end here: without a route of our own it would go out by the default one.
    """
    for wall in (POD_RANGE, SERVICE_RANGE):
        run("ip", "route", "replace", "unreachable", wall, "metric", "1000")
    if not Path("/sys/class/net", BRIDGE).exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "replace", f"{HOST}/{POD_RANGE.split('/')[1]}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    # Pods reach each other across the bridge, and the host's own services.
    run("iptables", "-P", "FORWARD", "ACCEPT")


def restore() -> None:
    """Takes everything back that `prepare` and the cluster's own parts did. Goes on past what is gone already."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        point = line.split()[4]
        if point.startswith((str(STATE), str(RUN))):
            run("umount", "-l", point, check=False)
    _remove_network_namespaces()
    run("ip", "link", "delete", BRIDGE, check=False)
    for wall in (POD_RANGE, SERVICE_RANGE):
        run("ip", "route", "delete", "unreachable", wall, "metric", "1000", check=False)
    undo = json.loads(UNDO.read_text()) if UNDO.exists() else {}
    if undo.get("iptables") is not None:
        _restore_iptables(undo["iptables"])
    for name, value in undo.get("settings", {}).items():
        with contextlib.suppress(OSError):
            (_PROC / name).write_text(value)
    if undo.get("shared") is False:
        run("mount", "--make-rprivate", "/", check=False)
    for root in _cgroup_roots():
        _remove_cgroups(root)
    for folder in (RUN, STATE):
        shutil.rmtree(folder, ignore_errors=True)


def _restore_iptables(saved: str) -> None:
    """As it was before. Tables that were not there get flushed: kube-proxy and the CNI plug-ins are their only users here."""
    subprocess.run(["iptables-restore"], input=saved, text=True, capture_output=True, check=False)
    for table in ("nat", "filter", "mangle", "raw"):
        if f"*{table}" not in saved:
            run("iptables", "-t", table, "-F", check=False)
            run("iptables", "-t", table, "-X", check=False)
            if table == "filter":
                for chain in ("INPUT", "FORWARD", "OUTPUT"):
                    run("iptables", "-P", chain, "ACCEPT", check=False)


def _remove_network_namespaces() -> None:
    """The CNI plug-ins make one for each pod, under names of their own."""
    for path in Path("/run/netns").glob("cni-*"):
        run("umount", "-l", str(path), check=False)
        path.unlink(missing_ok=True)
    for link in Path("/sys/class/net").glob("veth*"):
        if (link / "master").exists() and (link / "master").resolve().name == BRIDGE:
            run("ip", "link", "delete", link.name, check=False)


def _cgroup_roots() -> list[Path]:
    base = Path("/sys/fs/cgroup")
    return [
        root
        for controller in ("", *[path.name for path in base.iterdir()])
        for root in (base / controller).glob("kubepods*")
    ]


def _remove_cgroups(root: Path) -> None:
    """From the leaves up; a group with processes stays, and shows up among the leftovers."""
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
    with contextlib.suppress(OSError):
        root.rmdir()


def leftovers() -> list[str]:
    """What a cluster that was taken down must not leave."""
    found = [str(path) for path in (STATE, RUN) if path.exists()]
    found += [f"device {BRIDGE}"] if Path("/sys/class/net", BRIDGE).exists() else []
    found += [f"cgroup {path}" for path in _cgroup_roots()]
    found += [f"network namespace {path.name}" for path in Path("/run/netns").glob("cni-*")]
    mounts = Path("/proc/self/mountinfo").read_text()
    found += ["mounts"] if str(STATE) in mounts or str(RUN) in mounts else []
    saved = run("iptables-save", check=False)
    found += ["iptables chains"] if ":KUBE-" in saved or ":CNI-" in saved else []
    routes = run("ip", "route", "show", "type", "unreachable", check=False)
    found += ["routes"] if POD_RANGE.split("/")[0] in routes or SERVICE_RANGE.split("/")[0] in routes else []
    return found
