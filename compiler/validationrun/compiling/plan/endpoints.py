"""`spec.chain` -> the URLs of its full nodes, by what the overrides of each deployment switch off or move."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.contract.plan_json import PlannedEndpoints
from validationrun.spec.v1alpha1 import ChainSpec, Deployment

_EVM_PORT: Final = 8545
_WS_PORT: Final = 8546
_REST_PORT: Final = 1317
_OFF: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
"""What the nodes' own reader takes for false."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The ports at which the nodes of a deployment serve EVM; None for what is switched off."""

    evm: int | None
    ws: int | None


def listeners(entry: Deployment) -> Listeners:
    """
    By the overrides `evm.http_enabled`, `evm.http_port`, `evm.ws_enabled` and `evm.ws_port`.

    WebSocket has a switch of its own; without that key it is taken to be on exactly where EVM is.
    """
    overrides = entry.spec.template.spec.overrides or {}
    evm = overrides.get("evm.http_enabled") not in _OFF
    ws = overrides["evm.ws_enabled"] not in _OFF if "evm.ws_enabled" in overrides else evm
    return Listeners(
        _port(overrides, "evm.http_port", _EVM_PORT) if evm else None,
        _port(overrides, "evm.ws_port", _WS_PORT) if ws else None,
    )


def _port(overrides: Mapping[str, str], key: str, default: int) -> int:
    text = overrides.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("65535") else default


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
