"""The node: containerd, the pods' network, the kubelet, kube-proxy and DNS."""

import json
from typing import Any, Final

from tests.cluster import processes
from tests.cluster.host import run
from tests.cluster.layout import (
    BIN,
    BRIDGE,
    CONFIG,
    CONTAINERD_SOCKET,
    DOMAIN,
    HOST,
    KUBELET,
    NODE,
    PAUSE_IMAGE,
    PKI,
    POD_RANGE,
    RUN,
    STATE,
)

_CNI: Final = CONFIG / "cni"
_CNI_PROGRAMS: Final = "/usr/lib/cni"
_OPEN_FILES: Final = 20000
"""Above it a machine that bounds its own hard limit would refuse."""


def start_containerd() -> None:
    """The container runtime; images can be imported from now on."""
    _CNI.mkdir(parents=True, exist_ok=True)
    (_CNI / "10-bridge.conflist").write_text(json.dumps(_network(), indent=2))
    config = CONFIG / "containerd.toml"
    config.write_text(_containerd_config())
    processes.start("containerd", ["containerd", "--config", config])
    processes.wait("containerd", "it answers", _containerd_answers, 30)


def _containerd_answers() -> bool:
    return CONTAINERD_SOCKET.exists() and "Server" in run(
        "ctr", "--address", str(CONTAINERD_SOCKET), "version", check=False
    )


def _containerd_config() -> str:
    return f"""version = 2
root = "{STATE / "containerd"}"
state = "{RUN / "containerd"}"
oom_score = 0

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Where lowering a process's oom_score_adj is forbidden, every pod sandbox would fail: each asks for -998.
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_CNI_PROGRAMS}"
    conf_dir = "{_CNI}"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def _network() -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(STATE / "cni-addresses"),
            "ranges": [[{"subnet": POD_RANGE, "rangeStart": "198.18.1.0", "gateway": HOST}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "0.4.0", "name": "validationrun", "plugins": [bridge]}


def start() -> None:
    """Kubelet, proxy, DNS."""
    config = CONFIG / "kubelet.json"
    config.write_text(json.dumps(_kubelet_config(), indent=2))
    (CONFIG / "resolv.conf").write_text(f"nameserver {HOST}\n")
    processes.start(
        "kubelet",
        [
            BIN / "kubelet",
            f"--config={config}",
            f"--kubeconfig={CONFIG / 'kubelet.kubeconfig'}",
            f"--root-dir={KUBELET}",
            f"--cert-dir={KUBELET / 'pki'}",
            f"--hostname-override={NODE}",
            f"--node-ip={HOST}",
            "--v=1",
        ],
    )
    processes.wait("kubelet", "it is healthy", lambda: processes.answers("http://127.0.0.1:10248/healthz"), 60)
    _proxy()
    _dns()


def _kubelet_config() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": HOST,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(PKI / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "clusterDNS": [HOST],
        "clusterDomain": DOMAIN,
        "resolvConf": str(CONFIG / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": str(KUBELET / "volume-plugins"),
        "podLogsDir": str(STATE / "pod-logs"),
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        # Else containerd 1.6 gives no statistics of images, and the eviction manager never begins.
        "featureGates": {"KubeletSeparateDiskGC": False},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "maxOpenFiles": _OPEN_FILES,
        "maxPods": 250,
        "oomScoreAdj": 0,
        "registerNode": True,
        "serializeImagePulls": False,
        # Tests wait on what the kubelet reports.
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "shutdownGracePeriod": "0s",
    }


def _proxy() -> None:
    config = CONFIG / "kube-proxy.json"
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(CONFIG / "kube-proxy.kubeconfig")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE,
        "bindAddress": HOST,
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
    }
    config.write_text(json.dumps(document, indent=2))
    processes.start("kube-proxy", [BIN / "kube-proxy", f"--config={config}", "--v=1"])
    processes.wait("kube-proxy", "it is healthy", lambda: processes.answers(f"http://{HOST}:10256/healthz"), 60)


def _dns() -> None:
    corefile = CONFIG / "Corefile"
    corefile.write_text(f"""{DOMAIN}.:53 {{
    bind {HOST}
    errors
    cache 5 {{
        # A name that a test asks for too early must not stay unknown.
        denial 1024 1 0
    }}
    kubernetes {DOMAIN} {{
        kubeconfig {CONFIG / "admin.kubeconfig"} validationrun
        ttl 5
    }}
}}
""")
    processes.start("coredns", [BIN / "coredns", "-conf", corefile])
    processes.wait("coredns", "it serves", lambda: ".:53" in _dns_log() or "CoreDNS-" in _dns_log(), 30)


def _dns_log() -> str:
    path = STATE / "logs" / "coredns.log"
    return path.read_text(errors="replace") if path.exists() else ""
