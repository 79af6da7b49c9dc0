"""The chain of a local run, which exists already: its id and its endpoints."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.conventions import ENDPOINT_KINDS
from validationrun.base.http import NoResponseError, fetch_json
from validationrun.local.preflight import LocalError
from validationrun.spec.v1alpha1 import ValidationRun

CHAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A chain id such as pacific-1; no character of it can change the meaning of a query or a URL."""

_ANSWER_SECONDS: Final = 5.0
_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chain:
    """An existing chain: its id, and its endpoints by kind in the given order."""

    chain_id: str
    endpoints: Mapping[str, Sequence[str]]

    def values(self) -> dict[str, str]:
        """The run-time values of the chain, by token name."""
        values = {"chainId": self.chain_id}
        for kind in ENDPOINT_KINDS:
            urls = list(self.endpoints[kind])
            values[f"{kind}Url"] = urls[0] if urls else ""
            values[f"{kind}Endpoints"] = ",".join(urls)
            values[f"{kind}EndpointsJson"] = json.dumps(urls)
        return values


def endpoints_of(run: ValidationRun, given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """
    The endpoints of the command line, else the spec's. An RPC of the command line replaces all endpoints of the spec, because
    it may be another chain's.

    Raises:
        LocalError: no RPC is given.
    """
    spec = run.spec.chain.endpoints
    if given.get("rpc"):
        return {kind: list(given.get(kind) or []) for kind in ENDPOINT_KINDS}
    if spec is None:
        raise LocalError(
            f"run {run.metadata.name} brings a chain up, which a local run does not: give --rpc URL of a chain that exists"
        )
    own = {"rpc": spec.rpc, "evm": spec.evm, "ws": spec.ws, "rest": spec.rest}
    return {kind: list(given.get(kind) or own[kind]) for kind in ENDPOINT_KINDS}


def _ask(url: str) -> Any:
    return fetch_json(url, timeout_s=_ANSWER_SECONDS, most_bytes=_MOST_BYTES)


def chain_of(
    run: ValidationRun,
    given: Mapping[str, Sequence[str]],
    chain_id: str | None,
    ask: Callable[[str], Any] = _ask,
) -> Chain:
    """
    The chain under load.

    Args:
        given: endpoints of the command line, by kind.
        chain_id: of the command line.
        ask: returns the JSON behind the `/status` of an RPC. Raises NoResponseError.

    Raises:
        LocalError: no RPC is given, or the RPC does not name its chain.
    """
    endpoints = endpoints_of(run, given)
    if chain_id is None and run.spec.chain.endpoints is not None and not given.get("rpc"):
        chain_id = run.spec.chain.chain_id
    if chain_id is None:
        chain_id = _network(endpoints["rpc"][0], ask)
    return Chain(chain_id, endpoints)


def _network(url: str, ask: Callable[[str], Any]) -> str:
    """`node_info.network` of Tendermint's `/status`, which some nodes wrap in `result`."""
    try:
        body = ask(f"{url.rstrip('/')}/status")
    except NoResponseError as error:
        raise LocalError(f"{url} does not say which chain it is: {error.detail}; give --chain-id") from None
    try:
        network = body.get("result", body)["node_info"]["network"]
    except (AttributeError, KeyError, TypeError):
        network = None
    if not isinstance(network, str) or not CHAIN_ID.fullmatch(network):
        raise LocalError(f"{url}: /status names no chain (node_info.network); give --chain-id")
    return network
