"""The objects that belong to a group or a node, as plain data; no API is asked here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .objects import (
    API_VERSION,
    LABEL_CHAIN,
    LABEL_GROUP,
    LABEL_GROUP_ORDINAL,
    LABEL_NETWORK,
    LABEL_NETWORK_ORDINAL,
    LABEL_NODE,
    LABEL_REVISION,
    LABEL_ROLE,
    NODE,
    NODE_FINALIZER,
    VOLUME_FINALIZER,
    Group,
    Manifest,
    Meta,
    Node,
)

RPC, P2P, METRICS, EVM, EVM_WS, GRPC, REST = 26657, 26656, 26660, 8545, 8546, 9090, 1317
CONTAINER = "seid"
DATA = "/data"
GENESIS = "/genesis"
GENESIS_KEY = "genesis.json"
EVM_PROGRAM = "/evm"
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

    @property
    def address(self) -> str:
        """As `status.resolvedPeers` has it."""
        return f"{self.name}-0.{self.name}.{self.namespace}.svc.cluster.local:{P2P}"


def owner(meta: Meta) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": meta.kind,
        "name": meta.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(of: Meta, name: str, labels: dict[str, str]) -> Manifest:
    return {"name": name, "namespace": of.namespace, "labels": labels, "ownerReferences": [owner(of)]}


# --- of a group -----------------------------------------------------------------------------------


def genesis_name(chain_id: str) -> str:
    return f"{chain_id}-genesis"


def genesis_config_map(group: Group, text: str) -> Manifest:
    """
    Stands for the bucket: one genesis for a chain id, where full nodes look for it.

    Not immutable: a kubelet keeps the text of such a one while any pod has it, and gives it to the pods of the next chain.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(group.meta, genesis_name(group.chain_id), {LABEL_GROUP: group.meta.name}),
        "data": {GENESIS_KEY: text},
    }


def internal_name(group: Group) -> str:
    return f"{group.meta.name}-internal"


def internal_service(group: Group) -> Manifest:
    """Balances over pods that are ready; it lists EVM and REST for validators too, as the real one does."""
    made = metadata(group.meta, internal_name(group), {LABEL_GROUP: group.meta.name})
    made["annotations"] = {"sei.io/managed-by": group.meta.kind.lower()}
    ports = {"rpc": RPC, "evm-http": EVM, "rest": REST}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": made,
        "spec": {"selector": {LABEL_GROUP: group.meta.name}, "ports": service_ports(ports)},
    }


def child(group: Group, ordinal: int) -> Manifest:
    """A SeiNode of the group. Its finalizer is there from the start, so that no look is lost on it."""
    own, name = group.meta, f"{group.meta.name}-{ordinal}"
    if group.is_network:
        stamped = {LABEL_GROUP: own.name, LABEL_NETWORK: own.name}
        of_pods = stamped
        ordinals = {LABEL_GROUP_ORDINAL: str(ordinal), LABEL_NETWORK_ORDINAL: str(ordinal)}
        stamped = {**stamped, **ordinals, LABEL_CHAIN: group.chain_id, LABEL_ROLE: "validator"}
    else:
        of_pods = {LABEL_GROUP: own.name, LABEL_REVISION: str(own.generation)}
        stamped = {**of_pods, LABEL_GROUP_ORDINAL: str(ordinal)}
    made = metadata(own, name, {**group.child_labels, **stamped})
    made["finalizers"] = [NODE_FINALIZER]
    if group.child_annotations:
        made["annotations"] = dict(group.child_annotations)
    spec = dict(group.child_spec)
    spec["podLabels"] = {**(spec.get("podLabels") or {}), **of_pods}
    if group.has_genesis:
        ceremony = {"chainId": group.chain_id, "index": ordinal, "stakingAmount": "1usei", "accountBalance": "1usei"}
        spec["validator"] = {**(spec.get("validator") or {}), "genesisCeremony": ceremony}
    return {"apiVersion": API_VERSION, "kind": NODE, "metadata": made, "spec": spec}


# --- of a node ------------------------------------------------------------------------------------


def pod_labels(node: Node) -> dict[str, str]:
    """On the pod, its StatefulSet and its Service; what the controller stamps wins."""
    stamped = {LABEL_NODE: node.meta.name}
    if not node.is_of_deployment:
        stamped |= {LABEL_CHAIN: node.chain_id, LABEL_ROLE: "node" if node.mode == "fullNode" else node.mode}
    return {**node.pod_labels, **stamped}


def claim_name(node: Node) -> str:
    return f"data-{node.meta.name}"


def data_claim(node: Node) -> Manifest:
    """
    Stands for the node's volume: nobody binds or mounts it, because not every cluster has a provisioner.

    It names a volume that does not exist, so that nobody provisions one and no events tell that there is none.
    """
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**metadata(node.meta, claim_name(node), pod_labels(node)), "finalizers": [VOLUME_FINALIZER]},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": "stand-in",
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }


def headless_service(node: Node) -> Manifest:
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
        "metadata": metadata(node.meta, node.meta.name, pod_labels(node)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL_NODE: node.meta.name},
            "ports": service_ports(ports),
        },
    }


def service_ports(ports: dict[str, int]) -> list[Manifest]:
    return [{"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in ports.items()]


def stateful_set(node: Node, peers: Iterable[Peer]) -> Manifest:
    """One pod; later changes of peers do not reach it, as in the real one."""
    labels = pod_labels(node)
    annotations = {
        "karpenter.sh/do-not-disrupt": "true",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(METRICS),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(node.meta, node.meta.name, labels),
        "spec": {
            "replicas": 1,
            "serviceName": node.meta.name,
            "selector": {"matchLabels": {LABEL_NODE: node.meta.name}},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": pod_spec(node, peers),
            },
        },
    }


def pod_spec(node: Node, peers: Iterable[Peer]) -> Manifest:
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
        "containers": [container(node, peers)],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "genesis", "configMap": {"name": genesis_name(node.chain_id)}},
        ],
    }


def container(node: Node, peers: Iterable[Peer]) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": node.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/chain", "node"],
        "args": node_flags(node, peers),
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


def node_flags(node: Node, peers: Iterable[Peer]) -> list[str]:
    flags = [
        f"--name={node.meta.name}",
        f"--role={'validator' if node.mode == 'validator' else 'full'}",
        f"--genesis={GENESIS}/{GENESIS_KEY}",
        f"--home={DATA}",
    ]
    flags += evm_flags(node)
    if node.switches.flag("ready_without_serving"):
        flags.append("--no-serve")
    flags += [
        f"--{name.replace('_', '-')}={value}"
        for name in ("crash_after", "halt_height", "metrics_namespace", "timeout_commit")
        if (value := node.switches.get(name))
    ]
    return [*flags, *(peer.flag for peer in sorted(peers))]


def evm_flags(node: Node) -> list[str]:
    """By the keys of sei-config; without a key of its own, EVM is off in a replayer, and WebSocket is on where EVM is."""
    overrides = node.switches.overrides
    evm = overrides.get("evm.http_enabled", "false" if node.mode == "replayer" else "true") != "false"
    on = {"evm": evm, "evm-ws": overrides.get("evm.ws_enabled", "true" if evm else "false") != "false"}
    ports = {"evm": overrides.get("evm.http_port", EVM), "evm-ws": overrides.get("evm.ws_port", EVM_WS)}
    served = [f"--{flag}=0.0.0.0:{ports[flag]}" if on[flag] else f"--{flag}=" for flag in ports]
    return [*served, f"--evm-program={EVM_PROGRAM}"] if node.switches.flag("real_evm") else served
