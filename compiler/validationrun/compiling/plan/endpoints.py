"""`spec.chain` -> the URLs of its full nodes, by what the overrides of each deployment switch off or move."""

from typing import Final

from validationrun.base import conventions
from validationrun.compiling.listeners import listeners
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.contract.plan_json import PlannedEndpoints
from validationrun.spec.v1alpha1 import ChainSpec

_REST_PORT: Final = 1317


def plan_endpoints(chain: ChainSpec, namespace: str, cluster_domain: str) -> PlannedEndpoints:
    """
    The URLs of the full nodes, through their headless Services: one Service per node, named like the node.

    A deployment that switches EVM or WebSocket off is left out of that list.
    """
    if chain.endpoints is not None:
        given = chain.endpoints
        return PlannedEndpoints(tuple(given.rpc), tuple(given.evm), tuple(given.ws), tuple(given.rest))
    suffix = f"{namespace}.svc" + (f".{cluster_domain}" if cluster_domain else "")
    nodes = [
        (f"{node}-0.{node}.{suffix}", listeners(entry))
        for entry in chain.deployments or []
        if entry.role == "fullNode"
        for node in (f"{CHAIN_ID}-{entry.name}-{ordinal}" for ordinal in range(entry.spec.replicas))
    ]
    return PlannedEndpoints(
        rpc=tuple(f"http://{host}:{conventions.TENDERMINT_RPC_PORT}" for host, _ in nodes),
        evm=tuple(f"http://{host}:{served.evm}" for host, served in nodes if served.evm is not None),
        ws=tuple(f"ws://{host}:{served.ws}" for host, served in nodes if served.ws is not None),
        rest=tuple(f"http://{host}:{_REST_PORT}" for host, _ in nodes),
    )
