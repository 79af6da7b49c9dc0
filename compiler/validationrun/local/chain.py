"""The chain that is there already: its id and its endpoints."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.local.preflight import LocalError
from validationrun.spec.v1alpha1 import ValidationRun

KINDS: Final = ("rpc", "evm", "ws", "rest")
CHAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What chains call themselves, such as pacific-1: nothing in it can change the meaning of where it is put."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Endpoints by kind, in the order in which they were given."""

    chain_id: str
    endpoints: Mapping[str, Sequence[str]]

    def values(self) -> dict[str, str]:
        """By the names of the tokens that the plan fills."""
        found = {"chainId": self.chain_id}
        for kind in KINDS:
            urls = list(self.endpoints[kind])
            found[f"{kind}Url"] = urls[0] if urls else ""
            found[f"{kind}Endpoints"] = ",".join(urls)
            found[f"{kind}EndpointsJson"] = json.dumps(urls)
        return found


def endpoints_of(run: ValidationRun, given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """
    Those of the command line, else the spec's. An RPC of the command line is another chain: nothing of the spec's fits it.

    Raises:
        LocalError: there is no RPC.
    """
    spec = run.spec.chain.endpoints
    if given.get("rpc"):
        return {kind: list(given.get(kind) or []) for kind in KINDS}
    if spec is None:
        raise LocalError(
            f"run {run.metadata.name} brings a chain up, which a local run does not: give --rpc URL of one that is there"
        )
    own = {"rpc": spec.rpc, "evm": spec.evm, "ws": spec.ws, "rest": spec.rest}
    return {kind: list(given.get(kind) or own[kind]) for kind in KINDS}


def chain_of(
    run: ValidationRun,
    given: Mapping[str, Sequence[str]],
    chain_id: str | None,
    ask: Callable[[str], Any],
) -> Chain:
    """
    Args:
        chain_id: of the command line.
        ask: for `/status` of an RPC: the answer's JSON; raises ValueError, in words.

    Raises:
        LocalError: there is no RPC, or nobody says which chain it is.
    """
    endpoints = endpoints_of(run, given)
    if chain_id is None and run.spec.chain.endpoints is not None and not given.get("rpc"):
        chain_id = run.spec.chain.chain_id
    if chain_id is None:
        chain_id = _network(endpoints["rpc"][0], ask)
    return Chain(chain_id, endpoints)


def _network(url: str, ask: Callable[[str], Any]) -> str:
    """`node_info.network` of Tendermint's `/status`, which some nodes put into an envelope."""
    try:
        body = ask(f"{url.rstrip('/')}/status")
    except ValueError as error:
        raise LocalError(f"{url} does not say which chain it is: {error}; give --chain-id") from None
    try:
        network = body.get("result", body)["node_info"]["network"]
    except (AttributeError, KeyError, TypeError):
        network = None
    if not isinstance(network, str) or not CHAIN_ID.fullmatch(network):
        raise LocalError(f"{url}: /status names no chain (node_info.network); give --chain-id")
    return network
