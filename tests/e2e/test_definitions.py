"""The stand-in's definitions on a real API server: bodies that the real ones refuse are refused, each for its own reason."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from tests.e2e.world import World, merge

from validationrun.kube.cluster import (
    SEI_NETWORKS,
    SEI_NODE_DEPLOYMENTS,
    SEI_NODES,
    ClusterError,
    Object,
    Resource,
)

KINDS: Final = {
    SEI_NODE_DEPLOYMENTS: "SeiNodeDeployment",
    SEI_NETWORKS: "SeiNetwork",
    SEI_NODES: "SeiNode",
}
IMAGE: Final = "localhost/validationrun/chain:test"
NODE: Final[Object] = {"chainId": "c-1", "image": IMAGE, "fullNode": {}}
FULL: Final[Object] = {"replicas": 1, "updateStrategy": {"type": "InPlace"}, "template": {"spec": NODE}}
VALIDATORS: Final[Object] = merge(
    FULL, {"genesis": {"chainId": "c-1"}, "template": {"spec": {"fullNode": None, "validator": {}}}}
)
NETWORK: Final[Object] = {"image": IMAGE, "replicas": 1, "genesis": {"chainId": "c-1"}}


def key(name: str) -> Object:
    return {"secret": {"secretName": name}}


def in_node(patch: Mapping[str, Any]) -> Object:
    return {"template": {"spec": dict(patch)}}


def in_snapshot(source: Mapping[str, Any]) -> Object:
    return {"fullNode": {"snapshot": dict(source)}}


# Each: to what it is merged, the patch, and words of the API server's answer.
OF_NODES: Final[Mapping[str, tuple[Object, str]]] = {
    "archive-beside-full-node": ({"archive": {}}, "a node has one mode"),
    "replayer-beside-full-node": (
        {"replayer": {"snapshot": {"stateSync": {}}}, "peers": [{"static": {"addresses": ["a@b:1"]}}]},
        "a node has one mode",
    ),
    "no-mode": ({"fullNode": None}, "a node has one mode"),
    "replayer-without-peers": (
        {"fullNode": None, "replayer": {"snapshot": {"stateSync": {}}}},
        "a replayer names its peers",
    ),
    "snapshot-of-no-source": (in_snapshot({}), "a snapshot comes either"),
    "snapshot-of-two-sources": (in_snapshot({"s3": {"targetHeight": 1}, "stateSync": {}}), "a snapshot comes either"),
    "snapshot-at-height-0": (in_snapshot({"s3": {"targetHeight": 0}}), "targetHeight"),
    "peer-of-no-form": ({"peers": [{}]}, "a peer has one form"),
    "peer-of-two-forms": (
        {"peers": [{"label": {"selector": {"a": "b"}}, "static": {"addresses": ["a@b:1"]}}]},
        "a peer has one form",
    ),
    "empty-selector": ({"peers": [{"label": {"selector": {}}}]}, "selector"),
    "no-address": ({"peers": [{"static": {"addresses": []}}]}, "addresses"),
    "import-without-claim": ({"dataVolume": {"import": {}}}, "pvcName"),
    "unknown-key-in-spec": ({"imagePullPolicy": "Always"}, 'unknown field ".*imagePullPolicy"'),
    "unknown-key-in-full-node": ({"fullNode": {"pruning": "none"}}, 'unknown field ".*fullNode.pruning"'),
    "unknown-key-in-sidecar": ({"sidecar": {"tag": "v1"}}, 'unknown field ".*sidecar.tag"'),
    "override-that-is-no-text": ({"overrides": {"evm.http_port": 8545}}, "overrides"),
    "signing-key-alone": (
        {"fullNode": None, "validator": {"signingKey": key("a")}},
        "signingKey and nodeKey go together",
    ),
    "one-secret-for-both-keys": (
        {"fullNode": None, "validator": {"signingKey": key("a"), "nodeKey": key("a")}},
        "different Secrets",
    ),
}
OF_DEPLOYMENTS: Final[Mapping[str, tuple[Object, Object, str]]] = {
    "no-strategy": (FULL, {"updateStrategy": None}, "updateStrategy: Required"),
    "hard-fork-without-height": (FULL, {"updateStrategy": {"type": "HardFork"}}, "HardFork needs"),
    "genesis-of-full-nodes": (FULL, {"genesis": {"chainId": "c-1"}}, "genesis is for validators only"),
    "incomplete-fork": (VALIDATORS, {"genesis": {"fork": {"sourceChainId": "pacific-1"}}}, "exportHeight: Required"),
    "chain-id-of-one-letter": (VALIDATORS, {"genesis": {"chainId": "c"}}, "chainId"),
    "override-of-genesis-that-is-no-text": (VALIDATORS, {"genesis": {"overrides": {"a": 1}}}, "overrides"),
    "no-replicas": (FULL, {"replicas": 0}, "replicas"),
    "too-many-replicas": (FULL, {"replicas": 101}, "replicas"),
    "unknown-key-in-networking": (FULL, {"networking": {"host": "x"}}, 'unknown field "spec.networking.host"'),
    "no-unit-in-interval": (FULL, {"monitoring": {"serviceMonitor": {"interval": "30"}}}, "interval"),
}
OF_NETWORKS: Final[Mapping[str, tuple[Object, str]]] = {
    "no-genesis": ({"genesis": None}, "genesis: Required"),
    "deployment's-template": ({"template": {"spec": {}}}, 'unknown field "spec.template"'),
    "deployment's-strategy": ({"updateStrategy": {"type": "InPlace"}}, 'unknown field "spec.updateStrategy"'),
    "fork": ({"genesis": {"fork": {"exportHeight": 1}}}, 'unknown field "spec.genesis.fork"'),
    "overrides-by-the-name-of-a-node": ({"overrides": {"a": "b"}}, 'unknown field "spec.overrides"'),
    "account-without-balance": ({"genesis": {"accounts": [{"address": "sei1"}]}}, "balance: Required"),
}
CASES: Final = [
    *((SEI_NODES, f"node-{name}", merge(NODE, patch), said) for name, (patch, said) in OF_NODES.items()),
    *(
        (SEI_NODE_DEPLOYMENTS, f"template-{name}", merge(FULL, in_node(patch)), said)
        for name, (patch, said) in OF_NODES.items()
    ),
    *((SEI_NODE_DEPLOYMENTS, name, merge(base, patch), said) for name, (base, patch, said) in OF_DEPLOYMENTS.items()),
    *((SEI_NETWORKS, f"network-{name}", merge(NETWORK, patch), said) for name, (patch, said) in OF_NETWORKS.items()),
    (SEI_NODES, "node-with-entrypoint", merge(NODE, {"entrypoint": {"command": ["seid"]}}), 'unknown field "spec.e'),
    (SEI_NODES, "node-of-a-chain-with-a-dot", merge(NODE, {"chainId": "c.1"}), "chainId"),
]
CEREMONY: Final[Object] = {"chainId": "c-1", "index": 0, "stakingAmount": "1usei", "accountBalance": "1usei"}
ACCEPTED: Final = [
    (SEI_NODE_DEPLOYMENTS, FULL),
    (SEI_NODE_DEPLOYMENTS, VALIDATORS),
    (SEI_NODE_DEPLOYMENTS, merge(FULL, in_node({"entrypoint": {"command": ["seid"]}, "sidecar": {"image": "s"}}))),
    (
        SEI_NODE_DEPLOYMENTS,
        merge(
            VALIDATORS,
            in_node({"validator": {"genesisCeremony": {**CEREMONY, "genesisParams": "{}"}}}),
        ),
    ),
    (SEI_NETWORKS, merge(NETWORK, {"genesis": {"overrides": {"a": {"b": [1, True]}}}, "deletionPolicy": "Delete"})),
    (SEI_NODES, merge(NODE, {"peers": [{"label": {"selector": {"sei.io/seinetwork": "c-1-val"}}}]})),
    (SEI_NODES, merge(NODE, in_snapshot({"stateSync": {}, "rpcServers": ["a:1", "b:2"]}))),
]
FIXED: Final = {
    "genesis": ({"genesis": {"chainId": "c-2"}}, "the genesis stays"),
    "replicas": ({"replicas": 2}, "the number of validators stays"),
    "data-volume": ({"dataVolume": {"import": {"pvcName": "claim"}}}, "the data volume stays"),
}


def body_of(resource: Resource, spec: Object) -> Object:
    kind = KINDS[resource]
    return {"apiVersion": "sei.io/v1alpha1", "kind": kind, "metadata": {"name": "given"}, "spec": copy.deepcopy(spec)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("definitions") as opened:
        yield opened


@pytest.mark.parametrize(
    ("resource", "spec", "said"),
    [(one, spec, said) for one, _, spec, said in CASES],
    ids=[name for _, name, *_ in CASES],
)
def test_refused(world: World, resource: Resource, spec: Object, said: str) -> None:
    with pytest.raises(ClusterError, match=said):
        world.cluster.create(resource, body_of(resource, spec), dry_run=True)


@pytest.mark.parametrize(("resource", "spec"), ACCEPTED)
def test_accepted(world: World, resource: Resource, spec: Object) -> None:
    assert world.cluster.create(resource, body_of(resource, spec), dry_run=True)["spec"]


def test_unknown_key_at_the_top(world: World) -> None:
    body = {**body_of(SEI_NODES, NODE), "extra": {}}
    with pytest.raises(ClusterError, match='unknown field "extra"'):
        world.cluster.create(SEI_NODES, body, dry_run=True)


def test_defaults(world: World) -> None:
    """What nobody writes: a SeiNetwork keeps its nodes, a SeiNodeDeployment does not."""
    network = world.cluster.create(SEI_NETWORKS, body_of(SEI_NETWORKS, NETWORK), dry_run=True)
    deployment = world.cluster.create(SEI_NODE_DEPLOYMENTS, body_of(SEI_NODE_DEPLOYMENTS, FULL), dry_run=True)
    assert (network["spec"]["deletionPolicy"], deployment["spec"]["deletionPolicy"]) == ("Retain", "Delete")


@pytest.mark.parametrize("what", FIXED)
def test_what_stays_as_it_was_created(world: World, what: str) -> None:
    patch, said = FIXED[what]
    body = body_of(SEI_NETWORKS, NETWORK)
    body["metadata"]["name"] = what
    world.cluster.create(SEI_NETWORKS, body)
    with pytest.raises(ClusterError, match=said):
        world.cluster.patch(SEI_NETWORKS, what, {"spec": patch})
    assert world.cluster.patch(SEI_NETWORKS, what, {"spec": {"image": "another"}}) is not None
