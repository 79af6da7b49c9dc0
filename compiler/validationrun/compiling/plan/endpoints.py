"""`spec.chain` -> the URLs of its full nodes, by what the overrides of each deployment switch off or move."""

from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.contract.plan_json import PlannedEndpoints
from validationrun.spec.v1alpha1 import ChainSpec, Deployment
from validationrun.spec.v1alpha1.evm_overrides import EVM_ENABLED, EVM_PORT, OFF, ON, WS_ENABLED, WS_PORT, port_number

_EVM_PORT: Final = 8545
_WS_PORT: Final = 8546
_REST_PORT: Final = 1317


@dataclass(frozen=True, slots=True)
class Listeners:
    """The ports at which the nodes of a deployment serve EVM; None for what is switched off."""

    evm: int | None
    ws: int | None


def listeners(entry: Deployment) -> Listeners:
    """
    By the overrides `evm.http_enabled`, `evm.http_port`, `evm.ws_enabled` and `evm.ws_port`.

    WebSocket has a switch of its own; without that key it is taken to be on exactly where EVM is. A replayer, for which the
    controller publishes no EVM endpoint, serves what its overrides switch on and nothing else.
    """
    node = entry.spec.template.spec
    overrides = node.overrides or {}
    evm = overrides.get(EVM_ENABLED) in ON if node.replayer is not None else overrides.get(EVM_ENABLED) not in OFF
    ws = overrides[WS_ENABLED] not in OFF if WS_ENABLED in overrides else evm
    # Lint refuses what is no port (VR331).
    return Listeners(
        (port_number(overrides.get(EVM_PORT, "")) or _EVM_PORT) if evm else None,
        (port_number(overrides.get(WS_PORT, "")) or _WS_PORT) if ws else None,
    )


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
