"""What the operator reads from the objects of sei.io: a Group (SeiNodeDeployment or SeiNetwork) and its Nodes (SeiNode)."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

API_VERSION = "sei.io/v1alpha1"
DEPLOYMENT, NETWORK, NODE = "SeiNodeDeployment", "SeiNetwork", "SeiNode"
PLURALS = {DEPLOYMENT: "seinodedeployments", NETWORK: "seinetworks", NODE: "seinodes"}

LABEL_GROUP = "sei.io/nodedeployment"
LABEL_GROUP_ORDINAL = "sei.io/nodedeployment-ordinal"
LABEL_NETWORK = "sei.io/seinetwork"
LABEL_NETWORK_ORDINAL = "sei.io/seinetwork-ordinal"
LABEL_REVISION = "sei.io/revision"
LABEL_CHAIN = "sei.io/chain"
LABEL_ROLE = "sei.io/role"
LABEL_NODE = "sei.io/node"

GROUP_FINALIZERS = {
    DEPLOYMENT: "sei.io/seinodedeployment-finalizer",
    NETWORK: "sei.io/seinetwork-finalizer",
}
NODE_FINALIZER = "sei.io/seinode-finalizer"
VOLUME_FINALIZER = "test.operator/volume"
"""Of a node's claim: Kubernetes itself holds a claim that a pod mounts, and the stand-in's pods mount none."""
MODES = ("validator", "fullNode", "archive", "replayer", "seed")

# The test's own keys among a node's overrides; README.md says what each does.
SWITCH = "test.operator."
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}

Manifest = dict[str, Any]


class SwitchError(Exception):
    """A switch has a value that means nothing."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The overrides of a node or a group: Sei's own keys and the test's."""

    overrides: Mapping[str, str]

    def get(self, name: str) -> str:
        """The value of `test.operator.<name>`; empty when it is not set."""
        return self.overrides.get(SWITCH + name, "")

    def flag(self, name: str) -> bool:
        return self.get(name) == "true"

    def time(self, name: str) -> dt.timedelta:
        text = self.get(name) or "0s"
        match = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
        if match is None:
            raise SwitchError(f'{SWITCH}{name} is "{text}", a number with ms, s, m or h is needed')
        return dt.timedelta(seconds=int(match[1]) * _UNITS[match[2]])

    def ordinals(self, name: str) -> frozenset[int] | None:
        """None is every node."""
        text = self.get(name)
        if not re.fullmatch(r"(\d+(,\d+)*)?", text):
            raise SwitchError(f'{SWITCH}{name} is "{text}", ordinals with commas are needed')
        return frozenset(map(int, text.split(","))) if text else None


