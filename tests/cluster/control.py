"""etcd, the API server, the controller manager and the scheduler."""

import http.client
import ssl
import urllib.request
from pathlib import Path
from typing import Final

from tests.cluster import pki, processes
from tests.cluster.layout import (
    API_PORT,
    BIN,
    CLIENTS,
    CONFIG,
    ETCD_PORT,
    HOST,
    KUBECONFIG,
    PKI,
    POD_RANGE,
    PUBLIC,
    SERVICE_RANGE,
    STATE,
)

_STARTS_SECONDS: Final = 90


def install(programs: dict[str, Path]) -> None:
    """Every program under its own name; the one binary of Kubernetes acts as the name it is called by."""
    BIN.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(program)


def start() -> None:
    """In their order, each waited for."""
    _etcd()
    start_api_server()
    publish()
    _others()


def publish() -> None:
    """The kubeconfig and the programs for people, in this checkout."""
    pki.kubeconfig("admin", KUBECONFIG)
    (PUBLIC / "bin").mkdir(parents=True, exist_ok=True)
    for name in CLIENTS:
        (PUBLIC / "bin" / name).unlink(missing_ok=True)
        (PUBLIC / "bin" / name).symlink_to((BIN / name).resolve())


def _etcd() -> None:
    client, peer = f"http://127.0.0.1:{ETCD_PORT}", f"http://127.0.0.1:{ETCD_PORT + 1}"
    command: list[str | Path] = [
        BIN / "etcd",
        "--name=node",
        f"--data-dir={STATE / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=node={peer}",
        # A cluster of tests loses nothing with its machine.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    processes.start("etcd", command)
    processes.wait("etcd", "it is healthy", lambda: processes.answers(f"{client}/health"), 30)


def start_api_server() -> None:
    """Returns once it is ready; also when it ran before."""
    command: list[str | Path] = [
        BIN / "kube-apiserver",
        # Of the bridge: loopback would not be an address that pods can reach.
        f"--advertise-address={HOST}",
        "--bind-address=0.0.0.0",
        f"--secure-port={API_PORT}",
        f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--client-ca-file={PKI / 'ca.crt'}",
        f"--tls-cert-file={PKI / 'apiserver.crt'}",
        f"--tls-private-key-file={PKI / 'apiserver.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={PKI / 'service-account.pub'}",
        f"--service-account-signing-key-file={PKI / 'service-account.key'}",
        # Argo signals containers through exec, which the API server asks of the kubelet.
        f"--kubelet-client-certificate={PKI / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={PKI / 'apiserver-kubelet.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        # On some clusters it is on; with it here, an owner reference that asks too much is found.
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        "--profiling=false",
        "--v=1",
    ]
    processes.start("kube-apiserver", command)
    processes.wait("kube-apiserver", "it is ready", _ready, _STARTS_SECONDS)


def _ready() -> bool:
    context = ssl.create_default_context(cafile=str(PKI / "ca.crt"))
    try:
        with urllib.request.urlopen(f"https://{HOST}:{API_PORT}/readyz", timeout=2, context=context) as answer:
            return bool(answer.status == http.client.OK)
    except OSError:
        return False


def _others() -> None:
    manager: list[str | Path] = [
        BIN / "kube-controller-manager",
        f"--kubeconfig={CONFIG / 'kube-controller-manager.kubeconfig'}",
        f"--service-account-private-key-file={PKI / 'service-account.key'}",
        # Without it no namespace gets kube-root-ca.crt, and every pod waits for it.
        f"--root-ca-file={PKI / 'ca.crt'}",
        f"--cluster-cidr={POD_RANGE}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--controllers=*,-nodeipam,-node-route-controller,-bootstrapsigner,-tokencleaner",
        "--v=1",
    ]
    scheduler: list[str | Path] = [
        BIN / "kube-scheduler",
        f"--kubeconfig={CONFIG / 'kube-scheduler.kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--v=1",
    ]
    processes.start("kube-controller-manager", manager)
    processes.start("kube-scheduler", scheduler)
    processes.wait("kube-controller-manager", "it is healthy", lambda: _healthy(10257), _STARTS_SECONDS)
    processes.wait("kube-scheduler", "it is healthy", lambda: _healthy(10259), _STARTS_SECONDS)


def _healthy(port: int) -> bool:
    """Their certificates are made by themselves; on loopback nobody else answers."""
    context = ssl._create_unverified_context()  # noqa: S323
    try:
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/healthz", timeout=2, context=context) as answer:
            return bool(answer.status == http.client.OK)
    except OSError:
        return False
