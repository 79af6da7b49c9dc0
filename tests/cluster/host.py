"""What the cluster changes on its machine, and how each change is undone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

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
    "/usr/lib/postgresql": "postgresql",
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
# The kubelet and kube-proxy change these, and nobody changes them back.
_CHANGED_BY_OTHERS: Final = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
# Folders of fixed names that the kubelet, containerd, the CNI plug-ins and `mount` make outside of ours.
_FOLDERS_OF_OTHERS: Final = (
    "/etc/cni",
    "/opt/cni",
    "/opt/containerd",
    "/run/containerd",
    "/run/mount",
    "/usr/libexec/kubernetes",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
# Made by the CNI plug-ins, and shared with everybody's namespaces: it goes only when it is empty.
_NAMESPACES: Final = Path("/run/netns")
_TABLES: Final = (("iptables-save", "iptables-restore"), ("ip6tables-save", "ip6tables-restore"))
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


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def check_machine() -> None:
    """Raises HostError for a machine on which none of this can work."""
    if os.uname().sysname != "Linux":
        raise HostError("the cluster needs Linux; elsewhere set E2E_CONTEXT to a cluster that has Argo")
    if os.geteuid() != 0:
        raise HostError("the cluster needs root: it makes network devices, mounts and control groups")
    if _cgroup_roots():
        raise HostError("this machine has pods of another kubelet; use that cluster with E2E_CONTEXT")


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
    undo = json.loads(UNDO.read_text()) if UNDO.exists() else _before()
    _note(undo)
    _settings()
    _mounts(undo)
    _network()


def _before() -> dict[str, Any]:
    """The machine as it is, as far as it will be changed."""
    names = (*_SETTINGS, *_CHANGED_BY_OTHERS)
    return {
        "settings": {name: (_PROC / name).read_text().strip() for name in names if (_PROC / name).exists()},
        "shared": "shared:" in _root_mount(),
        "rules": {save: run(save, check=False) for save, _ in _TABLES},
        "folders": [folder for folder in (*_FOLDERS_OF_OTHERS, str(_NAMESPACES)) if Path(folder).exists()],
    }


def _note(undo: dict[str, Any]) -> None:
    UNDO.write_text(json.dumps(undo))


def _settings() -> None:
    for name, value in _SETTINGS.items():
        if (_PROC / name).exists():
            (_PROC / name).write_text(value)


def _mounts(undo: dict[str, Any]) -> None:
    """The kubelet's mounts must reach the containers' namespaces; a machine that has cgroups under another name is not for us."""
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        lacking = [name for name in _CGROUPS if not Path("/sys/fs/cgroup", name).is_dir()]
        if lacking:
            raise HostError(f"no cgroup controller {', '.join(lacking)} under /sys/fs/cgroup")
    if not undo["shared"]:
        run("mount", "--make-rshared", "/")


def _root_mount() -> str:
    return next(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if line.split()[4] == "/")


def _network() -> None:
    """
    The bridge, and walls around it: no packet of the cluster's leaves this machine.

    One that no rule of kube-proxy's catches has a route that ends here, and what pods send elsewhere is refused.
    The Services' range lies on the bridge for the machine itself: routes are chosen before kube-proxy's rules, and an
    unreachable one would cut it off from every Service.
    """
    for wall in (POD_RANGE, SERVICE_RANGE):
        run("ip", "route", "replace", "unreachable", wall, "metric", "1000")
    if not Path("/sys/class/net", BRIDGE).exists():
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "replace", f"{HOST}/{POD_RANGE.split('/')[1]}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "route", "replace", SERVICE_RANGE, "dev", BRIDGE, "src", HOST)
    run("iptables", "-P", "FORWARD", "ACCEPT")
    run("iptables", "-I", "FORWARD", "1", "-i", BRIDGE, "!", "-o", BRIDGE, "-j", "REJECT")


def restore() -> None:
    """Takes everything back that `prepare` and the cluster's own parts did. Goes on past what is gone already."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        point = line.split()[4]
        if point.startswith((str(STATE), str(RUN), "/run/containerd")):
            run("umount", "-l", point, check=False)
    undo = json.loads(UNDO.read_text()) if UNDO.exists() else {}
    if undo:
        _remove_network_namespaces()
        for root in _cgroup_roots():
            _remove_cgroups(root)
    run("ip", "link", "delete", BRIDGE, check=False)
    for wall in (POD_RANGE, SERVICE_RANGE):
        run("ip", "route", "delete", "unreachable", wall, "metric", "1000", check=False)
    if undo:
        _restore_machine(undo)
    if _mounted():
        raise HostError(f"still mounted below {STATE} or {RUN}; nothing was deleted there")
    for folder in (RUN, STATE):
        shutil.rmtree(folder, ignore_errors=True)


def _restore_machine(undo: dict[str, Any]) -> None:
    for save, restore_ in _TABLES:
        _restore_rules(undo["rules"][save], restore_)
    for name, value in undo["settings"].items():
        with contextlib.suppress(OSError):
            (_PROC / name).write_text(value)
    if not undo["shared"]:
        run("mount", "--make-rprivate", "/", check=False)
    for folder in set(_FOLDERS_OF_OTHERS) - set(undo["folders"]):
        shutil.rmtree(folder, ignore_errors=True)
    if str(_NAMESPACES) not in undo["folders"]:
        with contextlib.suppress(OSError):
            _NAMESPACES.rmdir()


def _mounted() -> bool:
    mounts = Path("/proc/self/mountinfo").read_text()
    return str(STATE) in mounts or str(RUN) in mounts


def _restore_rules(saved: str, restore_: str) -> None:
    """As they were before. Tables that were not there are emptied: the cluster's parts were their only users."""
    command = restore_.removesuffix("-restore")
    subprocess.run([restore_], input=saved, text=True, capture_output=True, check=False)
    for table in ("nat", "filter", "mangle", "raw"):
        if f"*{table}" in saved:
            continue
        run(command, "-t", table, "-F", check=False)
        run(command, "-t", table, "-X", check=False)
        if table == "filter":
            for chain in ("INPUT", "FORWARD", "OUTPUT"):
                run(command, "-P", chain, "ACCEPT", check=False)


def _remove_network_namespaces() -> None:
    """The CNI plug-ins make one for each pod, under names of their own."""
    for path in _NAMESPACES.glob("cni-*"):
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
    """With every process in them: a container whose containerd died lives on, and its command line names nothing of ours."""
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        with contextlib.suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
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
    found += [f"network namespace {path.name}" for path in _NAMESPACES.glob("cni-*")]
    found += ["mounts"] if _mounted() else []
    for save, _ in _TABLES:
        saved = run(save, check=False)
        found += [f"chains in {save}"] if ":KUBE-" in saved or ":CNI-" in saved else []
    routes = run("ip", "route", "show", "type", "unreachable", check=False)
    found += ["routes"] if POD_RANGE.split("/")[0] in routes or SERVICE_RANGE.split("/")[0] in routes else []
    return found
