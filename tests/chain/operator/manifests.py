"""The objects that belong to a SeiNodeDeployment, as plain data; no API is asked here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .deployment import GROUP, KIND, LABEL_DEPLOYMENT, LABEL_NODE, LABEL_ORDINAL, LABEL_REVISION, VERSION, Deployment

Manifest = dict[str, Any]

RPC, P2P, METRICS, EVM, EVM_WS, GRPC, REST = 26657, 26656, 26660, 8545, 8546, 9090, 1317
CONTAINER = "seid"
DATA = "/data"
GENESIS = "/genesis"
GENESIS_KEY = "genesis.json"
# Nobody in particular: the image has no user of its own.
USER = 65532


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """Another node; its p2p identity follows from its name and the chain id."""

    name: str
    namespace: str

    @property
    def flag(self) -> str:
        return f"--peer={self.name}={self.name}-0.{self.name}.{self.namespace}.svc:{P2P}"


def owner(deployment: Deployment) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": deployment.name,
        "uid": deployment.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(deployment: Deployment, name: str, labels: dict[str, str]) -> Manifest:
    return {
        "name": name,
        "namespace": deployment.namespace,
        "labels": labels,
        "ownerReferences": [owner(deployment)],
    }


def pod_labels(deployment: Deployment, node: str) -> dict[str, str]:
    """On the pod, its StatefulSet and its Service; what the controller stamps wins."""
    stamped = {
        LABEL_DEPLOYMENT: deployment.name,
        LABEL_REVISION: str(deployment.generation),
        LABEL_NODE: node,
    }
    return {**deployment.labels, **deployment.pod_labels, **stamped}


def genesis_name(chain_id: str) -> str:
    return f"{chain_id}-genesis"


def genesis_config_map(deployment: Deployment, text: str) -> Manifest:
    """Stands for the bucket: one genesis for a chain id, where full nodes look for it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(deployment, genesis_name(deployment.chain_id), {LABEL_DEPLOYMENT: deployment.name}),
        "immutable": True,
        "data": {GENESIS_KEY: text},
    }


def internal_service(deployment: Deployment) -> Manifest:
    """Balances over pods that are ready; it lists EVM and REST for validators too, as the real one does."""
    made = metadata(deployment, f"{deployment.name}-internal", {LABEL_DEPLOYMENT: deployment.name})
    made["annotations"] = {"sei.io/managed-by": "seinodedeployment"}
    ports = {"rpc": RPC, "evm-http": EVM, "rest": REST}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": made,
        "spec": {"selector": {LABEL_DEPLOYMENT: deployment.name}, "ports": service_ports(ports)},
    }


def headless_service(deployment: Deployment, node: str) -> Manifest:
    ports = {
        "rpc": RPC,
        "p2p": P2P,
        "metrics": METRICS,
        "evm-rpc": EVM,
        "evm-ws": EVM_WS,
        "grpc": GRPC,
        "rest": REST,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(deployment, node, pod_labels(deployment, node)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL_NODE: node},
            "ports": service_ports(ports),
        },
    }


def service_ports(ports: dict[str, int]) -> list[Manifest]:
    return [{"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in ports.items()]


def stateful_set(deployment: Deployment, node: str, peers: Iterable[Peer]) -> Manifest:
    """One node; later changes of peers do not reach it, as in the real one."""
    labels = pod_labels(deployment, node)
    made = metadata(deployment, node, labels)
    made["labels"] = {**labels, LABEL_ORDINAL: node.removeprefix(f"{deployment.name}-")}
    annotations = {
        **deployment.annotations,
        "karpenter.sh/do-not-disrupt": "true",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(METRICS),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": made,
        "spec": {
            "replicas": 1,
            "serviceName": node,
            "selector": {"matchLabels": {LABEL_NODE: node}},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": pod_spec(deployment, node, peers),
            },
        },
    }


def pod_spec(deployment: Deployment, node: str, peers: Iterable[Peer]) -> Manifest:
    """Passes restricted Pod Security."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(deployment, node, peers)],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "genesis", "configMap": {"name": genesis_name(deployment.chain_id)}},
        ],
    }


def container(deployment: Deployment, node: str, peers: Iterable[Peer]) -> Manifest:
    return {
        "name": CONTAINER,
        "image": deployment.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/chain", "node"],
        "args": node_flags(deployment, node, peers),
        "ports": [
            {"name": "rpc", "containerPort": RPC},
            {"name": "p2p", "containerPort": P2P},
            {"name": "metrics", "containerPort": METRICS},
            {"name": "evm-rpc", "containerPort": EVM},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/health", "port": RPC},
            "periodSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": 3,
        },
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": DATA},
            {"name": "genesis", "mountPath": GENESIS, "readOnly": True},
        ],
    }


def node_flags(deployment: Deployment, node: str, peers: Iterable[Peer]) -> list[str]:
    flags = [
        f"--name={node}",
        f"--role={'validator' if deployment.validators else 'full'}",
        f"--genesis={GENESIS}/{GENESIS_KEY}",
        f"--home={DATA}",
    ]
    if deployment.overrides.get("evm.http_enabled") == "false":
        flags.append("--evm=")
    if deployment.flag("ready_without_serving"):
        flags.append("--no-serve")
    flags += [
        f"--{name.replace('_', '-')}={value}"
        for name in ("halt_height", "metrics_namespace", "timeout_commit")
        if (value := deployment.switch(name))
    ]
    return [*flags, *(peer.flag for peer in sorted(peers))]