@dataclass(frozen=True, slots=True)
class Meta:
    """Metadata of any of the three kinds."""

    kind: str
    name: str
    namespace: str
    uid: str
    generation: int
    created: dt.datetime
    deleted: dt.datetime | None
    finalizers: tuple[str, ...]
    labels: Mapping[str, str]
    owners: tuple[Mapping[str, Any], ...]

    @property
    def where(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def owner_kind(self) -> str:
        return next((str(owner["kind"]) for owner in self.owners if owner.get("controller")), "")

    def is_controlled_by(self, uid: str) -> bool:
        return any(owner["uid"] == uid and owner.get("controller") for owner in self.owners)


@dataclass(frozen=True, slots=True)
class Peers:
    """An entry of a node's `peers` that selects by labels of SeiNodes; namespace None is the node's own."""

    selector: Mapping[str, str]
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Node:
    """A SeiNode, alone or a child."""

    meta: Meta
    chain_id: str
    image: str
    mode: str
    is_in_ceremony: bool
    switches: Switches
    pod_labels: Mapping[str, str]
    peers: tuple[Peers, ...]
    status: Mapping[str, Any]
    imports_volume: bool = False

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def ordinal(self) -> int:
        """Of its name: standalone nodes are numbered as children are."""
        tail = self.meta.name.rpartition("-")[2]
        return int(tail) if tail.isdecimal() else 0

    @property
    def is_of_deployment(self) -> bool:
        """Of the era of SeiNodeDeployment, with its labels and its lack of patience."""
        return self.meta.owner_kind == DEPLOYMENT


@dataclass(frozen=True, slots=True)
class Group:
    """A SeiNodeDeployment, or a SeiNetwork, whose nodes are validators always."""

    meta: Meta
    chain_id: str
    has_genesis: bool
    replicas: int
    image: str
    deletion_policy: str
    switches: Switches
    child_labels: Mapping[str, str]
    child_annotations: Mapping[str, str]
    child_spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @property
    def is_network(self) -> bool:
        return self.meta.kind == NETWORK

    @property
    def nodes(self) -> list[str]:
        return [f"{self.meta.name}-{ordinal}" for ordinal in range(self.replicas)]


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _meta(kind: str, metadata: Mapping[str, Any]) -> Meta:
    created = _time(metadata["creationTimestamp"])
    assert created is not None
    return Meta(
        kind=kind,
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        created=created,
        deleted=_time(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers") or ()),
        labels=metadata.get("labels") or {},
        owners=tuple(metadata.get("ownerReferences") or ()),
    )


def _peers(entries: Sequence[Mapping[str, Any]]) -> tuple[Peers, ...]:
    labels = [entry["label"] for entry in entries if "label" in entry]
    return tuple(Peers(label["selector"], label.get("namespace")) for label in labels)


def parse_node(body: Mapping[str, Any]) -> Node:
    """A SeiNode as the API server returned it, which its definition has checked."""
    spec = body["spec"]
    return Node(
        meta=_meta(NODE, body["metadata"]),
        chain_id=spec["chainId"],
        image=spec["image"],
        mode=next(mode for mode in MODES if mode in spec),
        is_in_ceremony="genesisCeremony" in (spec.get("validator") or {}),
        switches=Switches(spec.get("overrides") or {}),
        pod_labels=spec.get("podLabels") or {},
        peers=_peers(spec.get("peers") or []),
        status=body.get("status") or {},
        imports_volume="import" in (spec.get("dataVolume") or {}),
    )


def parse_deployment(body: Mapping[str, Any]) -> Group:
    """A SeiNodeDeployment as the API server returned it."""
    spec = body["spec"]
    inner, outer = spec["template"]["spec"], spec["template"].get("metadata") or {}
    genesis = spec.get("genesis")
    labels = outer.get("labels") or {}
    return Group(
        meta=_meta(DEPLOYMENT, body["metadata"]),
        chain_id=genesis["chainId"] if genesis else inner["chainId"],
        has_genesis=genesis is not None,
        replicas=spec["replicas"],
        image=inner["image"],
        deletion_policy=spec.get("deletionPolicy", "Delete"),
        switches=Switches(inner.get("overrides") or {}),
        child_labels=labels,
        child_annotations=outer.get("annotations") or {},
        # A SeiNode has no entrypoint any more.
        child_spec={
            **{name: value for name, value in inner.items() if name != "entrypoint"},
            "podLabels": {**labels, **(inner.get("podLabels") or {})},
        },
        status=body.get("status") or {},
    )


def parse_network(body: Mapping[str, Any]) -> Group:
    """A SeiNetwork as the API server returned it. Its own labels reach nothing else."""
    spec = body["spec"]
    overrides = spec.get("configOverrides") or {}
    child = {name: spec[name] for name in ("image", "sidecar", "dataVolume", "podLabels") if name in spec}
    return Group(
        meta=_meta(NETWORK, body["metadata"]),
        chain_id=spec["genesis"]["chainId"],
        has_genesis=True,
        replicas=spec["replicas"],
        image=spec["image"],
        deletion_policy=spec.get("deletionPolicy", "Retain"),
        switches=Switches(overrides),
        child_labels={},
        child_annotations={},
        child_spec={**child, "chainId": spec["genesis"]["chainId"], "overrides": overrides, "validator": {}},
        status=body.get("status") or {},
    )
