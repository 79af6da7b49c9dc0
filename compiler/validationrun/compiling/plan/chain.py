"""`spec.chain` -> SeiNodeDeployment manifests and endpoints."""

from typing import Any, Final, TypeVar

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import CHAIN_ID, Template, manifest, owner_references, run_labels
from validationrun.compiling.plan.model import ChainObject
from validationrun.contract.plan_json import PlannedEndpoints
from validationrun.spec.v1alpha1 import ChainSpec, Deployment
from validationrun.spec.v1alpha1.nodes import modes_of

_Value = TypeVar("_Value")

_EVM_PORT: Final = 8545
_WS_PORT: Final = 8546
_REST_PORT: Final = 1317
_EVM_SWITCH: Final = "evm.http_enabled"


def plan_deployments(chain: ChainSpec, namespace: str) -> tuple[ChainObject, ...]:
    """One object for each deployment, in the order of the spec."""
    entries = chain.deployments or []
    validator = next((entry.name for entry in entries if entry.role == "validator"), "")
    return tuple(_chain_object(entry, namespace, validator) for entry in entries)


def _chain_object(entry: Deployment, namespace: str, validator: str) -> ChainObject:
    name = f"{CHAIN_ID}-{entry.name}"
    overrides = entry.spec.template.spec.overrides or {}
    return ChainObject(
        name=entry.name,
        role=entry.role,
        object_name=name,
        replicas=entry.spec.replicas,
        image=entry.spec.template.spec.image,
        serves_evm=entry.role == "fullNode" and overrides.get(_EVM_SWITCH) != "false",
        manifest=manifest(
            conventions.BUNDLE_CHAIN.format(name=entry.name),
            {
                "apiVersion": conventions.CHAIN_API_VERSION,
                "kind": "SeiNodeDeployment",
                "metadata": {
                    "name": Template(name),
                    "namespace": namespace,
                    "labels": _labels(entry),
                    "ownerReferences": owner_references(),
                },
                "spec": _spec(entry, validator),
            },
        ),
    )


def _labels(entry: Deployment) -> dict[str, str]:
    component = conventions.COMPONENT_CHAIN if entry.role == "validator" else conventions.COMPONENT_RPC
    return {
        **run_labels(component),
        conventions.LABEL_ROLE: entry.role,
        conventions.LABEL_DEPLOYMENT: entry.name,
    }


def _spec(entry: Deployment, validator: str) -> dict[str, Any]:
    """The user's spec with the fields of the contract's section "chain". The user's value wins, except for labels and chain id."""
    spec = entry.spec.model_dump(by_alias=True, exclude_unset=True)
    template = spec["template"]
    node = template["spec"]
    node["chainId"] = Template(CHAIN_ID)
    if not modes_of(entry.spec.template.spec):
        node[entry.role] = {}
    node.setdefault("peers", [{"label": {"selector": _peer_selector(entry, validator)}}])
    metadata = template.setdefault("metadata", {})
    # The controller copies only these labels down to nodes and pods.
    metadata["labels"] = {**metadata.get("labels", {}), **_labels(entry)}
    if entry.role == "validator":
        spec["genesis"] = {**spec.get("genesis", {}), "chainId": Template(CHAIN_ID)}
    return {
        "replicas": entry.spec.replicas,
        "deletionPolicy": spec.pop("deletionPolicy", "Delete"),
        "updateStrategy": spec.pop("updateStrategy", {"type": "InPlace"}),
        **({"genesis": spec.pop("genesis")} if "genesis" in spec else {}),
        **{key: value for key, value in spec.items() if key not in ("replicas", "template")},
        "template": {
            "metadata": metadata,
            "spec": _ordered(node, ("chainId", "image", "validator", "fullNode", "archive", "replayer", "peers")),
            **{key: value for key, value in template.items() if key not in ("metadata", "spec")},
        },
    }


def _peer_selector(entry: Deployment, validator: str) -> dict[str, str]:
    if entry.role == "validator":
        return {conventions.LABEL_CHAIN_ID: Template(CHAIN_ID)}
    return {conventions.LABEL_NODE_DEPLOYMENT: Template(f"{CHAIN_ID}-{validator}")}


def _ordered(mapping: dict[str, _Value], first: tuple[str, ...]) -> dict[str, _Value]:
    return {key: mapping[key] for key in (*first, *(k for k in mapping if k not in first)) if key in mapping}


def plan_endpoints(
    chain: ChainSpec, objects: tuple[ChainObject, ...], namespace: str, cluster_domain: str
) -> PlannedEndpoints:
    """
    The URLs of the full nodes, through their headless Services: one Service per node, named like the node.

    A deployment that switches EVM off is left out of the EVM and WebSocket lists.
    """
    if chain.endpoints is not None:
        given = chain.endpoints
        return PlannedEndpoints(tuple(given.rpc), tuple(given.evm), tuple(given.ws), tuple(given.rest))
    suffix = f"{namespace}.svc" + (f".{cluster_domain}" if cluster_domain else "")
    nodes = [
        (f"{entry.object_name}-{index}-0.{entry.object_name}-{index}.{suffix}", entry.serves_evm)
        for entry in objects
        if entry.role == "fullNode"
        for index in range(entry.replicas)
    ]
    return PlannedEndpoints(
        rpc=tuple(f"http://{host}:{conventions.TENDERMINT_RPC_PORT}" for host, _ in nodes),
        evm=tuple(f"http://{host}:{_EVM_PORT}" for host, evm in nodes if evm),
        ws=tuple(f"ws://{host}:{_WS_PORT}" for host, evm in nodes if evm),
        rest=tuple(f"http://{host}:{_REST_PORT}" for host, _ in nodes),
    )
