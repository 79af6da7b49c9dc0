"""Where everything of the test cluster lies, and its addresses."""

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parents[1]

# Short, because the path of a socket has at most 107 bytes.
STATE: Final = Path("/var/lib/validationrun-cluster")
RUN: Final = Path("/run/validationrun-cluster")
LOGS: Final = STATE / "logs"
PKI: Final = STATE / "pki"
BIN: Final = STATE / "bin"
CONFIG: Final = STATE / "config"
KUBELET: Final = STATE / "kubelet"
UNDO: Final = STATE / "undo.json"

# For people and for the tests, in the checkout.
PUBLIC: Final = REPOSITORY / "build" / "cluster"
KUBECONFIG: Final = PUBLIC / "kubeconfig"

BRIDGE: Final = "vrun0"
# 198.18.0.0/15 is reserved for tests of networks (RFC 2544): no machine elsewhere has such an address.
POD_RANGE: Final = "198.18.0.0/16"
SERVICE_RANGE: Final = "198.19.0.0/16"
HOST: Final = "198.18.0.1"
FIRST_SERVICE: Final = "198.19.0.1"

# In the order in which they are ended.
CONTROL: Final = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
DAEMONS: Final = (
    "workflow-controller",
    "prometheus",
    "discovery",
    "kube-proxy",
    "kubelet",
    "coredns",
    "containerd",
    *CONTROL,
)
CLIENTS: Final = ("kubectl", "argo")
"""For people, in the checkout."""

API_PORT: Final = 16443
ETCD_PORT: Final = 12379
PROMETHEUS_PORT: Final = 9090
NODE: Final = "node"
DOMAIN: Final = "cluster.local"

CONTAINERD_SOCKET: Final = RUN / "containerd.sock"
PAUSE_IMAGE: Final = "localhost/validationrun/pause:test"
EXECUTOR_IMAGE: Final = "localhost/validationrun/argoexec:test"
OLDER_EXECUTOR_IMAGE: Final = "localhost/validationrun/argoexec-older:test"
RUNNER_IMAGE: Final = "docker.io/library/validationrun-runner:v1"
CHAIN_IMAGE: Final = "localhost/validationrun/chain:test"
