"""Where the nodes of a chain serve EVM and WebSocket, by the overrides of each deployment."""

from dataclasses import dataclass
from typing import Final

from validationrun.spec.v1alpha1 import ChainSpec, Deployment
from validationrun.spec.v1alpha1.evm_overrides import EVM_ENABLED, EVM_PORT, OFF, ON, WS_ENABLED, WS_PORT, port_number

_EVM_PORT: Final = 8545
_WS_PORT: Final = 8546


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


def unserved_kinds(chain: ChainSpec) -> frozenset[str]:
    """The kinds of endpoints of which a run has none; a chain without full nodes, which is an error of its own, has all."""
    given = chain.endpoints
    if given is not None:
        urls = {"rpc": given.rpc, "evm": given.evm, "ws": given.ws, "rest": given.rest}
        return frozenset(kind for kind, listed in urls.items() if not listed)
    served = [listeners(entry) for entry in chain.deployments or [] if entry.role == "fullNode"]
    if not served:
        return frozenset()
    some = {"evm": any(node.evm is not None for node in served), "ws": any(node.ws is not None for node in served)}
    return frozenset(kind for kind, found in some.items() if not found)
