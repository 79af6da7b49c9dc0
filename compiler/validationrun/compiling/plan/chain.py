"""`spec.chain` -> the manifests of its objects, and endpoints."""

from typing import Final

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.compiling.plan.model import ChainObject, Manifest
from validationrun.compiling.plan.sei_network import sei_network, sei_node
from validationrun.compiling.plan.sei_node_deployment import sei_node_deployment
from validationrun.contract.plan_json import PlannedEndpoints
from validationrun.spec.v1alpha1 import ChainSpec, Deployment

_EVM_PORT: Final = 8545
_WS_PORT: Final = 8546
_REST_PORT: Final = 1317
_EVM_SWITCH: Final = "evm.http_enabled"

_IMAGE_PATHS: Final = {
    "SeiNodeDeployment": "/spec/template/spec/image",
    "SeiNetwork": "/spec/image",
    "SeiNode": "/spec/image",
}
"""JSON pointers of the image, by kind."""


def plan_deployments(chain: ChainSpec, namespace: str) -> tuple[ChainObject, ...]:
    """One manifest for each deployment, in the order of the spec."""
    entries = chain.deployments or []
    validator = next((entry.name for entry in entries if entry.role == "validator"), "")
    return tuple(_chain_object(entry, _manifest(entry, chain.api, namespace, validator)) for entry in entries)


def _manifest(entry: Deployment, api: conventions.ChainApi, namespace: str, validator: str) -> Manifest:
    if api == "SeiNodeDeployment":
        return sei_node_deployment(entry, namespace, validator)
    return sei_network(entry, namespace) if entry.role == "validator" else sei_node(entry, namespace, validator)


def _chain_object(entry: Deployment, made: Manifest) -> ChainObject:
    overrides = entry.spec.template.spec.overrides or {}
    return ChainObject(
        name=entry.name,
        role=entry.role,
        kind=made.data["kind"],
        object_name=f"{CHAIN_ID}-{entry.name}",
        replicas=entry.spec.replicas,
        image=entry.spec.template.spec.image,
        image_path=_IMAGE_PATHS[made.data["kind"]],
        serves_evm=entry.role == "fullNode" and overrides.get(_EVM_SWITCH) != "false",
        manifest=made,
    )


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
